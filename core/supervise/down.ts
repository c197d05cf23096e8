/**
 * What becomes of clients while no worker serves: they are answered, or wait.
 * It is the one case in which the supervisor accepts on a socket that it shares.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { Listener } from "../listeners/listeners.ts";

type Declining = NonNullable<ReturnType<Adapter["decline"]>>;

/** How long a client is asked to wait before it comes again, in seconds. */
const RETRY_AFTER = 5;

/** What a client gets (RFC 9110, 15.6.4). */
const REPLY: Uint8Array = bytesOf(
  "HTTP/1.1 503 Service Unavailable\r\n" +
    `Retry-After: ${RETRY_AFTER}\r\n` +
    "Connection: close\r\nContent-Length: 0\r\n\r\n",
);

/** Whom clients wait for. */
export interface DownSource {
  /** How many workers are wanted. */
  readonly wanted: number;
  /** True once the pool is to end. */
  readonly stopping: boolean;
}

/** Answers for workers that are not there. */
export class Down {
  readonly #context: Pick<
    PoolContext,
    "config" | "adapter" | "listeners" | "traffic" | "emit" | "post"
  >;
  readonly #source: DownSource;
  readonly #declining = new Map<Listener, readonly Declining[]>();
  #served = false;
  #waiting: Disposable | undefined;
  #due = false;

  /** Begins with a pool that has not served yet. */
  constructor(
    context: Pick<
      PoolContext,
      "config" | "adapter" | "listeners" | "traffic" | "emit" | "post"
    >,
    source: DownSource,
  ) {
    this.#context = context;
    this.#source = source;
  }

  /** Looks whether somebody serves, after anything has happened to the pool. */
  look(): void {
    const { config, adapter, traffic, post } = this.#context;
    const { wanted, stopping } = this.#source;
    if (traffic.serving > 0) this.#served = true;
    if (traffic.serving > 0 || wanted === 0 || stopping || !this.#served) {
      return this.#end();
    }
    if (this.#due) return this.#begin();
    this.#waiting ??= adapter.clock.after(
      config.downAfter,
      () => post(() => this.#due = true),
    );
  }

  #begin(): void {
    const { adapter, listeners, emit } = this.#context;
    for (const listener of listeners) {
      if (this.#declining.has(listener)) continue;
      let why = this.#refusal(listener);
      const declining: Declining[] = [];
      for (const socket of why === undefined ? listener.sockets : []) {
        const one = adapter.decline(socket, REPLY);
        if (one !== undefined) declining.push(one);
        else why = `${adapter.runtime} cannot do that without calling libc`;
      }
      this.#declining.set(listener, declining);
      const { name, address } = listener;
      emit({
        type: "listener-down",
        name,
        address,
        answer: why === undefined ? "503" : "queue",
        ...(why !== undefined && { reason: why }),
      });
    }
  }

  /** Why clients of a listener are not answered. */
  #refusal(listener: Listener): string | undefined {
    const { config: { down }, traffic } = this.#context;
    if (down === "queue") return "that was asked for";
    if (listener.certificates !== undefined) return "the workers end TLS";
    if (listener.proxy !== undefined) return "the workers read PROXY headers";
    switch (listener.mode) {
      case "handoff":
        return "in handoff connections wait in the supervisor";
      case "reuseport":
        return "no socket is there that listens";
      default:
        return down === "503" || traffic.http.has(listener.name)
          ? undefined
          : "no worker has said that it answers HTTP there";
    }
  }

  #end(): void {
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = undefined;
    this.#due = false;
    for (const [{ name, address }, declining] of this.#declining) {
      let answered = 0;
      for (const one of declining) {
        one[Symbol.dispose]();
        answered += one.count;
      }
      this.#context.emit({ type: "listener-up", name, address, answered });
    }
    this.#declining.clear();
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
