/**
 * The end of listeners: nobody new comes in, those who have come are accepted,
 * and the sockets are closed when nobody is left in their queues. The kernel
 * resets whoever is.
 *
 * @module
 */

import type { Pending } from "../adapter/accept_queue.ts";
import type { HeldSocket } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { PoolWorker } from "../worker.ts";
import { isDatagram } from "../options/dgram.ts";
import type { Listener } from "./listeners.ts";

/** How often is looked who is left, in ms, and how seldom at most. */
const LOOK_MS = 5;
const SELDOM_MS = 100;

/** Between these, of many connections: a look takes no more of the time. */
const LOOKING = 0.25;

/**
 * How long is waited for handshakes alone, in ms: for an answer of the kernel's
 * that was lost and is repeated, after a second (RFC 6298).
 */
const HANDSHAKE_MS = 1_200;

/**
 * How long is waited for an empty queue where new clients cannot be kept out, in
 * ms: under load there may be somebody at any moment.
 */
const UNSEALED_MS = 100;

/** The most of the grace that is spent on a queue: the rest is for the drain. */
const MOST = 0.5;

/** What it needs of the pool. */
export type ClosingContext = Pick<
  PoolContext,
  "adapter" | "config" | "listeners" | "traffic"
>;

/** Closes the listeners of a pool that ends. */
export class Closing {
  readonly #context: ClosingContext;
  readonly #sockets: readonly HeldSocket[];
  readonly #since: number;
  readonly #sealed: readonly HeldSocket[];
  readonly #unsealed: readonly HeldSocket[];
  #timer: Disposable | undefined;

  /**
   * Lets nobody in any more, from now on.
   *
   * @param opened the listeners that workers have asked for
   */
  constructor(context: ClosingContext, opened: readonly Listener[]) {
    const { adapter: { clock }, listeners } = this.#context = context;
    this.#since = clock.now();
    this.#sockets = [...listeners, ...opened].filter(isOwn)
      .flatMap(({ sockets }) => sockets);
    this.#sealed = this.#sockets.filter((socket) => socket.seal());
    const sealed = new Set(this.#sealed);
    this.#unsealed = this.#sockets.filter((socket) => !sealed.has(socket));
  }

  /** True while it waits for those who have come. */
  get waits(): boolean {
    return this.#timer !== undefined;
  }

  /** How long it has taken so far, in whole ms. */
  get spent(): number {
    return Math.round(this.#context.adapter.clock.now() - this.#since);
  }

  /** Calls when nobody is left; false where nobody is by now. */
  wait(call: () => void): boolean {
    // One that was let in before the seal may not have been counted yet.
    if (this.#sealed.length === 0 && this.#isOver()) return false;
    this.#look(call, LOOK_MS);
    return true;
  }

  #look(call: () => void, ms: number): void {
    const { clock } = this.#context.adapter;
    this.#timer = clock.after(ms, () => {
      const began = clock.now();
      this.#timer = undefined;
      if (this.#isOver()) return call();
      const took = clock.now() - began;
      const pause = Math.max(LOOK_MS, took / LOOKING);
      this.#look(call, Math.min(pause, SELDOM_MS));
    });
  }

  /** Waits no longer, and does not call. */
  end(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /**
   * Has clients refused from the moment on in which no worker waits for them any
   * more, whatever copies of the sockets are left.
   *
   * @param workers all that there are, which were asked to drain just now
   */
  close(workers: readonly PoolWorker[]): void {
    for (const worker of workers) worker.tell({ type: "wake" });
    this.#shut(workers);
  }

  #shut(workers: readonly PoolWorker[]): void {
    const { clock } = this.#context.adapter;
    // Of programs in other languages nobody knows when they have stopped.
    const areKnown = workers.every(({ attached }) => attached);
    // Who has read all that it was told has begun to drain.
    const accepts = workers.some(({ state, unread }) =>
      state !== "gone" && state !== "killed" && unread > 0
    );
    if (areKnown && accepts) {
      this.#timer = clock.after(LOOK_MS, () => this.#shut(workers));
      return;
    }
    for (const socket of this.#sockets) {
      if (areKnown) socket.shut();
      socket.close();
    }
  }

  #isOver(): boolean {
    const { config: { grace }, traffic } = this.#context;
    const { spent } = this;
    if (traffic.serving === 0 || spent >= MOST * grace) return true;
    const { queued, handshakes } = this.#pending(this.#sealed);
    if (queued > 0 || (handshakes > 0 && spent < HANDSHAKE_MS)) return false;
    return spent >= UNSEALED_MS || this.#pending(this.#unsealed).queued === 0;
  }

  /** Who is on the way to be accepted, as far as that can be known. */
  #pending(sockets: readonly HeldSocket[]): Pending {
    const { host } = this.#context.adapter;
    const fds = sockets.map(({ fd }) => fd);
    return (fds.length > 0 ? host.pending(fds) : undefined) ??
      { queued: 0, handshakes: 0 };
  }
}

/**
 * True for one whose sockets end with the pool: what a parent has bound (systemd)
 * keeps its queue for who is started next, and in `reuseport` nobody waits here.
 */
function isOwn(listener: Listener): boolean {
  const { mode, inherited = false } = listener;
  return mode !== "reuseport" && !inherited && !isDatagram(listener);
}
