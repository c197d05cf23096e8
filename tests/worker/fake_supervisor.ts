/**
 * Starts and steers `fixtures/worker_supervisor.mjs`.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ShareMode } from "../../core/adapter.ts";
import {
  encodeInheritance,
  type InheritedListener,
  PRELOAD_VARIABLE,
} from "../../core/launch/environment.ts";
import { binary, cleanEnv, type Runtime, runtimeArgs } from "../runtimes.ts";
import { within } from "../within.ts";

/** A message as the tests look at it. */
export type Message = Readonly<Record<string, unknown>>;

/** A listener of a worker under test. */
export interface ListenerPlan {
  readonly name: string;
  readonly port: number;
  /** Given, it is a Unix socket. */
  readonly path?: string | undefined;
  readonly mode?: ShareMode;
  /** The numbers of the supervisor's sockets. */
  readonly sockets?: readonly number[];
  readonly shard?: number;
}

/** What to start. */
export interface WorkerPlan {
  readonly runtime: Runtime;
  readonly program: readonly [string, ...string[]];
  readonly listeners?: readonly ListenerPlan[];
  readonly slot?: number;
  readonly generation?: number;
  readonly flags?: readonly string[];
  /** Given, the program is run as one that knows nothing of prefork. */
  readonly preload?: Readonly<Record<string, unknown>>;
  /** True for one that is to wait until it takes over a slot. */
  readonly standby?: boolean;
  /** Its seat on the scoreboard, where it is to have one. */
  readonly board?: { readonly seat: number; readonly passes?: boolean };
  /** Given, the program runs by hand and its output counts as messages. */
  readonly address?: string;
}

/** A worker under test. */
export interface FakeWorker {
  readonly pid: number;
  /** All of its messages so far. */
  readonly messages: readonly Message[];
  /** All of its output so far. */
  output(): string;
  /** The first message that fits, or the nth, now or later. */
  until(fits: Partial<Message>, nth?: number): Promise<Message>;
  /** Waits for output, which comes by another way than its messages. */
  wrote(pattern: RegExp): Promise<void>;
  send(message: unknown): Promise<void>;
  kill(signal: string): Promise<void>;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
}

/** A supervisor under test's control. */
export interface FakeSupervisor {
  readonly pid: number;
  /** Shards are bound at one port unless another one is named; 0 is a new one. */
  bind(
    reusePort?: boolean,
    at?: number,
    path?: string,
  ): Promise<{ index: number; port: number }>;
  spawn(plan: WorkerPlan): Promise<FakeWorker>;
  /** The path of the scoreboard of its workers. */
  board(): Promise<string>;
  handoff(listener: string, to: readonly FakeWorker[]): Promise<number>;
  /**
   * Accepts at a new port, or at a path, and hands over in turn to those that
   * are not parked.
   */
  spread(
    listener: string,
    to: readonly FakeWorker[],
    path?: string,
  ): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The environment of supervisor and workers: no port of the tester's own. */
function plainEnv(): Record<string, string> {
  return cleanEnv({ NO_COLOR: "1", PORT: undefined });
}

/** The command that runs a fixture. */
export function commandOf(
  runtime: Runtime,
  program: readonly [string, ...string[]],
  flags: readonly string[] = [],
): [string, ...string[]] {
  const [file, ...rest] = program;
  const path = fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url));
  const [verb, ...others] = runtimeArgs(runtime, path);
  // After its verb Deno takes flags, and Bun too.
  return runtime !== "node"
    ? [binary(runtime), verb!, ...flags, ...others, ...rest]
    : [binary(runtime), ...flags, verb!, ...others, ...rest];
}

function preloads(runtime: Runtime): [string, string] {
  const { href } = new URL("../../worker/preload.ts", import.meta.url);
  return runtime === "node"
    ? ["--import", href]
    : ["--preload", runtime === "bun" ? fileURLToPath(href) : href];
}

interface Event {
  readonly event: string;
  readonly call: number;
  readonly key: number;
  readonly result: Message;
  readonly message: Message;
  readonly line: string;
  readonly code: number | null;
  readonly signal: string | null;
}

/** A process of a supervisor, and how it is talked to. */
interface SupervisorProcess {
  readonly pid: number;
  /** Calls a command, and resolves with what it replies. */
  call(name: string, rest: object): Promise<Message>;
  /** Listens to what happens to the worker of a key. */
  follow(key: number, sink: (event: Event) => void): void;
  /** Makes it one that has just been started, where it has not ended. */
  reset(): Promise<void>;
}

/** A number that neither a call nor a worker has had. */
let last = 0;

/** The process of the test before, while nobody has it. */
let spare: SupervisorProcess | undefined;

