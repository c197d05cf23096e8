/**
 * Workers, connections and time in a model: a pool can be watched for minutes
 * within milliseconds, and the same again with the same seed. Times are in ms.
 */

import type { Random } from "../random.ts";

/** Virtual time. */
export interface Timeline {
  /** The time since the beginning. */
  now(): number;
  /** Does something later; what is due at the same time in its order. */
  after(delay: number, act: () => void): void;
  /** Lets the time pass up to a moment. */
  run(until: number): void;
}

/** Makes a timeline: a binary heap of what is still to happen. */
export function createTimeline(): Timeline {
  interface Event {
    readonly time: number;
    readonly order: number;
    readonly act: () => void;
  }
  const heap: Event[] = [];
  let now = 0;
  let orders = 0;
  const before = (a: Event, b: Event): boolean =>
    a.time < b.time || (a.time === b.time && a.order < b.order);
  const pop = (): Event => {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) {
        child++;
      }
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  };
  return {
    now: () => now,
    after(delay, act) {
      const event = { time: now + delay, order: orders++, act };
      let at = heap.length;
      heap.push(event);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!before(event, heap[parent]!)) break;
        heap[at] = heap[parent]!;
        at = parent;
      }
      heap[at] = event;
    },
    run(until) {
      while (heap.length > 0 && heap[0]!.time <= until) {
        const { time, act } = pop();
        now = time;
        act();
      }
      now = until;
    },
  };
}

/** Whatever computes: one event loop, or a whole pool with one queue. */
export interface Runner {
  /**
   * Computes for some time, then goes on. `done` may return how much more time
   * that has cost.
   */
  run(cost: number, done: () => unknown): void;
  /**
   * Why a connection that was opened then is to end with this answer: its worker
   * leaves, or holds too many. Never unless given.
   */
  ends?: (since: number) => "leaves" | "moved" | undefined;
}

/** A connection of a client. */
export interface Connection {
  /** Begins its requests; `close` has to be called after the last one. */
  serve(runner: Runner, close: () => void): void;
}

/** A worker: one event loop, which does one thing after the other. */
export interface Worker extends Runner {
  /** Its place among the workers. */
  readonly index: number;
  /** Open connections. */
  open: number;
  /** Connections that it has got. */
  taken: number;
  /** The time that it has computed. */
  busy: number;
  /** True while it does nothing. */
  readonly idle: boolean;
  /** When it has begun what it is about. */
  begun: number;
  /** What it finds to accept when it looks, besides so many other jobs. */
  source: (jobs: number) => readonly Connection[];
  /** What becomes of what it has accepted; returns what that costs, in ms. */
  decide: (connection: Connection) => number;
  /** Has it look for work, unless it is at work. */
  wake(): void;
  /** Serves a connection. */
  keep(connection: Connection): void;
  /** Its process ends, and another one takes its place. */
  lose(): void;
}

/** The cores of the machine. */
export interface Cores {
  /** Goes on as soon as a worker has a core. */
  claim(worker: object, go: () => void): void;
  /** A worker waits for work. */
  release(worker: object): void;
}

/** For so long a process keeps its core while others wait, in ms. */
const SLICE_MS = 3;

/** After so long a process can be interrupted, in ms. */
const TICK_MS = 1;

/** Makes cores for more workers than there are cores. */
export function createCores({ now }: Timeline, count: number): Cores {
  const since = new Map<object, number>();
  type Claim = readonly [worker: object, go: () => void];
  /** Those that have slept go before those that have had their slice. */
  const woken: Claim[] = [];
  const waiting: Claim[] = [];
  const next = (): void => {
    if (since.size >= count) return;
    const first = woken.shift() ?? waiting.shift();
    if (first === undefined) return;
    since.set(first[0], now());
    first[1]();
  };
  return {
    claim(worker, go) {
      const began = since.get(worker);
      const others = woken.length > 0 || waiting.length > 0;
      if (began === undefined) woken.push([worker, go]);
      else if (!others || now() - began < SLICE_MS) return go();
      else {
        since.delete(worker);
        waiting.push([worker, go]);
      }
      next();
    },
    release(worker) {
      since.delete(worker);
      next();
    },
  };
}

/** accept(2) and what a runtime does around it, in ms of CPU. */
export const ACCEPT_MS = 0.03;

/** Makes a worker. It has nothing to accept until it gets a source. */
export function createWorker(
  timeline: Timeline,
  index: number,
  cores?: Cores,
): Worker {
  type Job = readonly [cost: number, done: () => unknown];
  let jobs: Job[] = [];
  let idle = true;
  let life = 0;
  /** One turn of the event loop: all that is ready, in its order. */
  const turn = (): void => {
    const accepts = worker.source(jobs.length).map((connection): Job => [
      ACCEPT_MS,
      () => worker.decide(connection),
    ]);
    const ready = accepts.length === 0 ? jobs : accepts.concat(jobs);
    jobs = [];
    idle = ready.length === 0;
    if (idle) cores?.release(worker);
    else step(ready, 0);
  };
  const step = (ready: readonly Job[], at: number): void => {
    const job = ready[at];
    if (job === undefined) return turn();
    worker.begun = timeline.now();
    compute(job[0], () => {
      const more = job[1]();
      const done = (): void => step(ready, at + 1);
      if (typeof more === "number" && more > 0) compute(more, done);
      else done();
    });
  };
  const compute = (cost: number, done: () => void): void => {
    const part = cores === undefined ? cost : Math.min(cost, TICK_MS);
    const go = (): void =>
      timeline.after(part, () => {
        worker.busy += part;
        if (part === cost) done();
        else compute(cost - part, done);
      });
    if (cores === undefined) go();
    else cores.claim(worker, go);
  };
  const worker: Worker = {
    index,
    open: 0,
    taken: 0,
    busy: 0,
    begun: 0,
    get idle() {
      return idle;
    },
    source: () => [],
    decide(connection) {
      worker.keep(connection);
      return 0;
    },
    run(cost, done) {
      jobs.push([cost, done]);
      worker.wake();
    },
    wake() {
      if (!idle) return;
      idle = false;
      // Not at once: what happens in this moment is one turn's.
      timeline.after(
        0,
        () => cores === undefined ? turn() : cores.claim(worker, turn),
      );
    },
    keep(connection) {
      worker.open++;
      worker.taken++;
      const own = life;
      connection.serve(worker, () => {
        if (own === life) worker.open--;
      });
    },
    lose() {
      life++;
      worker.open = 0;
    },
  };
  return worker;
}

/** Times between events that know nothing of each other. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.next());
}

/**
 * Mostly small, sometimes very large: what requests cost.
 *
 * @param sigma the standard deviation of the logarithm
 */
export function lognormal(random: Random, mean: number, sigma: number): number {
  // Box and Muller's way from two even numbers to a normal one.
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) *
    Math.cos(2 * Math.PI * random.next());
  return mean * Math.exp(sigma * normal - sigma * sigma / 2);
}

/** The value that a part of all values does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}
