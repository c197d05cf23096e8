/**
 * A worker as the supervisor keeps it.
 *
 * @module
 */

import type { ExitStatus, WorkerProcess } from "./adapter.ts";
import type { Connection } from "./adapter/connection.ts";
import { ShardRequests } from "./listeners/shard_requests.ts";
import type { WordSockets } from "./launch/notify_socket.ts";
import type { WorkerIdentity, WorkerLoad } from "./events.ts";
import type { WorkerRuntime } from "./options/options.ts";
import type { RecycleLimits } from "./options/recycle.ts";
import { encode, type ToWorker } from "./protocol.ts";
import type { Backend } from "./handoff/dispatcher.ts";
import type { WorkerState } from "./supervise/state.ts";

/** One worker process and what is known of it. */
export class PoolWorker implements Backend {
  /**
   * The slot it fills or filled; of a standby the number it was started with,
   * until it takes over a slot.
   */
  slot: number;
  /** Its generation. */
  readonly generation: number;
  /** What runs it. */
  readonly runtime: WorkerRuntime;
  /** When it was started, by the adapter's clock. */
  readonly startedAt: number;
  /** The process; set right after it was started. */
  process!: WorkerProcess;
  /** When it became ready first. */
  readyAt: number | undefined;
  /** True for one that was started as a standby. */
  readonly standby: boolean;
  /** True for one that has to answer a request before it accepts. */
  readonly checked: boolean;
  /** When it said that it could take over, if it is a standby. */
  standbyAt: number | undefined;
  /** When it was last asked to accept again. */
  resumedAt: number | undefined;
  /** True once it has said that it understands our messages. */
  attached = false;
  /** The runtime that it says it runs on. */
  attachedRuntime: string | undefined;
  /** The process that it says it is, which a wrapper may have started. */
  attachedPid: number | undefined;
  /** How many messages it has not confirmed to have read. */
  unread = 0;
  /** How many connections it has not confirmed. */
  underway = 0;
  /** How often it has said that it has read messages. */
  answers = 0;
  /**
   * The calls that its event loop is in, one a line, where a thread of it has told
   * them since its last answer.
   */
  calls: string | undefined;
  /** True once its process has ended and others of its group have not. */
  left = false;
  /** True once it is replaced because it does not accept. */
  deaf = false;
  /** True once it is taken as hung. */
  hung = false;
  /** Called when it may be {@linkcode free} again. */
  onFreed: (() => void) | undefined;
  /** Called when something of it changes that its slot is judged by. */
  onChanged: (() => void) | undefined;
  /** Told of each state that it enters, while somebody waits for one. */
  onState: ((state: WorkerState) => void) | undefined;
  /** Told when it has stopped accepting, or why it cannot. */
  onStill: ((problem?: string) => void) | undefined;
  /** Why it could not use a listener, in its own words. */
  failure: string | undefined;
  /** Where its program says how it is, of one in another language. */
  words: WordSockets | undefined;
  /** What that has said last, for people. */
  statusText: string | undefined;
  /** What it has not done yet that would show it to be ready, in words. */
  silence: string | undefined;
  /** What its program wrote last to stderr before it was ready. */
  lastLine: string | undefined;
  /** Whom it runs as, where that is not the supervisor. */
  user: string | undefined;
  /** The error that its program wrote last. */
  lastError: string | undefined;
  /** When that was. */
  lastErrorAt = 0;
  /** What it held when it was last looked at, in bytes, and when that was. */
  rss: { readonly bytes: number; readonly at: number } | undefined;
  /** The CPU that it had used when it was last looked at, in ms. */
  cpu: number | undefined;
  /** What its runtime has said of a heap that is full. */
  full: string | undefined;
  /** How it has run out of memory, if that is how it has ended. */
  oom: string | undefined;
  /** What of the pool's memory is its own, in bytes. */
  share: number | undefined;
  /** What it may come to before it is recycled. */
  limits: RecycleLimits = {};
  /** Why it is recycled once it accepts again. */
  due: string | undefined;
  /** True once it leaves because it is recycled. */
  recycled = false;
  /** True once its end was answered, by another worker for its slot. */
  answered = false;
  /** Listeners that it asked for while it ran, and for how many servers. */
  readonly opened: Map<string, number> = new Map();
  /** The shards that it was told to adopt and has not. */
  readonly toAdopt: ShardRequests = new ShardRequests();
  /** Those that it was told to accept on in a stuck worker's stead. */
  readonly toHelp: ShardRequests = new ShardRequests();
  /** What it has told of its load, where it writes nothing on a scoreboard. */
  load: Pick<WorkerLoad, "requests" | "lag"> | undefined;
  /** Its place on the scoreboard, where the pool has one. */
  seat: number | undefined;
  /** True once it has shown that it writes what it holds into the load table. */
  steers = false;
  /** The clock of its start timeout or drain deadline. */
  timer: Disposable | undefined;

