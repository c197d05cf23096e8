/**
 * Hanging polls of Engine.IO, the transport below socket.io, in the drain.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import { discard, type Outgoing } from "./http_event_stream.ts";

/**
 * The packet "close" of the Engine.IO protocol, version 4, as the payload of a
 * poll. The client opens a new session at once, with another worker.
 */
const CLOSE = "1";

/**
 * True for a poll that waits for a message of the server, for up to the ping
 * interval (25 s unless the program sets another): the only request of the
 * protocol that is no wait for work. Known by its query, as the protocol
 * prescribes it; the path is the program's choice.
 */
export function isHangingPoll(response: ServerResponse): boolean {
  const { method, url } = response.req;
  // A drain asks again and again: most requests are told by this alone.
  if (
    response.headersSent || method !== "GET" ||
    !url?.includes("transport=polling")
  ) return false;
  const query = new URLSearchParams(url.slice(url.indexOf("?")));
  return query.get("EIO") === "4" && query.get("transport") === "polling" &&
    query.has("sid");
}

/** Answers a poll that still hangs with the end of its session. */
export function endPoll(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  response.setHeader("Content-Length", CLOSE.length);
  response.end(CLOSE);
  discard(response as unknown as Outgoing);
}
