/**
 * `balanced` in the model. What decides is the real thing: the workers'
 * balancers, their both halves of the passing, and the yielding. Modelled
 * are the clock, the scoreboard, and what messages cost and how long they take.
 */

import type { Connection as Copy } from "../../core/adapter/connection.ts";
import type { ToWorker } from "../../core/protocol.ts";
import { limitOf } from "../../core/balance/policy.ts";
import { parseToWorker } from "../../core/protocol.ts";
import { Passing as SupervisorPassing } from "../../core/balance/passing.ts";
import type { ScoreboardRow } from "../../core/balance/scoreboard.ts";
import { PoolWorker } from "../../core/worker.ts";
import { createBalancer } from "../../worker/balance/balancer.ts";
import { createPassing } from "../../worker/balance/passing.ts";
import { createYielding } from "../../worker/balance/yielding.ts";
import type { Balancer, Passing } from "../../worker/process/balancing.ts";
import { ACCEPT_MS, type Connection, type Worker } from "./queueing.ts";
import {
  createQueue,
  type MakePlacement,
  type Placement,
  type Scene,
} from "./queueing_placements.ts";

/** A message from one process to another, in ms. */
const HOP_MS = 0.1;

/** To read a message or to handle a timer, in ms of CPU. */
const READ_MS = 0.02;

/** To send a connection or to receive one, in ms of CPU. */
const HANDLE_MS = 0.08;

/** What differs between pools. */
export interface BalancedOptions {
  /**
   * How a worker gives way: it passes on, or it does not accept. By the hash it
   * does not: the kernel has chosen its shard.
   */
  readonly by?: "passing" | "yielding" | "hash";
  /** From when until when each worker serves; always unless given. */
  readonly lives?: readonly (readonly [from: number, until: number])[];
  /** True where workers that hold too many end connections. */
  readonly rebalance?: boolean;
  /**
   * True when many wake for a burst and each accepts a part of it; one takes it
   * whole unless given.
   */
  readonly herd?: boolean;
  /** The weights of the workers; 1 unless given. */
  readonly weights?: readonly number[];
  /** A worker that is restarted, and when; its connections are gone then. */
  readonly restart?: { readonly index: number; readonly at: number };
  /** Says how many connections a worker may hold; the real policy by default. */
  readonly policy?: typeof limitOf;
}

/** Workers with their balancers and the scoreboard. */
interface Pool {
  readonly balancers: Balancer[];
  readonly records: (ScoreboardRow | undefined)[];
  /** True while a worker accepts. */
  readonly serves: (worker: Worker) => boolean;
}

function createPool(scene: Scene, options: BalancedOptions): Pool {
  const { timeline, workers } = scene;
  const { weights = [], restart, policy = limitOf, lives = [], rebalance } =
    options;
  const serves = ({ index }: Worker): boolean => {
    const [from, until] = lives[index] ?? [0, Infinity];
    return timeline.now() >= from && timeline.now() < until;
  };
  const records: Pool["records"] = workers.map(() => undefined);
  const start = (worker: Worker): Balancer => {
    const seat = worker.index;
    let current = true;
    if (restart?.index === seat && timeline.now() < restart.at) {
      timeline.after(restart.at, () => {
        current = false;
        worker.lose();
        balancers[seat] = start(worker);
        balancers[seat].serve();
      });
    }
    let at = timeline.now();
    let busy = worker.busy;
    const balancer = createBalancer(
      {
        fd: -1,
        seat,
        weight: weights[seat] ?? 1,
        passes: true,
        ...(rebalance === true && { rebalance: "on" }),
      },
      // Something is asked always.
      {
        get count() {
          return timeline.now();
        },
      },
      {
        scoreboard: {
          write: (record) => void (records[seat] = record),
          others: () =>
            records.flatMap((each, i) =>
              i !== seat && each?.serving === true ? { ...each, seat: i } : []
            ),
        },
        utilisation() {
          const part = (worker.busy - busy) / (timeline.now() - at || 1);
          at = timeline.now();
          busy = worker.busy;
          return Math.min(1, part);
        },
        now: timeline.now,
        date: () => 1 + timeline.now(),
        every(ms, act) {
          timeline.after(ms, () => {
            if (!current) return;
            worker.run(READ_MS, act);
            this.every(ms, act);
          });
        },
        after(ms, act) {
          timeline.after(ms, () => {
            if (current) worker.run(READ_MS, act);
          });
        },
        atExit() {},
      },
      policy,
    );
    balancer.count(() => worker.open);
    balancer.takes();
    worker.ends = (since) => {
      if (!serves(worker)) return "leaves";
      const { rebalance } = balancer;
      if (rebalance === undefined || rebalance.due <= 0) return undefined;
      if (!rebalance.take(since)) return undefined;
      // Its connection is closed with the answer.
      rebalance.over();
      return "moved";
    };
    return balancer;
  };
  const balancers = workers.map(start);
  for (const [i, balancer] of balancers.entries()) {
    const [from, until] = lives[i] ?? [0, Infinity];
    timeline.after(from, balancer.serve);
    if (until < Infinity) timeline.after(until, balancer.leave);
  }
  return { balancers, records, serves };
}

/** The mode `balanced`. */
export function balanced(options: BalancedOptions = {}): MakePlacement {
  return (scene) => {
    const pool = createPool(scene, options);
    switch (options.by) {
      case "hash":
        return hash(scene, pool);
      case "yielding":
        return yielding(scene, pool);
      default:
        return passing(scene, pool, options);
    }
  };
}

