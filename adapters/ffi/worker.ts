/**
 * Workers whose channel is a socket pair made through libc, inherited by the
 * worker as `NODE_CHANNEL_FD`: an ordinary IPC channel for Node, Deno and Bun.
 *
 * @module
 */

import type { ExitStatus, Signal, WorkerProcess } from "../../core/adapter.ts";
import { channelWriter } from "./channel.ts";
import { settle } from "../shared/exit.ts";
import type { FdConnection } from "./connection.ts";
import { type ChannelReader, channelReader } from "../channel/reader.ts";
import type { Callbacks } from "../shared/guard.ts";
import {
  duplicate,
  type Libc,
  setNonblocking,
  socketPair,
} from "../../libc/libc.ts";
import type { Ending } from "../shared/lines.ts";

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
export function channelEnv(fd: number): Record<string, string> {
  return {
    NODE_CHANNEL_FD: String(fd),
    NODE_CHANNEL_SERIALIZATION_MODE: "json",
  };
}

/** A process that a runtime has started. */
export interface Started {
  /** The process id. */
  readonly pid: number;
  /** How it ended, once it has been reaped. */
  readonly status: Promise<ExitStatus>;
  /** Its output, while it is read here. */
  readonly output: readonly Ending[];
  /** Sends a signal; may throw. */
  kill(signal: Signal): void;
}

/** Reads a channel, which then belongs to the reader, to its end. */
export type ReadChannel = (fd: number, reader: ChannelReader) => Ending;

/** Puts a process and its channel together. */
export function ffiWorker(
  libc: Libc,
  process: Started,
  ours: number,
  readChannel: ReadChannel,
  callbacks: Callbacks,
): WorkerProcess {
  // A copy of its own, so that no write can hit a number used again.
  const writer = channelWriter(libc, duplicate(libc, ours));
  const reader = channelReader(callbacks, {
    settle: (taken) => writer.settled(taken),
    answer: (message) => void writer.answer(message),
  });
  const channel = readChannel(ours, reader);
  let gone = false;
  void process.status.then((status) => {
    gone = true;
    writer.close();
    return settle(status, [...process.output, channel], callbacks.onExit);
  });
  return {
    pid: process.pid,
    send: (message) => writer.send(message),
    sendConnection: (message, connection, onSettled) =>
      writer.send(message, {
        connection: connection as FdConnection,
        onSettled,
      }),
    kill: (signal) => {
      if (gone) return false;
      try {
        process.kill(signal);
        return true;
      } catch {
        return false;
      }
    },
  };
}
