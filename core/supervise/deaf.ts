/**
 * Workers that have gone deaf: connections wait in the queue of a listener, and
 * a worker that is to accept them does not, though its event loop turns, it does
 * nothing, and holds none. (`node:http` on Deno 2.9.5 accepts never again once it
 * has run out of file descriptors.)
 *
 * It is judged by what it has not done for some seconds, and by that alone: one
 * that still holds connections is left alone until they have ended, so that who
 * is taken for deaf by mistake loses nothing.
 *
 * @module
 */

import type { HeldSocket } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { Listener } from "../listeners/listeners.ts";
import { isDatagram } from "../options/dgram.ts";
import { pidOf, type PoolWorker } from "../worker.ts";

/** How often queues are looked at, in ms. */
export const LOOK_MS = 2_000;

/** For how long nothing may be accepted while somebody waits, in ms. */
export const DEAF_MS = 6_000;

/** A look that comes so much later than it should tells nothing. */
const LATE = 1.5;

/** More CPU than this part of the time is a worker that does something. */
const IDLE = 0.05;

/** One that had to wait for a CPU for more than this part could do nothing. */
const STARVES = 0.2;

/** What a worker was seen to do since some moment: nothing. */
interface Idle {
  readonly at: number;
  readonly cpu: number;
  readonly waited: number;
  readonly answers: number;
  readonly accepted: number;
}

/** A queue in which connections wait. */
interface Waiting {
  readonly listener: Listener;
  readonly shard: number;
  readonly socket: HeldSocket;
  readonly queued: number;
  readonly since: number;
}

/** What it needs of the pool. */
type DeafContext = Pick<
  PoolContext,
  "adapter" | "config" | "listeners" | "post" | "emit" | "traffic"
>;

/** Watches the workers of a pool. */
export class DeafWorkers {
  readonly #context: DeafContext;
  readonly #replace: (worker: PoolWorker, how: string) => void;
  readonly #watched = new Map<PoolWorker, Idle | undefined>();
  readonly #waits = new Map<HeldSocket, number>();
  #turn: Disposable | undefined;
  #last = 0;
  /** The slot whose deaf worker is being replaced, and how long is waited. */
  #replacing: { readonly slot: number; readonly until: number } | undefined;

  /** Watches nobody yet; `replace` has another one follow one that is deaf. */
  constructor(
    context: DeafContext,
    replace: (worker: PoolWorker, how: string) => void,
  ) {
    this.#context = context;
    this.#replace = replace;
  }

  /** A worker is ready: it is to accept from now on. */
  watch(worker: PoolWorker): void {
    // What waits now may be what it is about to take.
    this.#waits.clear();
    if (this.#replacing?.slot === worker.slot) this.#replacing = undefined;
    this.#watched.set(worker, undefined);
    if (this.#turn === undefined) this.#schedule();
  }

  /** A worker is gone. */
  end(worker: PoolWorker): void {
    this.#watched.delete(worker);
    if (this.#watched.size > 0) return;
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
  }

  #schedule(): void {
    const { adapter: { clock }, post } = this.#context;
    this.#last = clock.now();
    this.#turn = clock.after(LOOK_MS, () => post(() => this.#look()));
  }

  #look(): void {
    // The last one may have gone in the same moment.
    if (this.#turn === undefined) return;
    const { adapter: { clock }, traffic } = this.#context;
    const now = clock.now();
    const late = now - this.#last > LATE * LOOK_MS;
    this.#schedule();
    if (late) this.#waits.clear();
    const waiting = this.#waiting(now);
    if (waiting.length === 0 || late) {
      for (const worker of this.#watched.keys()) {
        this.#watched.set(worker, undefined);
      }
      return;
    }
    const loadOf = traffic.loads();
    for (const worker of this.#watched.keys()) {
      const { accepted, passedOn, takenOver } = loadOf(worker);
      this.#follow(worker, accepted + passedOn + takenOver);
    }
    if (now < (this.#replacing?.until ?? 0)) return;
    for (const queue of waiting) {
      for (const [worker, idle] of this.#watched) {
        if (idle === undefined || !this.#isDeaf(worker, idle, queue)) continue;
        this.#condemn(worker, queue, now - idle.at);
        return;
      }
    }
  }

  #condemn(
    worker: PoolWorker,
    { listener: { name: listener }, queued }: Waiting,
    idle: number,
  ): void {
    const { adapter: { clock }, config, emit } = this.#context;
    // One at a time: what waits may be taken by the one that follows.
    const until = clock.now() + config.startTimeout;
    this.#replacing = { slot: worker.slot, until };
    this.#watched.set(worker, undefined);
    worker.deaf = true;
    const why =
      `${queued} connections wait on ${listener}, and it has accepted none for ${
        Math.round(idle / 1000)
      } s though its event loop turns, it does nothing and holds none`;
    const found = { listener, queued, idle: Math.round(idle) };
    emit({ type: "worker-deaf", ...worker.identity, ...found, why });
    this.#replace(worker, `it went deaf: ${why}`);
  }

  /** The queues that are not empty, and since which look they are not. */
  #waiting(now: number): readonly Waiting[] {
    const { adapter: { host }, listeners } = this.#context;
    const waiting: Waiting[] = [];
    for (const listener of listeners) {
      if (!ACCEPTED_BY_WORKERS.has(listener.mode)) continue;
      if (isDatagram(listener)) continue;
      for (const [shard, socket] of listener.sockets.entries()) {
        const queued = host.queued(socket.fd) ?? 0;
        const since = queued > 0 ? this.#waits.get(socket) ?? now : undefined;
        if (since === undefined) this.#waits.delete(socket);
        else {
          this.#waits.set(socket, since);
          waiting.push({ listener, shard, socket, queued, since });
        }
      }
    }
    return waiting;
  }

  /** Sees whether a worker has done anything since it was last seen to. */
  #follow(worker: PoolWorker, accepted: number): void {
    const { clock, host } = this.#context.adapter;
    const at = clock.now();
    const look = worker.state === "ready" && worker.attached
      ? host.look(pidOf(worker))
      : undefined;
    if (look === undefined) return void this.#watched.set(worker, undefined);
    const { cpu, waited } = look;
    const idle = this.#watched.get(worker);
    if (idle !== undefined && idle.accepted === accepted) {
      const time = at - idle.at;
      const idles = cpu - idle.cpu <= IDLE * time &&
        waited - idle.waited <= STARVES * time;
      if (idles) return;
    }
    const { answers } = worker;
    this.#watched.set(worker, { at, cpu, waited, answers, accepted });
    // Whose event loop turns will have answered.
    worker.tell({ type: "wake" });
  }

  #isDeaf(
    worker: PoolWorker,
    { at, answers }: Idle,
    { listener: { name, mode }, shard, socket, since }: Waiting,
  ): boolean {
    const { clock, host } = this.#context.adapter;
    const mayAccept = worker.serves(name) && worker.hasRoom(name) &&
      (mode !== "sharded" || shard === worker.slot);
    return mayAccept && clock.now() - Math.max(at, since) >= DEAF_MS &&
      worker.answers > answers &&
      host.accepted(socket.fd, pidOf(worker)) === 0;
  }
}

/** In the others nobody does, or on a socket that is not seen here. */
const ACCEPTED_BY_WORKERS: ReadonlySet<string> = new Set([
  "balanced",
  "shared",
  "sharded",
]);
