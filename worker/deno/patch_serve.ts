/**
 * Has `Deno.serve` mean the pool's listeners.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { failed } from "../../core/protocol.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { denoAddress } from "./address.ts";
import { readDenoServe } from "./arguments.ts";
import { inheritDenoServe } from "./serve.ts";
import { isLearning } from "../listening/learning.ts";
import { serveReserved } from "../listening/reservation.ts";
import { matchListener } from "../match/match.ts";
import { bridgeDenoServe } from "./bridge.ts";
import { mustAccept, reusePortOf } from "../match/reuse_port.ts";
import { type DenoPlaceOptions, wantedOfServe } from "./wanted.ts";
import { openAddress } from "../match/open.ts";
import { warnOnce } from "../match/warn.ts";
import type { Settings } from "../match/settings.ts";
import { formatWanted, type Wanted } from "../match/wanted.ts";

type Serve = (...args: readonly unknown[]) => Deno.HttpServer;

/**
 * The address that Deno gives to the first server of a process, of `node:http`
 * too, in the place of its own or, as a second one, in addition to it. It is
 * looked at when that server listens (Deno 2.9.5).
 */
const MOVES = "DENO_SERVE_ADDRESS";

/**
 * Leaves servers where the pool has them: in each worker Deno would open the
 * same address.
 */
function keepFromMoving(core: Core): void {
  const address = process.env[MOVES];
  if (address === undefined) return;
  delete process.env[MOVES];
  const place = address.replace(/^duplicate,/, "").replace(/^tcp:/, "");
  warnOnce(
    core,
    `${MOVES} does not move the servers of a pool: name the address as in "-l ${place}"`,
  );
}

/** Replaces `Deno.serve`, a getter with a setter (Deno 2.9.5). */
export function patchDenoServe(core: Core, settings: Settings): void {
  keepFromMoving(core);
  const original = Deno.serve as Serve;
  const serve: Serve = (...args) => {
    const options = optionsOf(args);
    const wanted = isBypassed() ? undefined : wantedOfServe(options);
    if (wanted === undefined) return original(...args);
    const match = matchListener(core, wanted, settings.privatePorts);
    if (match.kind === "inherited") {
      return serveInherited(core, args, options, match.listener, original);
    }
    const own = match.kind === "private" ||
      (options.reusePort === true && !isLearning(core));
    if (own) return original(...args);
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
  return serveReserved(
    core,
    listener,
    (closed) => {
      if (listener.mode === "reuseport") {
        const server = serveShared(args, options, listener, original);
        // Best effort: it also ends connections that were accepted and have not
        // sent their request yet.
        return { server, attachment: { drain: () => server.shutdown() } };
      }
      if (listener.mode === "handoff") {
        throw mustAccept("Deno.serve", listener);
      }
      const serve = original as typeof Deno.serve;
      return inheritDenoServe(listener, args, serve, closed);
    },
    ({ message }) => {
      if (listener.mode === "reuseport" || options.cert !== undefined) {
        return undefined;
      }
      warnOnce(
        core,
        `Deno.serve on "${listener.name}" goes through node:http, where Deno.upgradeWebSocket() does not work: ${message}`,
      );
      const given = readDenoServe(args);
      return bridgeDenoServe(core, listener, denoAddress(listener), given);
    },
  );
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
  const reason = isLearning(core)
    ? undefined
    : options.cert !== undefined
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
    core.tell(failed(failure));
    throw failure;
  }
  warnOnce(
    core,
    `The pool does not hold "${text}", so node:http serves it for Deno.serve, and Deno.upgradeWebSocket() does not work there: name it in the command as in "-l ${text}"`,
  );
  return bridgeDenoServe(
    core,
    openAddress(core, { wanted }),
    wanted.kind === "unix" ? { transport: "unix", path: wanted.path } : {
      transport: "tcp",
      hostname: wanted.host ?? "::",
      port: wanted.port,
    },
    readDenoServe(args),
  );
}

/** Serves a listener that each worker binds for itself, by SO_REUSEPORT. */
function serveShared(
  args: readonly unknown[],
  options: DenoPlaceOptions,
  listener: InheritedListener,
  original: Serve,
): Deno.HttpServer {
  const address = reusePortOf(listener);
  // The option is looked at with this flag only, which also brings this
  // function (Deno 2.9.5).
  if (!("listenDatagram" in Deno)) {
    throw cannot(
      `listen on "${listener.address}" by Deno.serve`,
      "Deno takes SO_REUSEPORT with a flag only",
      'add "--runtime-arg --unstable-net" to the command',
    );
  }
  const { handler } = readDenoServe(args);
  const { path: _, ...rest } = options;
  return original({ ...rest, ...address, handler });
}

function optionsOf([first]: readonly unknown[]): DenoPlaceOptions {
  return typeof first === "object" && first !== null ? first : {};
}
