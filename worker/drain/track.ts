/**
 * The drain of a server, by its kind.
 *
 * @module
 */

import type net from "node:net";
import type { ServerKind } from "../process/server_kind.ts";
import type { Connections, PendingConnections } from "./connections.ts";
import { trackHttp } from "./http.ts";
import { trackHttp2 } from "./http2.ts";
import { trackNet } from "./net.ts";

/** Tracks the connections of a server, and those that wait at its filter. */
export function track(
  server: net.Server,
  kind: ServerKind,
  waiting: PendingConnections = new Set(),
): Connections {
  switch (kind) {
    case "net":
      return trackNet(server, waiting);
    case "http2":
      return trackHttp2(server as never, waiting);
    default:
      return trackHttp(server as never, waiting);
  }
}