function startProcess(): SupervisorProcess {
  const file = new URL("../fixtures/worker_supervisor.mjs", import.meta.url);
  const child = spawn(binary("node"), [fileURLToPath(file)], {
    env: plainEnv(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  let over = false;
  const closed = new Promise<void>((resolve) => {
    child.once("exit", () => {
      over = true;
      // Whoever still waits for a worker's word must not wait for ever.
      const event = { event: "exit", code: null, signal: "supervisor" };
      for (const sink of sinks.values()) sink(event as Event);
      resolve();
    });
  });
  const calls = new Map<number, (result: Message) => void>();
  const sinks = new Map<number, (event: Event) => void>();
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const event = JSON.parse(line) as Event;
    if (event.event === "reply") calls.get(event.call)?.(event.result);
    else sinks.get(event.key)?.(event);
  });
  child.stdin!.on("error", () => {});
  const call: SupervisorProcess["call"] = (name, rest) =>
    new Promise((resolve) => {
      const number = ++last;
      calls.set(number, resolve);
      child.stdin!.write(
        `${JSON.stringify({ call: number, name, ...rest })}\n`,
      );
    });
  const own: SupervisorProcess = {
    pid: child.pid!,
    call,
    follow: (key, sink) => void sinks.set(key, sink),
    async reset() {
      sinks.clear();
      await Promise.race([call("reset", {}), closed]);
      if (!over) spare = own;
    },
  };
  return own;
}

/**
 * Starts a supervisor; dispose it to end its workers. Its process is the next
 * one's then, since to start it takes longer than most of what a test does, and
 * ends with this one, which has the other end of its stdin.
 */
export function startSupervisor(): FakeSupervisor {
  const { pid, call, follow, reset } = spare ?? startProcess();
  spare = undefined;
  const keys = new Map<FakeWorker, number>();

  return {
    pid,
    async bind(reusePort = false, at, path) {
      const { index, port } = await call("bind", { reusePort, at, path });
      return { index: index as number, port: port as number };
    },
    async board() {
      const { path } = await call("board", {});
      return path as string;
    },
    async handoff(listener, to) {
      const { port } = await call("handoff", {
        listener,
        to: to.map((worker) => keys.get(worker)),
      });
      return port as number;
    },
    async spread(listener, to, path) {
      const { port } = await call("spread", {
        listener,
        path,
        to: to.map((worker) => keys.get(worker)),
      });
      return port as number;
    },
    async spawn(plan) {
      const key = ++last;
      const byHand = plan.address !== undefined;
      const messages: Message[] = [];
      const waiting = new Set<() => void>();
      let output = "";
      let exit!: (
        status: { code: number | null; signal: string | null },
      ) => void;
      const exited: FakeWorker["exited"] = new Promise((resolve) => {
        exit = resolve;
      });
      follow(key, (event) => {
        if (event.event === "line") output += `${event.line}\n`;
        if (event.event === "message") messages.push(event.message);
        else if (byHand && event.line?.startsWith("{")) {
          messages.push(JSON.parse(event.line));
        }
        if (event.event === "exit") exit(event);
        for (const look of [...waiting]) look();
      });
      const indexes: number[] = [];
      const listeners = (plan.listeners ?? []).map((
        each,
      ): InheritedListener => ({
        name: each.name,
        address: each.path === undefined
          ? `127.0.0.1:${each.port}`
          : `unix:${each.path}`,
        mode: each.mode ?? "shared",
        backlog: 128,
        ipv6Only: false,
        fds: (each.sockets ?? []).map((index) => 2 + indexes.push(index)),
        shard: each.shard ?? 0,
      }));
      const inheritance = {
        slot: plan.slot ?? 0,
        generation: plan.generation ?? 1,
        listeners,
        standby: plan.standby ?? false,
        ...(plan.board !== undefined && {
          seat: {
            fd: 3 + indexes.length,
            seat: plan.board.seat,
            weight: 1,
            passes: plan.board.passes ?? false,
          },
        }),
      };
      const { pid } = await call("spawn", {
        key,
        indexes,
        board: plan.board !== undefined,
        command: commandOf(plan.runtime, plan.program, [
          ...plan.preload === undefined ? [] : preloads(plan.runtime),
          ...plan.flags ?? [],
        ]),
        env: {
          ...plainEnv(),
          ...(byHand
            ? { ADDRESS: plan.address }
            : encodeInheritance(inheritance)),
          ...(plan.preload !== undefined &&
            { [PRELOAD_VARIABLE]: JSON.stringify(plan.preload) }),
        },
      });
      const met = <T>(find: () => T | undefined, what: string): Promise<T> => {
        const said = new Promise<T>((resolve, reject) => {
          const look = (): void => {
            const found = find();
            if (found === undefined) return;
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          look();
          void exited.then((status) => {
            look();
            reject(
              new Error(
                `the worker exited (${JSON.stringify(status)}) without ${what}:
${output}${JSON.stringify(messages)}`,
              ),
            );
          });
        });
        return within(
          said,
          () =>
            `${what} of the worker, which said ${
              JSON.stringify(messages)
            } and wrote ${output}`,
        );
      };
      const worker: FakeWorker = {
        pid: pid as number,
        messages,
        output: () => output,
        exited,
        until: (fits, nth = 1) =>
          met(
            () =>
              messages.filter((message) =>
                Object.entries(fits).every(([name, value]) =>
                  message[name] === value
                )
              )[nth - 1],
            JSON.stringify(fits),
          ),
        async wrote(pattern) {
          await met(() => pattern.exec(output) ?? undefined, String(pattern));
        },
        async send(message) {
          await call("send", { key, message });
        },
        async kill(signal) {
          await call("kill", { key, signal });
        },
      };
      keys.set(worker, key);
      return worker;
    },
    [Symbol.asyncDispose]: reset,
  };
}

/** What the supervisor sends to have a worker leave. */
export function drainMessage(ms: number, idle = 300): Message {
  return { prefork: 1, type: "drain", ms, idle };
}