/** A shard for each worker, which the kernel chooses by a hash. */
function hash(
  { workers, random }: Scene,
  { balancers, serves }: Pool,
): Placement {
  return {
    passed: 0,
    offer(connections) {
      for (const connection of connections) {
        const worker = random.pick(workers.filter(serves));
        worker.run(ACCEPT_MS, () => {
          worker.keep(connection);
          balancers[worker.index]!.accepted(1);
        });
      }
    },
  };
}

/** Workers that do not accept while they are over. */
function yielding(scene: Scene, { balancers, serves }: Pool): Placement {
  const { timeline, workers } = scene;
  const away = new Set<Worker>();
  const queue = createQueue(
    scene,
    (worker) => serves(worker) && !away.has(worker),
  );
  for (const worker of workers) {
    const balancer = balancers[worker.index]!;
    const { touch, join } = createYielding({
      balancer,
      load: {
        add: () => ({ [Symbol.dispose]() {} }),
        open: () => worker.open,
        arrived: () => 0,
        renew() {},
      },
      now: timeline.now,
      delay(run, ms) {
        let cancelled = false;
        timeline.after(ms, () => {
          if (!cancelled) worker.run(READ_MS, () => cancelled || run());
        });
        return { cancel: () => void (cancelled = true) };
      },
      failed() {},
    });
    join({
      quiesce: () => void away.add(worker),
      resume() {
        away.delete(worker);
        if (queue.length > 0) queue.wake();
      },
      waits: () => queue.length > 0,
    });
    worker.source = () =>
      away.has(worker) || !serves(worker) ? [] : queue.takeAll();
    worker.decide = (connection) => {
      worker.keep(connection);
      balancer.accepted(1);
      touch();
      return 0;
    };
  }
  return { passed: 0, offer: queue.add };
}

/** Workers that pass on what they accept while they are over. */
function passing(
  scene: Scene,
  { balancers, records, serves }: Pool,
  { herd = false }: BalancedOptions,
): Placement {
  const { timeline, workers } = scene;
  const queue = createQueue(scene, serves);
  let passed = 0;
  const supervisor = new SupervisorPassing({
    file: { fd: -1, read: () => 0, write() {}, close() {} },
    allot: () => 0,
    clear() {},
    look() {},
    touched: () => undefined,
    // Nobody hangs here, and the supervisor asks the time of day.
    row: (seat) => records[seat!] && { ...records[seat!]!, beat: Date.now() },
  }, {
    now: timeline.now,
    after(ms, run) {
      let cancelled = false;
      timeline.after(ms, () => cancelled || run());
      return { [Symbol.dispose]: () => void (cancelled = true) };
    },
  });
  /** What the supervisor's copies stand for. */
  const copies = new Map<Copy, Connection>();

  for (const worker of workers) {
    const record = new PoolWorker(worker.index, 1, "node", 0, new Set());
    record.seat = worker.index;
    record.state = "ready";
    let spent = 0;
    const spend = (act: () => void): number => {
      spent = 0;
      act();
      return spent;
    };
    const later = (run: () => void): void => timeline.after(HOP_MS, run);
    const own: Passing = createPassing({
      balancer: {
        isOver: () => balancers[worker.index]!.isOver(),
        passedOn: () => balancers[worker.index]!.passedOn(),
        pending: (count) => balancers[worker.index]!.pending(count),
        // Nobody dies here.
        kept() {},
      },
      now: timeline.now,
      later: (run, ms) =>
        timeline.after(ms, () => worker.run(READ_MS, () => spend(run))),
      tell(message) {
        if (message.type === "gave") {
          later(() => supervisor.gave(record, message.id));
        } else if (message.type === "kept") {
          later(() => supervisor.kept(record, message.id));
        }
        return true;
      },
      send(message, handle) {
        if (message.type !== "pass") return false;
        const copy: Copy = {
          peer: undefined,
          peeks: false,
          read: () => ({ [Symbol.dispose]() {} }),
          close: () => void copies.delete(copy),
        };
        copies.set(copy, handle as Connection);
        spent += HANDLE_MS;
        const { id, listener } = message;
        timeline.after(
          spent + HOP_MS,
          () => supervisor.pass(record, id, listener, copy),
        );
        return true;
      },
    });
    const hear = (message: ToWorker): void => {
      if (message.type === "room") own.room(message.id);
      later(() => {
        record.unread--;
        supervisor.freed(record);
      });
    };
    record.process = {
      pid: worker.index,
      send(message: unknown) {
        const parsed = parseToWorker(message);
        if (parsed.kind !== "ours") throw new Error("not a message of ours");
        later(() =>
          worker.run(READ_MS, () => spend(() => hear(parsed.message)))
        );
        return true;
      },
      sendConnection(_: unknown, copy: Copy, settled: (ok: boolean) => void) {
        const connection = copies.get(copy)!;
        passed++;
        later(() =>
          worker.run(HANDLE_MS, () => {
            worker.keep(connection);
            balancers[worker.index]!.tookOver();
            later(() => settled(true));
          })
        );
        return true;
      },
    } as unknown as PoolWorker["process"];
    const keep = (connection: Connection): void => {
      worker.keep(connection);
      balancers[worker.index]!.accepted(1);
    };
    const take = herd ? queue.takeSome : queue.takeAll;
    worker.source = () => serves(worker) ? take() : [];
    worker.decide = (connection) =>
      spend(() => {
        if (!balancers[worker.index]!.isOver()) return keep(connection);
        own.pass({
          listener: "http",
          handle: connection,
          close() {},
          serve: () => keep(connection),
        });
      });
    supervisor.join(record);
  }
  return {
    get passed() {
      return passed;
    },
    offer: queue.add,
  };
}
