/**
 * What happens to a connection between accept(2) and the queue: in `sticky` its
 * first bytes are read, to find out who the client is (nginx calls this phase
 * "preread").
 *
 * @module
 */

import type { Connection } from "../adapter/connection.ts";
import type { Clock } from "../adapter/clock.ts";
import type { Affinity } from "../options/balance.ts";
import { MAX_V2, parseProxyHead } from "./proxy_protocol.ts";
import { idIn, isComplete, mayBeHttp } from "./request_head.ts";
import type { ProxySettings } from "../options/listener_features.ts";
import { MAX_HEAD } from "../protocol.ts";

/**
 * How long a client has to send the head of its first request, in ms. After
 * that it goes to any worker, which then applies its own limits.
 */
export const PREREAD_MS = 10_000;

/** How many clients are waited for at once; the oldest then goes on as it is. */
export const MAX_READING = 4096;

/** A connection on its way to a worker, and what was read of it before. */
export interface Arrival {
  /** Where it came in. */
  readonly listener: string;
  /** The connection. */
  readonly connection: Connection;
  /** What ties the client to a worker, as far as it is known. */
  readonly key?: string | undefined;
  /** What was read of it here, one character per byte. */
  readonly head?: string | undefined;
}

/** Reads the first bytes of connections before they wait for a worker. */
export interface Preread {
  /**
   * A connection was accepted.
   *
   * @param proxy how a load balancer says whose it is, if it does
   */
  offer(
    listener: string,
    connection: Connection,
    proxy?: ProxySettings,
  ): void;
  /** Waits for no client any more: each goes on with what it has sent. */
  flush(): void;
}

/** Makes a preread; where nothing ties clients, all goes on at once. */
export function createPreread(
  affinity: Affinity | undefined,
  clock: Clock,
  enqueue: (arrival: Arrival) => void,
): Preread {
  /** What ends the reading of each, the oldest first. */
  const reading = new Set<() => void>();

  const read = (listener: string, connection: Connection, clue: Clue): void => {
    let head = "";
    let key = (): string | undefined => undefined;
    let open = true;
    const stop = (): boolean => {
      const first = open;
      open = false;
      reading.delete(goOn);
      timer[Symbol.dispose]();
      reader[Symbol.dispose]();
      return first;
    };
    const goOn = (): void => {
      if (!stop()) return;
      const taken = connection.peeks ? undefined : head;
      enqueue({ listener, connection, key: key(), head: taken });
    };
    const timer = clock.after(PREREAD_MS, goOn);
    const reader = connection.read(MAX_HEAD, {
      bytes(bytes) {
        const from = head.length;
        head += latin1(bytes);
        const found = inspect(head, from, clue);
        key = found.key;
        if (found.whole || head.length >= MAX_HEAD) goOn();
      },
      end(broken) {
        // Whoever leaves without a word needs no answer.
        if (!broken && head !== "") goOn();
        else if (stop()) connection.close();
      },
    });
    reading.add(goOn);
    if (reading.size > MAX_READING) {
      for (const oldest of reading) return oldest();
    }
  };

  return {
    offer(listener, connection, proxy) {
      if (affinity === undefined) return enqueue({ listener, connection });
      const { peer } = connection;
      if (affinity.by === "address" && proxy === undefined) {
        return enqueue({ listener, connection, key: peer });
      }
      read(listener, connection, { affinity, proxy, peer });
    },
    flush() {
      for (const goOn of [...reading]) goOn();
    },
  };
}

/** One character per byte (ISO 8859-1): short in JSON, as heads are ASCII. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** What the first bytes are looked through for. */
interface Clue {
  /** What ties clients to workers. */
  readonly affinity: Affinity;
  /** How a load balancer says whose connection it passes on, if it does. */
  readonly proxy: ProxySettings | undefined;
  /** The address that the connection comes from. */
  readonly peer: string | undefined;
}

/** What was found in them so far. */
interface Finding {
  /** True when more bytes tell nothing more. */
  readonly whole: boolean;
  /** What ties the client to a worker, as far as it is known. */
  key(): string | undefined;
}

/**
 * Looks at the first bytes, one character each.
 *
 * @param from how many of them were looked at before
 */
function inspect(bytes: string, from: number, clue: Clue): Finding {
  const { affinity, proxy, peer } = clue;
  if (proxy !== undefined) {
    const head = parseProxyHead(
      Uint8Array.from(bytes.slice(0, MAX_V2), (char) => char.charCodeAt(0)),
      proxy.version,
    );
    // The worker closes a connection without a header: any worker will do.
    if (head.kind !== "whole") {
      return { whole: head.kind === "bad", key: () => undefined };
    }
    const { length, source } = head;
    return inspect(bytes.slice(length), Math.max(0, from - length), {
      affinity,
      proxy: undefined,
      peer: source?.address ?? peer,
    });
  }
  // Of a client that ends TLS in the worker only the address can be seen.
  if (affinity.by === "address" || !mayBeHttp(bytes)) {
    return { whole: true, key: () => peer };
  }
  return {
    whole: isComplete(bytes, affinity, from),
    key: () => idIn(bytes, affinity),
  };
}
