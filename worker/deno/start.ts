/**
 * Starts something of Deno that listens, and puts it on an inherited socket.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf, type PreforkError } from "../../core/errors.ts";
import { bypass } from "../process/bypass.ts";
import { cannot } from "../process/errors.ts";
import {
  beginning,
  type Graft,
  graft,
  startListening,
} from "../graft/graft.ts";
import type { BoundAt } from "../graft/sockets.ts";
import { socketFor, temporaryPath } from "../listening/native_socket.ts";
import { yieldBy } from "../balance/native_servers.ts";

/** Where something is to listen before it is grafted, as options of Deno. */
export type DenoPlace =
  | { readonly hostname: string; readonly port: 0 }
  | { readonly path: string; readonly transport: "unix" };

/** What can be put on an inherited socket. */
export interface DenoListening {
  /** Where it listens now. */
  readonly addr: Deno.Addr;
}

/** Something that was put on an inherited socket. */
export interface Grafted<T> {
  /** What was started. */
  readonly server: T;
  /** The switch of its accepting. */
  readonly graft: Graft;
}

/**
 * Starts a server and grafts it onto a socket of a listener.
 *
 * @param shard the number of the socket
 * @param start starts it at a temporary place, at once
 * @param stop stops it when it cannot be grafted
 * @param how whether it is held back until it is resumed, and what else there is
 * to do when it stops accepting for a while
 * @throws {PreforkError} `ERR_ATTACH` when it cannot
 */
export function startGrafted<T extends DenoListening>(
  listener: InheritedListener,
  shard: number,
  start: (place: DenoPlace) => T,
  stop: (server: T) => void,
  { held = false, guard = (graft) => graft }: {
    readonly held?: boolean;
    readonly guard?: ((graft: Graft) => Graft) | undefined;
  } = {},
): Grafted<T> {
  const socket = socketFor(listener, shard, "Deno's server");
  const path = temporaryPath(socket);
  const server = startAt(
    listener,
    path === undefined
      ? { hostname: LOOPBACK, port: 0 }
      : { path, transport: "unix" },
    start,
  );
  try {
    const at = temporaryAddress(server.addr);
    const { backlog } = listener;
    const grafted = guard(graft({ at }, socket, held ? undefined : backlog));
    const begin = (graft: Graft): Graft => yieldBy(listener, graft, socket);
    const listen = held ? () => startListening(socket, backlog) : undefined;
    return { server, graft: beginning(grafted, begin, listen) };
  } catch (error) {
    stop(server);
    throw error;
  }
}

/** Nobody outside of this machine may reach the temporary port. */
const LOOPBACK = "127.0.0.1";

function temporaryAddress(address: Deno.Addr): BoundAt {
  return address.transport === "unix"
    ? { path: address.path }
    : { port: (address as Deno.NetAddr).port };
}

function startAt<T>(
  { name }: InheritedListener,
  place: DenoPlace,
  start: (place: DenoPlace) => T,
): T {
  try {
    return bypass(() => start(place));
  } catch (error) {
    // Anything else is between the program and Deno.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw notAllowed(name, place, error);
  }
}

function notAllowed(
  name: string,
  place: DenoPlace,
  error: unknown,
): PreforkError {
  return cannot(
    `attach to the listener "${name}"`,
    `Deno has to start the server on a temporary address first, and does not allow that (${
      messageOf(error)
    })`,
    "path" in place
      ? `add the flag "--allow-net"`
      : `add the flag "--allow-net=${LOOPBACK}:0" or "--allow-net"`,
    error,
  );
}
