/**
 * The messages that a worker's runtime writes on its own: lib/internal/
 * child_process.js of Node calls them internal, and Deno and Bun write the same.
 *
 * @module
 */

import type { Connection } from "../../core/adapter/connection.ts";
import type { InternalMessage } from "./frames.ts";

/** What a runtime answers to a handle that it got. */
const ACK = "NODE_HANDLE_ACK";

/** What a runtime answers to a handle that it did not get, and may send again. */
const NACK = "NODE_HANDLE_NACK";

/** As Node names a connection: the handle alone, and a `net.Socket`. */
const CONNECTIONS: ReadonlySet<unknown> = new Set(["net.Native", "net.Socket"]);

/** What internal messages lead to. */
export interface InternalActions {
  /** Reports what nobody expects. */
  onNoise(problem: string): void;
  /** The worker's runtime has said what became of a connection sent to it. */
  settle(taken: boolean, cmd: string): void;
  /** Writes to the worker's runtime. */
  answer(message: InternalMessage): void;
  /** What came with the message, if anything did. */
  take(): Connection | undefined;
  /** The worker passes on a connection. */
  onConnection(message: unknown, connection: Connection): void;
}

/** Makes the function that reacts to internal messages. */
export function confirmation(
  { onNoise, settle, answer, take, onConnection }: InternalActions,
): (message: InternalMessage) => void {
  const refuse = (problem: string): void => {
    onNoise(problem);
    answer({ cmd: NACK });
  };
  return ({ cmd, type, msg }) => {
    switch (cmd) {
      case ACK:
        return settle(true, cmd);
      case NACK:
        onNoise("the worker did not get a connection, is it out of files?");
        return settle(false, cmd);
      case "NODE_HANDLE": {
        const connection = take();
        if (!CONNECTIONS.has(type)) {
          connection?.close();
          return refuse(
            `the worker sent a handle of the type ${
              JSON.stringify(type)
            }, and only connections are taken here`,
          );
        }
        if (connection === undefined) {
          return refuse("a message came without its connection");
        }
        answer({ cmd: ACK });
        return onConnection(msg, connection);
      }
      default:
        onNoise(`the internal message ${JSON.stringify(cmd)} is unknown`);
    }
  };
}
