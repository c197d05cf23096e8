/**
 * Workers by `node:child_process`: on Node, and on Deno where `--allow-ffi` is
 * missing.
 *
 * @module
 */

import {
  type ChildProcess,
  spawn as start,
  spawnSync,
} from "node:child_process";
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import process from "node:process";
import type { Readable } from "node:stream";
import {
  MAX_BEHIND,
  type Signal,
  type SpawnPlan,
  type WorkerProcess,
} from "../../core/adapter.ts";
import { startWith } from "../shared/ambient.ts";
import { findCommand, refusedError } from "../shared/command.ts";
import { announceEnding, emptied, settle } from "../shared/exit.ts";
import { type ChannelReader, channelReader } from "../channel/reader.ts";
import { guarded } from "../shared/guard.ts";
import { takesRawHandles } from "../channel/raw_handles.ts";
import { leftToRuntime } from "../shared/orphans.ts";
import { signaller } from "../shared/kill.ts";
import { type Reading, readLines } from "../shared/lines.ts";
import { statOf } from "../shared/proc.ts";
import { OWN_SESSION } from "../shared/signals.ts";
import type { NodeConnection } from "./sockets.ts";

/** What differs between the runtimes. */
export interface ChildOptions {
  /** Reads the channel to its end. */
  readChannel(child: ChildProcess, reader: ChannelReader): Reading;
  /** Tells the runtime that a connection was confirmed. */
  confirm(child: ChildProcess, cmd: string): void;
  /** Sends a signal; false or an error when the process is gone. */
  kill(child: ChildProcess, signal: Signal): boolean;
}

/**
 * Starts a worker.
 *
 * @throws {PreforkError} `ERR_SPAWN`
 */
export function spawnChild(
  plan: SpawnPlan,
  options: ChildOptions,
): WorkerProcess {
  const { file, args } = findCommand(plan);
  const env = { ...plan.env(plan.inherits.map((_, i) => 3 + i)) };
  const output = plan.output === "lines" ? "pipe" : "inherit";
  const begin = (): ChildProcess =>
    start(file, args, {
      ...(plan.cwd !== undefined && { cwd: plan.cwd }),
      argv0: plan.command[0],
      env,
      ...OWN_SESSION,
      serialization: "json",
      stdio: [
        "ignore",
        output,
        output,
        ...plan.inherits.map((socket) => socket.fd),
        "ipc",
      ],
    });
  const child = startOrThrow(plan, () => startWith(plan, begin));
  const underway = settling(child);
  let unsent = 0;
  // A send that fails has a worker that is gone: its exit is reported.
  const onSent = (): void => void unsent--;
  const transmit = (message: unknown, handle?: Socket): void => {
    unsent++;
    child.send(message as object, handle, { keepOpen: true }, onSent);
  };
  const callbacks = guarded(plan);
  const channel = options.readChannel(
    child,
    channelReader(callbacks, {
      settle: (_taken, cmd) => options.confirm(child, cmd),
      answer: (message) => {
        if (child.connected && unsent <= MAX_BEHIND) transmit(message);
      },
    }),
  );
  const readings = [
    channel,
    lines(child.stdout, (line) => callbacks.onLine("stdout", line)),
    lines(child.stderr, (line) => callbacks.onLine("stderr", line)),
  ];
  const ending = announceEnding(child.pid!, channel, callbacks.onEnding);
  void channel.ended.then(() => reap(child));
  const kill = signaller(
    child.pid!,
    (signal) => options.kill(child, signal),
  );
  const own = leftToRuntime(child.pid!);
  let gone = false;
  const post = (message: unknown, handle?: Socket): boolean => {
    if (gone || !child.connected) return false;
    transmit(message, handle);
    return true;
  };
  child.once("exit", async (code, signal) => {
    own[Symbol.dispose]();
    await emptied(child.pid!, plan.onLeft);
    gone = true;
    await settle(
      { code, signal },
      readings,
      (status) => callbacks.onExit(status, ending.cpu),
    );
  });
  return {
    pid: child.pid!,
    send: (message) => post(message),
    get behind() {
      return unsent > MAX_BEHIND;
    },
    sendConnection: (message, connection, onSettled) => {
      const { handle, socket, closed } = connection as NodeConnection;
      if (closed()) return false;
      const raw = takesRawHandles(plan.runtime);
      if (!post(message, raw ? handle as unknown as Socket : socket())) {
        return false;
      }
      underway.push(onSettled);
      return true;
    },
    kill: (signal) => !gone && kill(signal),
    release: () => {
      child.unref();
      channel.cancel();
    },
  };
}

function ignore(): void {}

/** How often it is looked whether the end of a worker was missed, in ms. */
const LOOK = 1000;

/**
 * Has Node look how a worker has ended. It does when SIGCHLD comes, which it
 * loses while the pipe into which it writes signals is full (Node 26.10, of
 * 4,096), and then never again unless another worker ends.
 */
function reap(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setInterval(() => {
    if (statOf(child.pid!)?.state === "Z") process.kill(process.pid, "SIGCHLD");
  }, LOOK);
  timer.unref();
  child.once("exit", () => clearInterval(timer));
}

function startOrThrow(
  plan: SpawnPlan,
  run: () => ChildProcess,
): ChildProcess {
  let child: ChildProcess;
  try {
    child = run();
  } catch (error) {
    throw refusedError(plan, error);
  }
  // Later errors are of sends and kills, and mean that the worker is gone.
  child.on("error", ignore);
  // Node tells why in an event that comes later, but the pid tells now. Where it
  // is no fault of the command, no other can be started either.
  if (child.pid === undefined) {
    const { error } = spawnSync(process.execPath, ["--version"]);
    throw refusedError(plan, error);
  }
  return child;
}

function lines(
  stream: Readable | null,
  onLine: (line: string) => void,
): Reading {
  if (stream === null) return { ended: Promise.resolve(), cancel: ignore };
  stream.on("error", ignore);
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return readLines({
    next: async () => (await chunks.next()).value,
    cancel: () => void stream.destroy(),
  }, onLine);
}

/** How often Node sends a connection again that did not arrive. */
const RETRANSMISSIONS = 3;

/**
 * Who is told what becomes of the connections that were sent, in order: Node
 * emits what the other side's runtime says as "internalMessage" (since 0.6, in
 * lib/internal/child_process.js).
 */
function settling(child: ChildProcess): ((taken: boolean) => void)[] {
  const underway: ((taken: boolean) => void)[] = [];
  let misses = 0;
  const events: EventEmitter = child;
  events.on("internalMessage", ({ cmd }: { readonly cmd?: string }) => {
    if (cmd === "NODE_HANDLE_NACK" && ++misses <= RETRANSMISSIONS) return;
    if (cmd !== "NODE_HANDLE_ACK" && cmd !== "NODE_HANDLE_NACK") return;
    misses = 0;
    underway.shift()?.(cmd === "NODE_HANDLE_ACK");
  });
  return underway;
}
