/**
 * What passes through the supervisor: connections that it accepts itself and
 * gives away (`handoff`), and those that workers pass on (`balanced`).
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { Connection } from "../adapter/connection.ts";
import { affinityOf } from "../options/balance.ts";
import { Dispatcher } from "../handoff/dispatcher.ts";
import type { Host } from "../host.ts";
import { canHelp } from "../listeners/help.ts";
import type { Listener } from "../listeners/listeners.ts";
import type { PoolConfig } from "../options/options.ts";
import { placementOf } from "../handoff/placement.ts";
import type { FromWorker } from "../protocol.ts";
import { Passing } from "./passing.ts";
import {
  BOARD_BYTES,
  createScoreboard,
  IDLE,
  type Scoreboard,
  type Seat,
} from "./scoreboard.ts";
import type { PoolEvent, WorkerLoad } from "../events.ts";
import { Steering } from "../steer/steering.ts";
import { Told } from "../exposition/told.ts";
import { addTotals, type Totals } from "./totals.ts";
import type { WorkerTally } from "./receipt.ts";
import { pidOf, type PoolWorker } from "../worker.ts";

/** The connections of a pool. */
export class Traffic {
  /** What workers tell of themselves. */
  readonly told: Told = new Told();
  /** What workers had come to that are gone, by slot. */
  readonly gone: Map<number, Totals> = new Map();
  /** Gives away what the supervisor accepts. */
  readonly dispatcher: Dispatcher;
  /** Listeners where a worker has said that it answers HTTP, not within TLS. */
  readonly http: Set<string> = new Set();
  /** Who chooses among shards. */
  readonly steering: Steering;
  /** Called when a worker begins something, or goes on to. */
  onActive: (() => void) | undefined;
  /** True where idle workers help stuck ones. */
  readonly helps: boolean;
  /** How often one was told to. */
  helped = 0;
  /** Who accepts now. */
  readonly #serving = new Set<PoolWorker>();
  readonly #board: Scoreboard | undefined;
  readonly #passing: Passing | undefined;
  readonly #balanced: ReadonlySet<string>;
  readonly #passes: boolean;
  readonly #weights: readonly number[];
  readonly #rebalance: PoolConfig["rebalance"];
  readonly #accepting: Disposable[];
  readonly #usage: Host["usage"];
  /** True when every connection is counted by somebody. */
  readonly #counts: boolean;

