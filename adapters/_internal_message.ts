/**
 * The messages that a worker's runtime writes on its own: lib/internal/
 * child_process.js of Node calls them internal, and Deno and Bun write the same.
 *
 * @module
 */

/** What a runtime answers to a handle that it did not get. */
const NACK = "NODE_HANDLE_NACK";

/** Makes the function that reacts to internal messages by their `cmd`. */
export function confirmation(
  onNoise: (problem: string) => void,
  settle: (taken: boolean, cmd: string) => void,
  answer: (message: unknown) => void,
): (cmd: string) => void {
  return (cmd) => {
    switch (cmd) {
      case "NODE_HANDLE_ACK":
        return settle(true, cmd);
      case NACK:
        onNoise("the worker did not get a connection, is it out of files?");
        return settle(false, cmd);
      case "NODE_HANDLE":
        onNoise("the worker sent a socket or server, which nobody takes here");
        return answer({ cmd: NACK });
      default:
        onNoise(`the internal message ${JSON.stringify(cmd)} is unknown`);
    }
  };
}
