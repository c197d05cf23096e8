/**
 * The process that is to succeed this supervisor, as this one sees it.
 *
 * @module
 */

import type { Adapter, ExitStatus, Signal, WorkerProcess } from "../adapter.ts";
import type { StopSignal } from "../options/program.ts";
import type { Host } from "../host.ts";
import { EXIT, PreforkError } from "../errors.ts";
import { isParentVariable } from "../inherited/environment.ts";
import { say, type Word, wordIn } from "./words.ts";

/** What is started, and what for. */
export interface SuccessorPlan {
  /** The command line. */
  readonly command: readonly [string, ...string[]];
  /** Where it runs; in the directory of this process unless given. */
  readonly cwd?: string;
  /** What it inherits, in order. */
  readonly inherits: readonly { readonly fd: number }[];
  /** Its variables, beside those of this process, by the numbers it sees. */
  env(fds: readonly number[]): Readonly<Record<string, string>>;
  /** How long it may take to be ready, in ms. */
  readonly limit: number;
  /** How long it may take to end, in ms. */
  readonly grace: number;
  /** There for a program that has no word for "ready". */
  readonly program?: {
    /** What has it finish and leave. */
    readonly stopSignal: StopSignal;
    /** Looks when it accepts, or why it never will, until disposed. */
    watch(
      process: WorkerProcess,
      ready: () => void,
      fail: (reason: string) => void,
    ): Disposable & {
      /** What it has not done yet. */
      silence(): string | undefined;
    };
  };
}

/** A process that is to succeed this one. */
export class Successor {
  /** Settles when it is ready; rejects with `ERR_UPGRADE` when it never is. */
  readonly ready: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #process: WorkerProcess;
  readonly #adapter: Adapter;
  readonly #plan: SuccessorPlan;
  #timer: Disposable | undefined;
  #gone = false;
  /** True once it has said that it is to stop, and this process with it. */
  stopping = false;

  /**
   * Starts it.
   *
   * @throws {PreforkError} `ERR_SPAWN` when the command cannot be executed
   */
  constructor(plan: SuccessorPlan, adapter: Adapter) {
    const { command, inherits, limit, program } = plan;
    this.#adapter = adapter;
    this.#plan = plan;
    this.ready = this.#ready.promise;
    // Whoever asked for it by a signal does not wait for the answer.
    this.ready.catch(() => {});
    const { host, clock } = adapter;
    const { cwd = host.resolve(".") } = plan;
    this.#process = adapter.spawn({
      command,
      runtime: "exec",
      cwd,
      inherits,
      succeeds: true,
      env: (fds) => ({ ...own(host), PWD: cwd, ...plan.env(fds) }),
      // It goes on when this process is gone, whose pipes would end then.
      output: "inherit",
      onLine: () => {},
      onMessage: (message) => this.#hear(wordIn(message)),
      onConnection: (_message, connection) => connection.close(),
      onNoise: () => {},
      onExit: (status) => this.#onExit(status),
    });
    const watching = program?.watch(
      this.#process,
      () => this.#hear({ type: "ready" }),
      (reason) => this.#hear({ type: "failed", reason }),
    );
    const end = (): void => watching?.[Symbol.dispose]();
    this.ready.then(end, end);
    this.#timer = clock.after(limit, () => {
      const why = watching?.silence();
      this.#fail(
        why ??
          `it was not ready after ${limit} ms; its own lines in the log say what it waits for`,
      );
      this.end();
    });
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** True once its process has ended. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Resolves when its process has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Says something to it. */
  tell(word: Word): void {
    if (this.#plan.program === undefined) this.#process.send(say(word));
  }

  /** Sends it a signal. */
  kill(signal: Signal): void {
    this.#process.kill(signal);
  }

  /** Ends it: as such a server is ended, or by SIGKILL when that takes long. */
  end(): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#gone) return;
    const { grace, program } = this.#plan;
    this.#process.kill(program?.stopSignal ?? "SIGTERM");
    this.#timer = this.#adapter.clock.after(
      grace,
      () => this.#process.kill("SIGKILL"),
    );
  }

  /** Lets it outlive this process. */
  release(): void {
    this.#timer?.[Symbol.dispose]();
    this.#process.release();
  }

  #hear(word: Word | undefined): void {
    switch (word?.type) {
      case "ready":
        this.#timer?.[Symbol.dispose]();
        this.#ready.resolve();
        break;
      case "stopping":
        this.stopping = true;
        break;
      case "failed":
        this.#fail(word.reason);
        // It ends by itself, and not for ever.
        this.end();
        break;
    }
  }

  #onExit({ code, signal }: ExitStatus): void {
    this.#gone = true;
    // Its word may come after its end. No other end has these codes.
    if (code === EXIT.done || code === EXIT.killed) this.stopping = true;
    this.#timer?.[Symbol.dispose]();
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    this.#fail(
      `it ended ${how} before it was ready; its own error is in the log, above this line`,
    );
    this.#ended.resolve();
  }

  #fail(reason: string): void {
    this.#ready.reject(
      new PreforkError("ERR_UPGRADE", `Cannot upgrade the pool: ${reason}`),
    );
  }
}

/** The environment of this process; what is not set is not there. */
function own({ env, pid }: Host): Record<string, string> {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // The channel of this process to its own parent is none of its successor.
    if (value === undefined || name.startsWith("NODE_CHANNEL_")) continue;
    // The watchdog waits for the service, which is the successor then.
    if (name === "WATCHDOG_PID" && value === String(pid)) continue;
    // It has these sockets by other numbers.
    if (isParentVariable(name, value)) continue;
    set[name] = value;
  }
  return set;
}