  /** Makes the traffic of a pool, and accepts where the supervisor has to. */
  constructor(
    { balance, weights, steer, stuckAfter, rebalance }: Pick<
      PoolConfig,
      "balance" | "weights" | "steer" | "stuckAfter" | "rebalance"
    >,
    listeners: readonly Listener[],
    adapter: Adapter,
    emit: (event: PoolEvent) => void,
  ) {
    const { capabilities, clock, host } = adapter;
    this.#usage = host.usage;
    this.#passes = capabilities.receives;
    this.#weights = weights;
    this.#rebalance = rebalance;
    this.dispatcher = new Dispatcher(
      placementOf(balance),
      clock,
      affinityOf(balance),
    );
    this.#balanced = new Set(
      listeners.flatMap(({ name, mode }) => mode === "balanced" ? [name] : []),
    );
    this.steering = new Steering(steer, listeners, adapter, emit, weights);
    this.#counts = listeners.every((listener) =>
      listener.mode === "balanced" || listener.mode === "handoff" ||
      this.steering.steers(listener)
    );
    this.helps = canHelp(stuckAfter, listeners, host);
    const { files } = this.steering;
    if (this.#balanced.size > 0 || files.length > 0 || this.helps) {
      this.#board = createScoreboard(adapter.shareFile(BOARD_BYTES));
    }
    if (this.#board !== undefined && this.#balanced.size > 0) {
      this.#passing = new Passing(this.#board, clock);
    }
    this.#accepting = listeners.filter(({ mode }) => mode === "handoff")
      .map(({ name, sockets, backlog, proxy }) =>
        adapter.accept(
          sockets[0]!,
          backlog,
          (connection) => this.dispatcher.offer(name, connection, proxy),
        )
      );
  }

  /** How many workers accept now. */
  get serving(): number {
    return this.#serving.size;
  }

  /** How many connections wait here for a worker. */
  get waiting(): number {
    return this.dispatcher.waiting + (this.#passing?.waiting ?? 0);
  }

  /** What a worker inherits beside sockets. */
  get files(): readonly { readonly fd: number }[] {
    return this.#board === undefined
      ? []
      : [this.#board.file, ...this.steering.files];
  }

  /**
   * Knows a new worker from now on, and gives it its seat on the scoreboard,
   * where there is one.
   */
  allot(worker: PoolWorker): void {
    worker.onFreed = () => {
      this.dispatcher.freed();
      this.#passing?.freed(worker);
    };
    worker.seat = this.#board?.allot();
  }

  /**
   * The seat of a worker as the worker sees it.
   *
   * @param fds the numbers of {@linkcode Traffic.files} there
   */
  seatOf(
    { seat, slot }: PoolWorker,
    [fd = -1, table = -1]: readonly number[],
  ): Seat | undefined {
    if (seat === undefined) return undefined;
    const steer = this.steering.seatAt(table);
    return {
      fd,
      seat,
      weight: this.#weights[slot] ?? 1,
      passes: this.#passes && this.#passing !== undefined,
      ...(steer && { steer }),
      ...(this.helps && { helps: true }),
      ...(this.#rebalance !== "off" && { rebalance: this.#rebalance }),
    };
  }

  /** A worker is ready for connections. */
  join(worker: PoolWorker): void {
    this.#serving.add(worker);
    this.dispatcher.join(worker);
    this.#passing?.join(worker);
  }

  /** A worker gets no more connections. */
  leave(worker: PoolWorker): void {
    this.#serving.delete(worker);
    this.dispatcher.leave(worker);
    this.#passing?.leave(worker);
  }

  /** A worker is gone: what was on its way to it goes to another. */
  lose(worker: PoolWorker): void {
    this.#serving.delete(worker);
    this.look(worker);
    this.told.lose(worker);
    const { cpu } = worker;
    addTotals(this.gone, worker.slot, { ...this.#loadOf(worker), cpu });
    this.dispatcher.lose(worker);
    this.#passing?.lose(worker);
    if (worker.seat !== undefined) this.#board?.clear(worker.seat);
    worker.seat = undefined;
  }

  /**
   * Hears what a worker says of connections and of its event loop; false when it
   * is about others.
   */
  hear(worker: PoolWorker, message: FromWorker): boolean {
    switch (message.type) {
      case "http":
        this.http.add(message.listener);
        return true;
      case "closed":
        this.dispatcher.closed(worker, message.count);
        return true;
      case "limit":
        worker.limit(message.listener, message.total);
        return true;
      case "active":
        this.onActive?.();
        return true;
      case "stick":
        this.dispatcher.stick(worker, message.id);
        return true;
      case "heard":
        worker.heard(message.count);
        return true;
      case "stack":
        worker.calls = message.calls;
        return true;
      case "load":
        worker.load = { requests: message.requests, lag: message.lag / 1000 };
        return true;
      case "metrics":
        // Its library has refused what cannot be read.
        this.told.hear(worker, message.text);
        return true;
      case "gave":
        this.#passing?.gave(worker, message.id);
        return true;
      case "drained":
        worker.used(this.#usage(pidOf(worker))?.cpu);
        if (this.#passing !== undefined) this.#passing.drained(worker);
        else worker.tell({ type: "leave" });
        return true;
      case "kept":
        this.#passing?.kept(worker, message.id);
        return true;
      default:
        return false;
    }
  }

  /**
   * Takes a connection that a worker passes on, or says why not: it is the
   * caller's to close then.
   */
  receive(
    worker: PoolWorker,
    message: FromWorker,
    connection: Connection,
  ): string | undefined {
    if (message.type !== "pass") {
      return `it sent a connection with "${message.type}"`;
    }
    const { id, listener } = message;
    if (this.#passing === undefined || !this.#balanced.has(listener)) {
      return `it passed on a connection of "${listener}", which is not balanced`;
    }
    const problem = this.#passing.problem(worker, id);
    if (problem !== undefined) return problem;
    // Its runtime is being told that this has come, which has to be read before
    // it gets a connection: once it has heard this, it has.
    if (this.#hands(worker)) worker.tell({ type: "wake" });
    this.#passing.pass(worker, id, listener, connection);
    return undefined;
  }

  /** True when the supervisor itself has connections for a worker. */
  #hands({ opened }: PoolWorker): boolean {
    return this.#accepting.length + opened.size > 0;
  }

  /** Reads what a worker wrote on the scoreboard last. */
  look(worker?: PoolWorker): void {
    const seat = worker?.seat;
    if (worker === undefined || seat !== undefined) this.#board?.look(seat);
  }

  /**
   * For how many ms a worker has been in a callback of a request or connection, 0
   * for none, when it was looked at last; undefined where it does not say.
   */
  heldUpFor(worker: PoolWorker): number | undefined {
    const touched = this.#board?.touched(worker.seat);
    return touched === IDLE ? 0 : touched && Math.abs(Date.now() - touched);
  }

  /** The load of each worker, as it is now. */
  loads(): (worker: PoolWorker) => WorkerLoad {
    this.#board?.look();
    return (worker) => this.#loadOf(worker);
  }

  #loadOf(worker: PoolWorker): WorkerLoad {
    const handed = this.dispatcher.holding(worker);
    const row = this.#board?.row(worker.seat);
    return {
      connections: handed + (row?.open ?? 0),
      accepted: (row?.accepted ?? 0) + this.dispatcher.tally(worker).taken,
      passedOn: row?.passedOn ?? 0,
      takenOver: row?.takenOver ?? 0,
      busy: row && Math.round(row.busy * 1000) / 1000,
      requests: row?.counts ? row.requests : worker.load?.requests,
      // 0 before it was measured.
      lag: row
        ? Math.round(row.lag * 1000) / 1000 || undefined
        : worker.load?.lag,
    };
  }

  /**
   * How long ago a worker has last written its row on the scoreboard, in ms;
   * undefined where it writes none.
   */
  quietFor(worker: PoolWorker): number | undefined {
    this.look(worker);
    const row = this.#board?.row(worker.seat);
    return row && Math.abs(Date.now() - row.beat);
  }

  /**
   * What a worker has come to, as of its last row where there is one; `look` at
   * it, or read the board by `loads`, before that.
   */
  tally(worker: PoolWorker): WorkerTally {
    const { taken, underway } = this.dispatcher.tally(worker);
    const balanced = this.#balanced.size > 0;
    const row = this.#board?.row(worker.seat);
    // Nobody counts what is accepted elsewhere, or by a worker without a row.
    const counts = this.#counts && (!balanced || row !== undefined);
    const { accepted = 0, takenOver = 0, open = 0, passedOn } = row ?? {};
    return {
      accepted: counts ? accepted + takenOver + taken : undefined,
      passedOn,
      redispatched: balanced || this.#hands(worker)
        ? underway + (this.#passing?.underway(worker) ?? 0)
        : undefined,
      open: counts
        ? open + this.dispatcher.holding(worker) - underway
        : undefined,
    };
  }

  /** Gives away everything that waits: the pool stops. */
  flush(): void {
    this.dispatcher.flush();
    this.#passing?.flush();
  }

  /** The last worker is gone. */
  close(): void {
    for (const each of this.#accepting) each[Symbol.dispose]();
    this.dispatcher.close();
    this.#passing?.close();
    this.#board?.file.close();
    this.steering.close();
  }
}