  readonly #listeners: ReadonlySet<string>;
  /** How many connections of each listener it was given. */
  readonly #given = new Map<string, number>();
  /** How many of them it takes in all, where it has said so. */
  readonly #totals = new Map<string, number>();
  readonly #left = new Set<string>();
  #state: WorkerState = "starting";
  #proven = false;
  #spent: string | undefined;

  /** Makes the record of a worker that is about to be started. */
  constructor(
    slot: number,
    generation: number,
    runtime: WorkerRuntime,
    startedAt: number,
    listeners: ReadonlySet<string>,
    standby = false,
    checked = false,
  ) {
    this.slot = slot;
    this.generation = generation;
    this.runtime = runtime;
    this.startedAt = startedAt;
    this.#listeners = listeners;
    this.standby = standby || checked;
    this.checked = checked;
  }

  /** Where it is in its life. */
  get state(): WorkerState {
    return this.#state;
  }

  set state(state: WorkerState) {
    this.#state = state;
    this.onChanged?.();
    this.onState?.(state);
  }

  /** True when it has lived long enough to take over from another one. */
  get proven(): boolean {
    return this.#proven;
  }

  set proven(proven: boolean) {
    this.#proven = proven;
    this.onChanged?.();
  }

  /** Why it is to be recycled, if it is. */
  get spent(): string | undefined {
    return this.#spent;
  }

  set spent(why: string | undefined) {
    this.#spent = why;
    this.onChanged?.();
  }

  /** True for a standby that has not taken over a slot. */
  get waits(): boolean {
    return this.standby &&
      (this.state === "starting" || this.state === "standby");
  }

  /**
   * It accepts now; returns for how long it was started for that or, when it has
   * stopped accepting in between, asked to, in ms.
   */
  welcome(now: number): number {
    // A check is a part of its start.
    const since = this.checked && this.readyAt === undefined
      ? this.startedAt
      : this.resumedAt ?? this.startedAt;
    this.readyAt ??= now;
    // What it could not do before, it has done by now.
    this.failure = undefined;
    return Math.round(now - since);
  }

  /** It was seen to have used so much CPU, in ms. */
  used(cpu: number | undefined): this {
    if (cpu !== undefined) this.cpu = Math.max(cpu, this.cpu ?? 0);
    return this;
  }

  /** It has ended, and not by what it wrote long before that. */
  forgetError(now: number, { code }: ExitStatus): void {
    const old = now - this.lastErrorAt > LAST_WORDS_MS;
    if (this.proven && (old || code === 0)) this.lastError = undefined;
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

  /** It has read so many of the messages. */
  heard(count: number): void {
    this.answers++;
    this.calls = undefined;
    this.unread = Math.max(0, this.unread - count);
    this.onFreed?.();
  }

  /** See {@linkcode Backend.free}. */
  get free(): boolean {
    return this.unread + this.underway === 0;
  }

  /** True for the pool's own listeners, and for those it asked for. */
  serves(listener: string): boolean {
    return this.#listeners.has(listener) && !this.#left.has(listener) ||
      this.opened.has(listener);
  }

  /** Its program has closed the server of one of the pool's listeners. */
  leave(listener: string): void {
    if (this.#listeners.has(listener)) this.#left.add(listener);
  }

  /** That listener has a server again. */
  resume(listener: string): void {
    this.#left.delete(listener);
  }

  /** Its server takes so many connections of a listener in all. */
  limit(listener: string, total: number): void {
    if (!this.serves(listener)) return;
    this.#totals.set(listener, total);
    this.onFreed?.();
  }

  /** See {@linkcode Backend.hasRoom}. */
  hasRoom(listener: string): boolean {
    const given = this.#given.get(listener) ?? 0;
    return given < (this.#totals.get(listener) ?? Infinity);
  }

  /** Sends it a connection; false when it is already gone. */
  give(
    listener: string,
    _id: number,
    connection: Connection,
    head: string | undefined,
    onSettled: (taken: boolean) => void,
  ): boolean {
    const given = this.process.sendConnection(
      encode({ type: "connection", listener, ...(head && { head }) }),
      connection,
      (taken) => {
        this.underway--;
        if (!taken) this.#count(listener, -1);
        onSettled(taken);
        this.onFreed?.();
      },
    );
    if (given) {
      this.underway++;
      this.#count(listener, 1);
    }
    return given;
  }

  #count(listener: string, change: number): void {
    this.#given.set(listener, (this.#given.get(listener) ?? 0) + change);
  }
}

/** How long before its end a worker names the error that ends it, in ms. */
const LAST_WORDS_MS = 2000;

/** The process that serves as a worker, which a wrapper may have started. */
export function pidOf({ attachedPid, process: { pid } }: PoolWorker): number {
  return attachedPid ?? pid;
}
