/**
 * Has `Deno.serve` mean the pool's listeners.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { PreforkError } from "../../core/errors.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { cannot } from "../process/failures.ts";
import { denoAddress } from "./address.ts";
import { readDenoServe } from "./arguments.ts";
import { adoptDenoServe } from "./serve.ts";
import { reserve } from "../listening/reservation.ts";
import { claim, formatWanted, type Wanted } from "../claim/claim.ts";
import { bridgeDenoServe } from "./bridge.ts";
import {
  mustAccept,
  sharedAt,
  type SharedPlace,
} from "../claim/native_place.ts";
import { type DenoPlaceOptions, wantedOfDeno } from "./place.ts";
import { open } from "../claim/on_demand.ts";
import { sayOnce } from "../claim/say.ts";
import type { Settings } from "../claim/settings.ts";

type Serve = (...args: readonly unknown[]) => Deno.HttpServer;

/** Replaces `Deno.serve`, a getter with a setter (Deno 2.9.5). */
export function patchDenoServe(core: Core, settings: Settings): void {
  const original = Deno.serve as Serve;
  const serve: Serve = (...args) => {
    const options = optionsOf(args);
    const wanted = isBypassed()
      ? undefined
      : wantedOfDeno(options, defaultPort());
    if (wanted === undefined) return original(...args);
    const found = claim(core, wanted, settings.privatePorts);
    if (found.kind === "inherited") {
      return serveInherited(core, args, options, found.listener, original);
    }
    if (found.kind === "private" || options.reusePort === true) {
      return original(...args);
    }
    return serveForeign(core, args, options, wanted);
  };
  Deno.serve = serve as typeof Deno.serve;
}

function serveInherited(
  core: Core,
  args: readonly unknown[],
  options: DenoPlaceOptions,
  listener: InheritedListener,
  original: Serve,
): Deno.HttpServer {
  const reservation = reserve(core, listener);
  const free = (): void => void core.attachments.delete(listener.name);
  try {
    if (listener.mode === "reuseport") {
      const place = sharedAt(listener);
      const server = serveShared(args, options, place, original);
      // Best effort: it also ends connections that were accepted and have not
      // sent their request yet.
      reservation.serve({ drain: () => server.shutdown() });
      return server;
    }
    if (listener.mode === "handoff") {
      throw mustAccept("Deno.serve", listener);
    }
    const { server, attachment } = adoptDenoServe(
      listener,
      args,
      original as typeof Deno.serve,
      free,
    );
    reservation.serve(attachment);
    return server;
  } catch (error) {
    free();
    // What Deno has against the program's arguments is between the two.
    if (!(error instanceof PreforkError)) throw error;
    if (listener.mode === "reuseport" || options.cert !== undefined) {
      throw reservation.fail(error);
    }
    sayOnce(
      core,
      `Deno.serve on "${listener.name}" goes through node:http, where Deno.upgradeWebSocket() does not work: ${error.message}`,
    );
    const given = readDenoServe(args);
    return bridgeDenoServe(core, listener, denoAddress(listener), given);
  }
}

/**
 * Serves an address that the pool does not hold. The supervisor opens it and
 * hands the connections over, which Deno's own server cannot take.
 */
function serveForeign(
  core: Core,
  args: readonly unknown[],
  options: DenoPlaceOptions,
  wanted: Wanted,
): Deno.HttpServer {
  const text = formatWanted(wanted);
  const reason = options.cert !== undefined
    ? "the pool does not hold it, and Deno.serve with TLS cannot take connections that the supervisor accepts"
    : wanted.kind === "tcp" && wanted.port === 0
    ? "the pool has no listener left, and the port 0 would become known too late"
    : undefined;
  if (reason !== undefined) {
    const failure = cannot(
      `listen on "${text}" by Deno.serve`,
      reason,
      'name an address for it in the command as in "-l :8081"',
    );
    core.tell({ type: "failed", reason: failure.message.slice(0, 4096) });
    throw failure;
  }
  sayOnce(
    core,
    `The pool does not hold "${text}", so node:http serves it for Deno.serve, and Deno.upgradeWebSocket() does not work there: name it in the command as in "-l ${text}"`,
  );
  return bridgeDenoServe(
    core,
    open(core, { wanted }),
    wanted.kind === "unix" ? { transport: "unix", path: wanted.path } : {
      transport: "tcp",
      hostname: wanted.host ?? "::",
      port: wanted.port,
    },
    readDenoServe(args),
  );
}

/** Serves an address that several workers bind, by SO_REUSEPORT. */
function serveShared(
  args: readonly unknown[],
  options: DenoPlaceOptions,
  { host, port }: SharedPlace,
  original: Serve,
): Deno.HttpServer {
  // The option is looked at with this flag only, which also brings this
  // function (Deno 2.9.5).
  if (!("listenDatagram" in Deno)) {
    throw cannot(
      `listen on "${host}:${port}" by Deno.serve`,
      "Deno takes SO_REUSEPORT with a flag only",
      'add "--runtime-arg --unstable-net" to the command',
    );
  }
  const hostname = host === "" ? "::" : host;
  const { handler } = readDenoServe(args);
  const { path: _, ...rest } = options;
  return original({ ...rest, hostname, port, reusePort: true, handler });
}

function optionsOf([first]: readonly unknown[]): DenoPlaceOptions {
  return typeof first === "object" && first !== null ? first : {};
}

/** The port that Deno takes unless told otherwise. */
const DEFAULT_PORT = 8000;

/** The habit of Node's programs; Deno itself does not look at `PORT`. */
function defaultPort(): number {
  return Number(process.env["PORT"] || DEFAULT_PORT);
}
