/**
 * Workers whose channel is a socket pair made through libc, inherited by the
 * worker as `NODE_CHANNEL_FD`: an ordinary IPC channel for Node, Deno and Bun.
 *
 * @module
 */

import type {
  ExitStatus,
  Signal,
  SpawnPlan,
  WorkerProcess,
} from "../../core/adapter.ts";
import {
  duplicate,
  type Libc,
  setNonblocking,
  socketPair,
} from "../../libc/libc.ts";
import { takesRawHandles } from "../channel/raw_handles.ts";
import { channelReader } from "../channel/reader.ts";
import { startWith } from "../shared/ambient.ts";
import { findCommand, refusedError } from "../shared/command.ts";
import { announceEnding, emptied, settle } from "../shared/exit.ts";
import { guarded } from "../shared/guard.ts";
import { leftToRuntime } from "../shared/orphans.ts";
import { signaller } from "../shared/kill.ts";
import { type ByteSource, readLines } from "../shared/lines.ts";
import type { ReadChannel } from "./channel_reader.ts";
import { channelWriter } from "./channel_writer.ts";
import type { FdConnection } from "./connection.ts";

/** What a runtime is to start. */
export interface Start {
  /** The executable. */
  readonly file: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** The working directory; this process' own unless given. */
  readonly cwd: string | undefined;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  /** True when its output is read here and not inherited. */
  readonly piped: boolean;
  /** The descriptors that it inherits, in order. */
  readonly fds: readonly number[];
}

/** A process that a runtime has started. */
export interface Started {
  /** The process id. */
  readonly pid: number;
  /** How it ended, once it has been reaped. */
  readonly status: Promise<ExitStatus>;
  /**
   * The CPU that it has used by then, in ms, with that of children that it has
   * waited for; undefined where the runtime does not tell.
   */
  readonly cpu?: () => number | undefined;
  /** Its output, where that is piped. */
  readonly stdout: unknown;
  /** The same of the other stream. */
  readonly stderr: unknown;
  /** Sends a signal; may throw. */
  kill(signal: Signal): void;
  /** Lets this process end before it. */
  release(): void;
}

/** The runtime's own part. */
export interface Spawner {
  /** The number that the nth descriptor has in the worker. */
  numberOf(fd: number, nth: number): number;
  /** Starts a process; throws when it cannot. */
  start(options: Start): Started;
  /** Reads channels. */
  readonly readChannel: ReadChannel;
}

/**
 * Starts a worker.
 *
 * @throws {PreforkError} `ERR_SPAWN`
 */
export function spawnWith(
  libc: Libc,
  { numberOf, start, readChannel }: Spawner,
  plan: SpawnPlan,
): WorkerProcess {
  const { file, args } = findCommand(plan);
  const inherited = plan.inherits.map((socket) => socket.fd);
  const env = plan.env(inherited.map(numberOf));
  const { ours, theirs } = channelPair(libc);
  let process: Started;
  try {
    const channel = channelEnv(numberOf(theirs, inherited.length));
    const what: Start = {
      file,
      args,
      cwd: plan.cwd,
      env: { ...env, ...channel },
      piped: plan.output === "lines",
      fds: [...inherited, theirs],
    };
    process = startWith(plan, () => start(what));
  } catch (error) {
    libc.close(ours);
    throw refusedError(plan, error);
  } finally {
    libc.close(theirs);
  }
  return workerOf(libc, process, ours, readChannel, plan);
}

/** The two ends of a channel; no other child inherits them. */
export interface ChannelPair {
  /** The supervisor's end, non-blocking. */
  readonly ours: number;
  /** The worker's end, blocking as a runtime expects it. */
  readonly theirs: number;
}

/** Makes a channel. */
export function channelPair(libc: Libc): ChannelPair {
  const [ours, theirs] = socketPair(libc);
  setNonblocking(libc, ours);
  return { ours, theirs };
}

/** The variables by which a worker's runtime finds its end (Node's own). */
function channelEnv(fd: number): Record<string, string> {
  return {
    NODE_CHANNEL_FD: String(fd),
    NODE_CHANNEL_SERIALIZATION_MODE: "json",
  };
}

const STREAMS = ["stdout", "stderr"] as const;

/** Puts a process and its channel together. */
function workerOf(
  libc: Libc,
  process: Started,
  ours: number,
  readChannel: ReadChannel,
  plan: SpawnPlan,
): WorkerProcess {
  const callbacks = guarded(plan);
  // A copy of its own, so that no write can hit a number used again.
  const raw = takesRawHandles(plan.runtime);
  const writer = channelWriter(libc, duplicate(libc, ours), raw);
  const reader = channelReader(callbacks, {
    settle: (taken) => writer.settled(taken),
    answer: (message) => void writer.answer(message),
  });
  const channel = readChannel(ours, reader);
  const readings = [channel];
  const ending = announceEnding(process.pid, channel, callbacks.onEnding);
  for (const stream of plan.output === "lines" ? STREAMS : []) {
    readings.push(readLines(
      webSource(process[stream] as ReadableStream<Uint8Array>),
      (line) => callbacks.onLine(stream, line),
    ));
  }
  const kill = signaller(process.pid, (signal) => {
    process.kill(signal);
    return true;
  });
  const own = leftToRuntime(process.pid);
  let gone = false;
  void process.status.then(async (status) => {
    own[Symbol.dispose]();
    await emptied(process.pid, plan.onLeft);
    gone = true;
    writer.close();
    await settle(
      status,
      readings,
      (status) => callbacks.onExit(status, ending.cpu ?? process.cpu?.()),
    );
  });
  return {
    pid: process.pid,
    send: (message) => writer.send(message),
    get behind() {
      return writer.behind;
    },
    sendConnection: (message, connection, onSettled) =>
      writer.send(message, {
        connection: connection as FdConnection,
        onSettled,
      }),
    kill: (signal) => !gone && kill(signal),
    release: () => {
      for (const reading of readings) reading.cancel();
      process.release();
    },
  };
}

function webSource(stream: ReadableStream<Uint8Array>): ByteSource {
  const reader = stream.getReader();
  return {
    next: async () => (await reader.read()).value,
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}
