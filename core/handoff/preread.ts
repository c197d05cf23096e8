/**
 * What happens to a connection between accept(2) and the dispatcher: in
 * `sticky` it is found out who the client is.
 *
 * @module
 */

import type { Clock, Connection } from "../adapter.ts";
import type { Tie } from "../options/balance.ts";
import { type Clue, told } from "./first_bytes.ts";
import type { ProxySettings } from "../options/listener_features.ts";
import { MAX_HEAD } from "../protocol.ts";

/**
 * How long a client has to send the head of its first request, in ms. After
 * that it goes to any worker, which then applies its own limits.
 */
export const HEAD_MS = 10_000;

/** How many clients are waited for at once; the oldest then goes on as it is. */
export const MAX_READING = 4096;

/** What was learned of a connection before it was offered. */
export interface Introduction {
  /** What ties the client to a worker. */
  readonly key?: string | undefined;
  /** What was read of it here, one character per byte. */
  readonly head?: string | undefined;
}

/** Gets to know clients. */
export interface Reception {
  /**
   * A connection was accepted.
   *
   * @param proxy how a load balancer says whose it is, if it does
   */
  receive(
    listener: string,
    connection: Connection,
    proxy?: ProxySettings,
  ): void;
  /** Waits for no client any more: each goes on with what it has sent. */
  flush(): void;
}

/** Passes on a connection and what was learned of it. */
export type Introduce = (
  listener: string,
  connection: Connection,
  introduction: Introduction,
) => void;

/** Makes a reception; without a tie it passes everything on at once. */
export function createReception(
  tie: Tie | undefined,
  clock: Clock,
  introduce: Introduce,
): Reception {
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
      if (stop()) introduce(listener, connection, { key: key(), head });
    };
    const timer = clock.after(HEAD_MS, goOn);
    // The worker gets to see it as well: Node has no way to look at bytes
    // without taking them out of the connection.
    const reader = connection.read(MAX_HEAD, {
      bytes(bytes) {
        const from = head.length;
        head += textOf(bytes);
        const so = told(head, from, clue);
        key = so.key;
        if (so.whole || head.length >= MAX_HEAD) goOn();
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
    receive(listener, connection, proxy) {
      if (tie === undefined) return introduce(listener, connection, {});
      const { peer } = connection;
      if (tie.by === "address" && proxy === undefined) {
        return introduce(listener, connection, { key: peer });
      }
      read(listener, connection, { tie, proxy, peer });
    },
    flush() {
      for (const goOn of [...reading]) goOn();
    },
  };
}

/** One character per byte (ISO 8859-1): short in JSON, as heads are ASCII. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
