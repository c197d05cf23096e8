/**
 * What becomes of clients while no worker serves: they are answered, refused, or
 * wait. It is the one case in which the supervisor accepts on a socket that it
 * shares, or closes one.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { Declining, Refusing } from "../adapter/decline.ts";
import type { Listener } from "../listeners/listeners.ts";
import { isDatagram } from "../options/dgram.ts";
import type { Processes } from "./processes.ts";

/** How long a client is asked to wait before it comes again, in seconds. */
const RETRY_AFTER = 5;

/** What a client gets (RFC 9110, 15.6.4). */
const REPLY: Uint8Array = bytesOf(
  "HTTP/1.1 503 Service Unavailable\r\n" +
    `Retry-After: ${RETRY_AFTER}\r\n` +
    "Connection: close\r\nContent-Length: 0\r\n\r\n",
);

/** What clients are given that nobody serves, where they are to be refused. */
const NOTHING: Uint8Array = new Uint8Array(0);

/** Whom clients wait for. */
export interface DownSource {
  /** How many workers are wanted. */
  readonly wanted: number;
  /** True once the pool is to end. */
  readonly stopping: boolean;
  /** True while another supervisor has the sockets, too. */
  readonly shares: boolean;
  /** True when no worker is there, in whatever state. */
  readonly isEmpty: boolean;
  /** Who has the listeners that workers have asked for. */
  readonly processes: Pick<Processes, "onDemand">;
}

/** What is done about the clients of a listener. */
interface Means {
  readonly answer: "503" | "refuse" | "queue";
  readonly reason?: string;
  readonly declining?: readonly Declining[];
  readonly refusing?: readonly Refusing[];
}

/** What it needs of the pool. */
type DownContext = Pick<
  PoolContext,
  "config" | "adapter" | "listeners" | "traffic" | "emit" | "post"
>;

/** Answers for workers that are not there. */
export class Down {
  readonly #context: DownContext;
  readonly #source: DownSource;
  readonly #means = new Map<Listener, Means>();
  #served = false;
  #waiting: Disposable | undefined;
  #due = false;

  /** Begins with a pool that has not served yet. */
  constructor(context: DownContext, source: DownSource) {
    this.#context = context;
    this.#source = source;
  }

  /** Looks whether somebody serves, after anything has happened to the pool. */
  look(): void {
    const { config, adapter, traffic, post } = this.#context;
    const { wanted, stopping, shares } = this.#source;
    const serves = traffic.serving > 0;
    if (serves) this.#served = true;
    if (serves || wanted === 0 || stopping || shares || !this.#served) {
      return this.#end();
    }
    if (this.#due) return this.#begin();
    this.#waiting ??= adapter.clock.after(
      config.downAfter,
      () => post(() => this.#due = true),
    );
  }

  #begin(): void {
    const { listeners, emit } = this.#context;
    const { onDemand } = this.#source.processes;
    for (const listener of [...listeners, ...onDemand.listeners]) {
      const known = this.#means.get(listener);
      if (known !== undefined) {
        this.#tend(listener, known);
        continue;
      }
      const means = this.#choose(listener);
      if (means === undefined) continue;
      this.#means.set(listener, means);
      const { name, address } = listener;
      const { answer, reason } = means;
      emit({
        type: "listener-down",
        name,
        address,
        answer,
        ...(reason !== undefined && { reason }),
      });
    }
  }

  /** What is to be done; undefined where that cannot be begun yet. */
  #choose(listener: Listener): Means | undefined {
    const { config: { down }, traffic } = this.#context;
    if (listener.mode === "reuseport") {
      return { answer: "refuse", reason: "no socket is there that listens" };
    }
    if (isDatagram(listener)) {
      return queued("datagrams wait in the socket's buffer");
    }
    if (down === "queue") return queued("that was asked for");
    if (down === "refuse") return this.#refuse(listener);
    if (listener.certificates !== undefined) {
      return queued("the workers end TLS");
    }
    return down === "503" || traffic.http.has(listener.name)
      ? this.#decline(listener, "503", REPLY)
      : queued("no worker has said that it answers HTTP there");
  }

  /**
   * Closes the listener where nobody waits for connections on it, who would have
   * an error instead: not before every worker that may is gone.
   */
  #refuse(listener: Listener): Means | undefined {
    const refusing = refusingOf(listener, this.#context.adapter);
    if (refusing === undefined) {
      const reason = "it cannot be closed, so what is accepted is";
      return this.#decline(listener, "refuse", NOTHING, reason);
    }
    if (!this.#source.isEmpty) return undefined;
    const means = { answer: "refuse", refusing } as const;
    this.#tend(listener, means);
    return means;
  }

  #decline(
    listener: Listener,
    answer: Means["answer"],
    reply: Uint8Array,
    reason?: string,
  ): Means {
    const { adapter, traffic: { dispatcher } } = this.#context;
    const { name, mode, proxy, sockets, blocks } = listener;
    if (blocks) {
      return queued("programs in other languages wait in accept(2) there");
    }
    const request = { reply, proxy };
    // In `handoff` they are accepted here already.
    const declining = (mode === "handoff" ? [undefined] : sockets)
      .flatMap((socket) => adapter.decline(socket, request) ?? []);
    const [first] = declining;
    if (first === undefined) {
      return queued(`${adapter.runtime} cannot do that without calling libc`);
    }
    if (mode === "handoff") {
      dispatcher.divert(
        name,
        (connection, head) => first.take(connection, head),
      );
    }
    return { answer, declining, ...(reason !== undefined && { reason }) };
  }

  /** Lets a worker that starts open it, and closes it when that is gone. */
  #tend({ listens, backlog }: Listener, { refusing = [] }: Means): void {
    for (const one of refusing) {
      if (this.#source.isEmpty) one.close();
      else if (listens) one.listen(backlog);
      else one.release();
    }
  }

  #end(): void {
    const { traffic, emit } = this.#context;
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = undefined;
    this.#due = false;
    for (const [listener, { declining = [], refusing = [] }] of this.#means) {
      let answered = 0;
      for (const one of declining) {
        one[Symbol.dispose]();
        answered += one.count;
      }
      traffic.dispatcher.divert(listener.name, undefined);
      // A pool that ends has nobody who would accept.
      for (const one of this.#source.stopping ? [] : refusing) {
        // Who serves has opened the ones that it serves; in `sharded` nobody
        // would accept on the others.
        if (listener.mode === "sharded" && !listener.listens) one.release();
        else one.listen(listener.backlog);
      }
      const { name, address } = listener;
      emit({ type: "listener-up", name, address, answered });
    }
    this.#means.clear();
  }
}

function queued(reason: string): Means {
  return { answer: "queue", reason };
}

/**
 * What closes a listener for clients: undefined where its sockets are not this
 * pool's alone, or not of TCP, and where the adapter cannot.
 */
export function refusingOf(
  { inherited, mode, sockets }: Listener,
  adapter: Adapter,
): readonly Refusing[] | undefined {
  if (mode === "handoff" || inherited) return undefined;
  const refusing = sockets.flatMap((socket) => adapter.refuse(socket) ?? []);
  return refusing.length < sockets.length ? undefined : refusing;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
