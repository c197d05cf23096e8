/**
 * The `balanced` mode: connections that one worker passes on to another.
 *
 * A connection stays with the worker that accepted it until another one has
 * shown that it is awake: so a supervisor or a worker that stands still delays
 * nobody. The steps, each a message:
 *
 * 1. `pass`: a worker sends a copy of the connection and keeps its own.
 * 2. `wake`: the least loaded of the others is asked, and says `heard`.
 * 3. `room`: the first worker is told. It says `gave` and forgets its copy, or
 *    `kept`, when it has lost patience and serves the connection itself.
 * 4. The connection goes to the one that is awake. Should that die before its
 *    runtime has confirmed it, to another one.
 *
 * @module
 */

import type { Clock, Connection } from "./adapter.ts";
import { Dispatcher } from "./dispatcher.ts";
import { leastLoaded } from "./evenness.ts";
import type { Placement } from "./placement.ts";
import { isServing, type Scoreboard, type ScoreRecord } from "./scoreboard.ts";
import type { WorkerRecord } from "./worker_record.ts";

/** Who has not answered after so many ms is busy: another one is asked. */
const SILENT_MS = 5;

/** A connection that its first worker has not given up yet. */
interface Pass {
  readonly from: WorkerRecord;
  readonly id: number;
  readonly listener: string;
  readonly connection: Connection;
  /** True once its worker was told that there is room. */
  promised: boolean;
}

/** Passes connections on between workers. */
export class Relay {
  readonly #board: Scoreboard;
  readonly #dispatcher: Dispatcher<WorkerRecord>;
  readonly #clock: Clock;
  readonly #takers = new Set<WorkerRecord>();
  /** Asked whether they are awake, and not heard of since. */
  readonly #asked = new Map<WorkerRecord, number>();
  /** Those that have said so, each for one connection. */
  readonly #awake = new Set<WorkerRecord>();
  readonly #passes = new Set<Pass>();

  /** Makes one without workers. */
  constructor(board: Scoreboard, clock: Clock) {
    this.#board = board;
    this.#clock = clock;
    this.#dispatcher = new Dispatcher(this.#placement(), clock);
  }

  /** How many connections wait here for a worker. */
  get waiting(): number {
    return this.#passes.size + this.#dispatcher.waiting;
  }

  /** A worker accepts now. */
  join(worker: WorkerRecord): void {
    this.#takers.add(worker);
    this.#dispatcher.join(worker);
    this.#ask();
  }

  /** A worker drains: it gets nothing more, and may still pass on. */
  leave(worker: WorkerRecord): void {
    this.#takers.delete(worker);
    this.#asked.delete(worker);
    this.#awake.delete(worker);
    this.#dispatcher.leave(worker);
    this.#ask();
  }

  /** A worker is gone. Our copies of what it passed on live on. */
  lose(worker: WorkerRecord): void {
    this.leave(worker);
    this.#dispatcher.lose(worker);
    for (const pass of this.#passes) {
      if (pass.from === worker) this.gave(worker, pass.id);
    }
  }

  /** A worker passes a connection on. */
  pass(
    from: WorkerRecord,
    id: number,
    listener: string,
    connection: Connection,
  ): void {
    this.#passes.add({ from, id, listener, connection, promised: false });
    this.#ask();
  }

  /** A connection is ours now. */
  gave(from: WorkerRecord, id: number): void {
    const pass = this.#take(from, id);
    if (pass !== undefined) {
      this.#dispatcher.offer(pass.listener, pass.connection);
    }
    this.#ask();
  }

  /** A worker serves a connection itself after all. */
  kept(from: WorkerRecord, id: number): void {
    this.#take(from, id)?.connection.close();
    this.#ask();
  }

  /** A worker has read what it was told: it is awake. */
  heard(worker: WorkerRecord): void {
    if (worker.unread > 0 || !this.#asked.delete(worker)) return;
    this.#awake.add(worker);
    this.#dispatcher.heard();
    this.#promise();
  }

  /** The pool stops: whoever is there gets what is here. */
  flush(): void {
    for (const { from, id } of this.#passes) this.gave(from, id);
    this.#dispatcher.flush();
  }

  /** Closes what nobody can take any more. */
  close(): void {
    for (const { connection } of this.#passes) connection.close();
    this.#passes.clear();
    this.#dispatcher.close();
  }

  /** Asks as many workers as connections wait, the least loaded first. */
  #ask(): void {
    const now = this.#clock.now();
    const answering =
      [...this.#asked.values()].filter((at) => now - at < SILENT_MS).length;
    const wanted = this.#dispatcher.waiting > 0
      // What is ours must not wait for one that stands still.
      ? this.#takers.size
      : this.waiting - answering - this.#awake.size;
    if (wanted > 0) {
      const rested = [...this.#takers].filter((each) =>
        !this.#asked.has(each) && !this.#awake.has(each)
      );
      for (const worker of this.#sorted(rested).slice(0, wanted)) {
        if (worker.tell({ type: "wake" })) this.#asked.set(worker, now);
      }
    }
    this.#promise();
  }

  /** Tells as many workers as are awake that their connection has a place. */
  #promise(): void {
    const promised = [...this.#passes].filter((pass) => pass.promised).length;
    let free = this.#awake.size - promised - this.#dispatcher.waiting;
    for (const pass of this.#passes) {
      if (free <= 0) return;
      if (pass.promised) continue;
      pass.promised = true;
      free--;
      pass.from.tell({ type: "room", id: pass.id });
    }
  }

  #take(from: WorkerRecord, id: number): Pass | undefined {
    for (const pass of this.#passes) {
      if (pass.from !== from || pass.id !== id) continue;
      this.#passes.delete(pass);
      return pass;
    }
    return undefined;
  }

  /** Those that take connections, the least loaded first. */
  #sorted(workers: Iterable<WorkerRecord>): WorkerRecord[] {
    const there: { worker: WorkerRecord; record: ScoreRecord }[] = [];
    this.#board.look();
    for (const worker of workers) {
      const record = this.#board.record(worker.seat);
      if (record?.takes && isServing(record, Date.now())) {
        there.push({ worker, record });
      }
    }
    const sorted: WorkerRecord[] = [];
    while (there.length > 0) {
      const best = leastLoaded(there.map(({ record }) => record));
      sorted.push(there[best]!.worker);
      there.splice(best, 1);
    }
    return sorted;
  }

  #placement(): Placement<WorkerRecord> {
    return {
      ties: false,
      target: () => undefined,
      next: (free) => {
        const awake = [...free].filter((each) => this.#awake.has(each));
        const [best] = this.#sorted(awake);
        const chosen = best ?? awake[0];
        if (chosen !== undefined) this.#awake.delete(chosen);
        return chosen;
      },
      claim: () => {},
      forget: () => {},
    };
  }
}
