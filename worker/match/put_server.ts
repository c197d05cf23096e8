/**
 * Puts a server on the listener that its program means.
 *
 * @module
 */

import type { Server } from "node:net";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { inherit } from "../inherit.ts";
import { reserve } from "../listening/reservation.ts";
import type { ServerKind } from "../process/server_kind.ts";
import type { Core } from "../process/worker_core.ts";
import { freeListener } from "./match.ts";

/**
 * Has a server of `node:net` or of what is built on it serve a listener, and
 * resolves once it does. The listener is free again when the program closes the
 * server.
 *
 * @param closed called when the program has closed the server by itself
 * @throws {PreforkError} why it cannot, which the supervisor was told as well
 */
export async function putServer(
  core: Core,
  server: Server,
  kind: ServerKind,
  listener: InheritedListener,
  closed: () => void = () => {},
): Promise<void> {
  const reservation = reserve(core, listener);
  try {
    const attachment = await inherit(server, kind, listener, (spent) => {
      freeListener(core, listener, spent);
      closed();
    });
    reservation.serve(attachment);
  } catch (error) {
    throw reservation.fail(error);
  }
}
