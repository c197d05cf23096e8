/**
 * A worker in the world in memory: it does what a test has it do.
 *
 * @module
 */

import type { ProcessUsage } from "../core/adapter/look.ts";
import type {
  ExitStatus,
  Signal,
  SpawnPlan,
  WorkerProcess,
} from "../core/adapter.ts";
import type { Connection } from "../core/adapter/connection.ts";
import { encode, type FromWorker, type ToWorker } from "../core/protocol.ts";

/** A worker that exists in memory only. */
export class MemoryProcess implements WorkerProcess {
  /** The process id, counted from 1001. */
  readonly pid: number;
  /** What it was started with. */
  readonly plan: SpawnPlan;
  /** Its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What it was told, in order. */
  readonly heard: unknown[] = [];
  /** The connections it was sent, in order. */
  readonly received: {
    readonly message: unknown;
    readonly connection: Connection;
    /** The worker's runtime confirms, or says that it did not get it. */
    settle(taken: boolean): void;
  }[] = [];
  /** The signals it was sent, in order. */
  readonly signals: Signal[] = [];
  /** False once it has ended. */
  alive = true;
  /** True once its end is not waited for. */
  released = false;
  /** True once it reads nothing more. */
  behind = false;

  /** Starts it. */
  constructor(pid: number, plan: SpawnPlan) {
    this.pid = pid;
    this.plan = plan;
    this.env = plan.env(plan.inherits.map((_, i) => 3 + i));
  }

  /** Tells it something. */
  send(message: unknown): boolean {
    if (this.alive) this.heard.push(message);
    return this.alive;
  }

  /** Hands it a connection. */
  sendConnection(
    message: unknown,
    connection: Connection,
    onSettled: (taken: boolean) => void,
  ): boolean {
    if (this.alive) {
      let settled = false;
      const settle = (taken: boolean): void => {
        if (!settled) onSettled(taken);
        settled = true;
      };
      this.received.push({ message, connection, settle });
    }
    return this.alive;
  }

  /** Sends it a signal; SIGKILL ends it. */
  kill(signal: Signal): boolean {
    if (!this.alive) return false;
    this.signals.push(signal);
    if (signal === "SIGKILL") this.exit({ code: null, signal });
    return true;
  }

  /** The worker says one of our messages. */
  say(message: FromWorker): void {
    this.plan.onMessage(encode(message));
  }

  /** The worker attaches and becomes ready. */
  getReady(): void {
    this.say({ type: "hello", runtime: "memory", pid: this.pid });
    this.say({ type: "ready" });
  }

  /** Whether it was told a message of this type. */
  wasTold(type: ToWorker["type"]): boolean {
    return this.heard.some((message) =>
      (message as { type?: unknown }).type === type
    );
  }

  /** Nobody waits for its end. */
  release(): void {
    this.released = true;
  }

  /** The system shows that it ends, and has no status yet. */
  end(): void {
    if (this.alive) this.plan.onEnding?.();
  }

  /** The worker ends, and is seen to have used so much CPU. */
  exit(status: Partial<ExitStatus> = {}, cpu?: number): void {
    if (!this.alive) return;
    this.alive = false;
    this.plan.onExit({ code: 0, signal: null, ...status }, cpu);
  }
}

/** What a process has used, of what is seen of it. */
export function usageIn(
  look: ProcessUsage | undefined,
): ProcessUsage | undefined {
  return look && { cpu: look.cpu, rss: look.rss };
}
