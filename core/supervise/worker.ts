/**
 * A worker as the supervisor keeps it.
 *
 * @module
 */

import type { Connection, WorkerProcess } from "../adapter.ts";
import type { WorkerIdentity } from "../events.ts";
import type { WorkerRuntime } from "../options/options.ts";
import { encode, type ToWorker } from "../protocol.ts";
import type { Taker } from "../handoff/taker.ts";
import type { WorkerState } from "./state.ts";

/** One worker process and what is known of it. */
export class WorkerRecord implements Taker {
  /** The slot it fills or filled. */
  readonly slot: number;
  /** Its generation. */
  readonly generation: number;
  /** What runs it. */
  readonly runtime: WorkerRuntime;
  /** When it was started, by the adapter's clock. */
  readonly startedAt: number;
  /** The process; set right after it was started. */
  process!: WorkerProcess;
  /** Where it is in its life. */
  state: WorkerState = "starting";
  /** When it became ready. */
  readyAt: number | undefined;
  /** True once it has said that it understands our messages. */
  attached = false;
  /** How many messages it has not confirmed to have read; see {@linkcode Taker}. */
  unread = 0;
  /** True when it has lived long enough to take over from another one. */
  proven = false;
  /** Why it could not use a listener, in its own words. */
  failure: string | undefined;
  /** Listeners that it asked for while it ran. */
  readonly opened: Set<string> = new Set();
  /** Its place on the scoreboard, where the pool has one. */
  seat: number | undefined;
  /** The clock of its start timeout or drain deadline. */
  timer: Disposable | undefined;

  readonly #listeners: ReadonlySet<string>;

  /** Makes the record of a worker that is about to be started. */
  constructor(
    slot: number,
    generation: number,
    runtime: WorkerRuntime,
    startedAt: number,
    listeners: ReadonlySet<string>,
  ) {
    this.slot = slot;
    this.generation = generation;
    this.runtime = runtime;
    this.startedAt = startedAt;
    this.#listeners = listeners;
  }

  /** What identifies it in events. */
  get identity(): WorkerIdentity {
    const { slot, generation } = this;
    return { slot, generation, pid: this.process.pid };
  }

  /** Says something to it; false when it is already gone. */
  tell(message: ToWorker): boolean {
    return this.send(encode(message));
  }

  /** Sends it a message, ours or the user's; false when it is already gone. */
  send(message: unknown): boolean {
    const sent = this.process.send(message);
    if (sent) this.unread++;
    return sent;
  }

  /** True for the pool's own listeners, and for those it asked for. */
  serves(listener: string): boolean {
    return this.#listeners.has(listener) || this.opened.has(listener);
  }

  /** Sends it a connection; false when it is already gone. */
  give(
    listener: string,
    _id: number,
    connection: Connection,
    head: string | undefined,
    onSettled: (taken: boolean) => void,
  ): boolean {
    return this.process.sendConnection(
      encode({ type: "connection", listener, ...(head && { head }) }),
      connection,
      onSettled,
    );
  }
}

/** A place in the pool and its workers. */
export class Slot {
  /** Its number. */
  readonly slot: number;
  /** The worker that fills it. */
  current: WorkerRecord | undefined;
  /** The worker that is to take over. */
  next: WorkerRecord | undefined;
  /** Former workers that are still there. */
  readonly former: Set<WorkerRecord> = new Set();
  /** Crashes in a row. */
  crashes = 0;
  /** How often its worker was started anew after a crash. */
  restarts = 0;
  /** The wait before its next worker. */
  wait: Disposable | undefined;

  /** Makes an empty one. */
  constructor(slot: number) {
    this.slot = slot;
  }

  /** How many former workers are still there. */
  get leaving(): number {
    return this.former.size;
  }

  /** True while it waits before its next worker. */
  get waiting(): boolean {
    return this.wait !== undefined;
  }

  /** True when only a worker of this generation is left, and it is trusted. */
  isRenewed(generation: number): boolean {
    return this.next === undefined && this.leaving === 0 &&
      this.current !== undefined && this.current.proven &&
      this.current.generation >= generation;
  }

  /** Every worker of it that is still there. */
  get workers(): readonly WorkerRecord[] {
    return [this.current, this.next, ...this.former].filter((worker) =>
      worker !== undefined
    );
  }
}
