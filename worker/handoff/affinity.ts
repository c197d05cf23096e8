/**
 * Learns the session ids that socket.io gives to its clients, so that their
 * next connections come to this worker: `sticky=query:sid` without a word in
 * the program.
 *
 * @module
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Buffer } from "node:buffer";

/** The value of {@linkcode InheritedListener.sticky} that asks for it. */
export const SESSION_IDS = "query:sid";

/**
 * The first answer to a client that polls: an "open" packet, which is 0 and
 * JSON that begins with the id (Engine.IO protocol, revision 4). Revision 3
 * has the length in front. Over a WebSocket no other connection comes with the
 * id, so it need not be known.
 */
const OPEN = /^(?:\d+:)?0\{"sid":"([\w-]{1,256})"/;

/** Calls `learned` with each session id that a server gives out. */
export function learnSessionIds(
  server: Server,
  learned: (id: string) => void,
): void {
  // Not a listener: socket.io takes the listeners there are away from the
  // server and calls them for the requests of others only.
  const emit = server.emit;
  server.emit = function (
    this: Server,
    event: string | symbol,
    ...rest: unknown[]
  ): boolean {
    if (event === "request") {
      const [request, response] = rest as [IncomingMessage, ServerResponse];
      if (!/[?&]sid=/.test(request.url ?? "")) watch(response, learned);
    }
    return Reflect.apply(emit, this, [event, ...rest]);
  } as Server["emit"];
}

/** Looks at the first piece of a response's body. */
function watch(response: ServerResponse, learned: (id: string) => void): void {
  const { write, end } = response;
  const look = (chunk: unknown): void => {
    response.write = write;
    response.end = end;
    const text = typeof chunk === "string"
      ? chunk
      : chunk instanceof Uint8Array
      ? Buffer.from(chunk.subarray(0, 512)).toString("latin1")
      : "";
    const match = OPEN.exec(text);
    // Said before the client can know it, so it is heard first.
    if (match !== null) learned(match[1]!);
  };
  response.write = function (this: ServerResponse, ...rest: unknown[]) {
    look(rest[0]);
    return Reflect.apply(write, this, rest);
  } as ServerResponse["write"];
  response.end = function (this: ServerResponse, ...rest: unknown[]) {
    look(rest[0]);
    return Reflect.apply(end, this, rest);
  } as ServerResponse["end"];
}
