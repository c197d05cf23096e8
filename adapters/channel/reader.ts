/**
 * The reading half of a worker channel: what the frames mean, and which
 * connection belongs to which of them.
 *
 * @module
 */

import type { Connection } from "../../core/adapter/connection.ts";
import { frameReader, type InternalMessage } from "./frames.ts";
import type { Callbacks } from "../shared/guard.ts";
import { confirmation } from "./internal_message.ts";

/**
 * So many bytes of a channel are read at once. Of the shortest messages there
 * are 2000 in them, of those of this library some 80.
 */
export const READ_BYTES = 1024;

/** Takes what comes from one worker. */
export interface ChannelReader {
  /**
   * Takes bytes, and the connection that came with them. The kernel ends a
   * read after the bytes that a file descriptor was sent with (unix(7)), so
   * there is one at most, and it belongs to the last line that has begun.
   *
   * @returns how many lines have ended in them
   */
  read(bytes: Uint8Array, connection?: Connection): number;
  /** Takes a message that a runtime has parsed, and what came with it. */
  message(message: unknown, connection?: Connection): void;
  /** Reports what came instead of something useful. */
  noise(problem: string): void;
  /** No more will come. */
  end(): void;
}

/** What is said to the worker's runtime, and what it says. */
export interface ChannelPeer {
  /** The runtime has said what became of a connection sent to it. */
  settle(taken: boolean, cmd: string): void;
  /** Writes an answer that must not wait behind connections. */
  answer(message: InternalMessage): void;
}

/** Makes a reader that hands out what it understands. */
export function channelReader(
  callbacks: Callbacks,
  { settle, answer }: ChannelPeer,
): ChannelReader {
  const { onMessage, onConnection, onNoise } = callbacks;
  /** Came before their messages were complete. */
  const early: Connection[] = [];
  const read = frameReader({
    onMessage,
    onNoise,
    onInternal: confirmation({
      onNoise,
      settle,
      answer,
      take: () => early.shift(),
      onConnection,
    }),
  });
  const drop = (keep: number): void => {
    while (early.length > keep) {
      early.shift()!.close();
      onNoise("a connection came without its message");
    }
  };
  return {
    read: (bytes, connection) => {
      if (connection !== undefined) early.push(connection);
      const lines = read(bytes);
      // Only a line that has not ended yet can still ask for one.
      drop(bytes.at(-1) === 10 ? 0 : 1);
      return lines;
    },
    message: (message, connection) => {
      if (connection === undefined) onMessage(message);
      else onConnection(message, connection);
    },
    noise: onNoise,
    end: () => drop(0),
  };
}
