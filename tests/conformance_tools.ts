/** What the parts of the conformance suite have in common. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type {
  Adapter,
  BindRequest,
  ExitStatus,
  HeldSocket,
  SpawnPlan,
  WorkerProcess,
} from "../core/adapter.ts";
import type { Address } from "../core/options/address.ts";
import { binary, commandOn, type Runtime, RUNTIMES } from "./runtimes.ts";

/** 127.0.0.1 with a port that the kernel picks. */
export const ANY_PORT: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** Binds with the defaults of a listener. */
export function bind(
  adapter: Adapter,
  address: Address,
  more: Partial<BindRequest> = {},
): Promise<HeldSocket> {
  return adapter.bind({
    address,
    backlog: 512,
    ipv6Only: false,
    reusePort: false,
    listen: false,
    ...more,
  });
}

/** A worker and everything that it has done. */
export interface Child extends AsyncDisposable {
  readonly process: WorkerProcess;
  readonly lines: string[];
  readonly messages: unknown[];
  readonly noise: string[];
  readonly exit: Promise<ExitStatus>;
  /** Waits until a condition over what it has done holds. */
  until(condition: (child: Child) => boolean): Promise<void>;
  /** Waits for a message that holds these members. */
  message(wanted: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/** What a test wants of a worker. */
export interface ChildOptions extends Partial<Omit<SpawnPlan, "env">> {
  readonly env?: (fds: readonly number[]) => Record<string, string>;
}

/** Starts a worker; disposing kills it and waits for its end. */
export function start(
  adapter: Adapter,
  command: readonly [string, ...string[]],
  options: ChildOptions = {},
): Child {
  const waiters = new Set<() => void>();
  const changed = (): void => {
    for (const check of waiters) check();
  };
  const exited = Promise.withResolvers<ExitStatus>();
  let exits = 0;
  const record = {
    lines: [] as string[],
    messages: [] as unknown[],
    noise: [] as string[],
  };
  const keep = <K extends keyof typeof record>(
    key: K,
    value: (typeof record)[K][number],
  ): void => {
    assert.equal(exits, 0, `${key} after the exit`);
    (record[key] as unknown[]).push(value);
    changed();
  };
  const worker = adapter.spawn({
    command,
    runtime: RUNTIMES.find((name) => binary(name) === command[0]) ?? "exec",
    inherits: [],
    output: "lines",
    onLine: (stream, line) => keep("lines", `${stream}: ${line}`),
    onMessage: (message) => keep("messages", message),
    onConnection: (_, connection) => connection.close(),
    onNoise: (problem) => keep("noise", problem),
    onExit: (status) => {
      assert.equal(++exits, 1, "one exit");
      exited.resolve(status);
      changed();
    },
    ...options,
    env: (fds) => ({
      PATH: process.env["PATH"] ?? "",
      ...options.env?.(fds),
    }),
  });
  const child: Child = {
    ...record,
    process: worker,
    exit: exited.promise,
    until: (condition) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (condition(child)) resolve();
          else if (exits > 0) {
            reject(
              new Error(`the worker is gone: ${record.lines.join(" | ")}`),
            );
          } else return;
          waiters.delete(check);
        };
        waiters.add(check);
        check();
      }),
    message: async (wanted) => {
      const fits = (message: unknown): boolean =>
        Object.entries(wanted).every(([key, value]) =>
          (message as Record<string, unknown> | null)?.[key] === value
        );
      await child.until(({ messages }) => messages.some(fits));
      return child.messages.find(fits) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: async () => {
      worker.kill("SIGKILL");
      await exited.promise;
    },
  };
  return child;
}

const CHILD: string = fileURLToPath(
  new URL("./fixtures/conformance_child.mjs", import.meta.url),
);

/** The command of the fixture on a runtime. */
export function childOn(runtime: Runtime): [string, ...string[]] {
  return commandOn(runtime, CHILD);
}

/** Connects; resolves with all that comes until the other side ends. */
export function ask(address: Address, text = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(target(address));
    let got = "";
    socket.on("connect", () => {
      if (text !== "") socket.write(text);
    });
    socket.on("data", (data) => got += String(data));
    socket.on("error", reject);
    socket.on("end", () => {
      socket.destroy();
      resolve(got);
    });
  });
}

/** Where a client finds an address. */
export function target(address: Address): net.NetConnectOpts {
  switch (address.kind) {
    case "tcp":
      return { port: address.port, host: address.host || "127.0.0.1" };
    case "unix":
      return { path: (address.abstract ? "\0" : "") + address.path };
    case "udp":
    case "fd":
      throw new Error("a file descriptor is no place to connect to");
  }
}

/** The file status flags of a descriptor, out of proc_pid_fdinfo(5). */
export function statusFlags(fd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  return parseInt(/^flags:\s+([0-7]+)/m.exec(info)![1]!, 8);
}

/** O_NONBLOCK of fcntl(2) on Linux. */
export const O_NONBLOCK = 0o4000;

/** How many sockets this process has open. */
export function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Waits until a number comes back to what it was. */
export async function settled(
  count: () => number,
  wanted: number,
): Promise<void> {
  for (let i = 0; i < 500 && count() > wanted; i++) {
    await new Promise((resume) => setTimeout(resume, 10));
  }
  assert.ok(count() <= wanted, `${count()} are open, ${wanted} were before`);
}

/** A directory that is gone afterwards. */
export function temporaryDirectory(): { path: string } & Disposable {
  const directory = mkdtempSync(path.join(os.tmpdir(), "pf-"));
  return {
    path: directory,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
