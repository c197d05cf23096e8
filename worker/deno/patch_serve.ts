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
import { mustShare, readDenoServe } from "./arguments.ts";
import { inheritDenoServe } from "./serve.ts";
import { isLearning } from "../listening/learning.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { matchListener, type PoolMatch } from "../match/match.ts";
import { bridgeDenoServe } from "./bridge.ts";
import { putNative } from "../match/put_native.ts";
import { targetOf } from "../match/put_server.ts";
import { mustAccept, reusePortOf, servingOne } from "../match/reuse_port.ts";
import { type DenoPlaceOptions, wantedOfServe } from "./wanted.ts";
import { STAYS } from "../listening/park.ts";
import { openAddress } from "../match/open.ts";
import { warnOnce } from "../match/warn.ts";
import type { Settings } from "../match/settings.ts";
import { formatWanted, isAnyPort, type Wanted } from "../match/wanted.ts";

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
    switch (match.kind) {
      case "private":
        return original(...args);
      case "foreign":
        if (options.reusePort === true && !isLearning(core)) {
          return original(...args);
        }
        return serveForeign(core, args, options, wanted);
      default:
        return serveMatch(core, args, options, match, wanted, original);
    }
  };
  Deno.serve = serve as typeof Deno.serve;
}

function serveMatch(
  core: Core,
  args: readonly unknown[],
  options: DenoPlaceOptions,
  match: PoolMatch,
  wanted: Wanted,
  original: Serve,
): Deno.HttpServer {
  const { listener } = match;
  return putNative(core, match, wanted, {
    start(listener, held, left) {
      if (listener.mode === "reuseport") {
        return startShared(args, options, listener, original, left);
      }
      if (listener.mode === "handoff") {
        throw mustAccept("Deno.serve", listener);
      }
      const serve = original as typeof Deno.serve;
      return inheritDenoServe(listener, args, serve, {
        held,
        // Whoever takes any port is told of its own.
        silent: match.kind === "claim" && match.own,
        left,
      });
    },
    instead({ message }) {
      if (listener.mode === "reuseport" || options.cert !== undefined) {
        return undefined;
      }
      warnOnce(
        core,
        `Deno.serve on "${listener.name}" goes through node:http, where Deno.upgradeWebSocket() does not work: ${message}`,
      );
      const own = () => openAddress(core, { wanted });
      const target = targetOf(match, wanted, own);
      const given = readDenoServe(args);
      return bridgeDenoServe(core, target, denoAddress(listener), given);
    },
    own() {
      if (isAnyPort(wanted)) return serveAlone(core, original(...args));
      // It has said that it listens.
      const { options: given, handler } = readDenoServe(args);
      const silent = [{ ...given, onListen() {} }, handler];
      return match.kind === "claim" && match.private
        ? serveAlone(core, original(...silent))
        : serveForeign(core, silent, options, wanted);
    },
  });
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
    { kind: "meant", listener: openAddress(core, { wanted }), wanted },
    wanted.kind === "unix" ? { transport: "unix", path: wanted.path } : {
      transport: "tcp",
      hostname: wanted.host ?? "::",
      port: wanted.port,
    },
    readDenoServe(args),
  );
}

/** Has the drain stop a server at an address of the program's own. */
function serveAlone(core: Core, server: Deno.HttpServer): Deno.HttpServer {
  const drain = (): Promise<void> => server.shutdown();
  core.attach({ drain, parkable: STAYS }, undefined);
  return server;
}

/** Serves a listener that each worker binds for itself, by SO_REUSEPORT. */
function startShared(
  args: readonly unknown[],
  options: DenoPlaceOptions,
  listener: InheritedListener,
  original: Serve,
  left: () => void,
): StartedServer<Deno.HttpServer> {
  const address = reusePortOf(listener);
  mustShare("Deno.serve", listener.address);
  const { handler } = readDenoServe(args);
  const { path: _, ...rest } = options;
  const server = original({ ...rest, ...address, handler });
  const shutdown = (): Promise<void> => {
    left();
    return server.shutdown();
  };
  return {
    server: { ...server, shutdown, [Symbol.asyncDispose]: shutdown },
    serving: servingOne("Deno.serve", listener, {
      // Best effort: it also ends connections that were accepted and have not
      // sent their request yet.
      drain: () => server.shutdown(),
    }),
  };
}

function optionsOf([first]: readonly unknown[]): DenoPlaceOptions {
  return typeof first === "object" && first !== null ? first : {};
}
