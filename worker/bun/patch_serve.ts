/**
 * Has `Bun.serve` mean the pool's listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core, Parkable } from "../process/worker_core.ts";
import { isLearning, placeholder } from "../listening/learning.ts";
import { STAYS } from "../listening/park.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { matchListener, type PoolMatch } from "../match/match.ts";
import { openAddress } from "../match/open.ts";
import { putNative } from "../match/put_native.ts";
import { type Target, targetOf } from "../match/put_server.ts";
import {
  mustAccept,
  reusePortFor,
  reusePortOf,
  servingOne,
} from "../match/reuse_port.ts";
import type { Settings } from "../match/settings.ts";
import { formatWanted, isAnyPort, type Wanted } from "../match/wanted.ts";
import { warnDefaultPort, warnOnce } from "../match/warn.ts";
import { bridgeBunServe, isBridgeable } from "./bridge.ts";
import { stopWithin } from "./drain.ts";
import { inheriting } from "./options.ts";
import { inheritBunServe } from "./serve.ts";
import type { BunServe, BunServeOptions, BunServer } from "./types.ts";
import { isDefaultPort, wantedOfServe } from "./wanted.ts";

/** Replaces `Bun.serve`, which can be assigned. */
export function patchBunServe(core: Core, settings: Settings): void {
  const { Bun: bun } = globalThis as unknown as {
    readonly Bun: { serve: BunServe };
  };
  const original = bun.serve.bind(bun);
  bun.serve = (options) => {
    const wanted = isBypassed() ? undefined : wantedOfServe(options);
    // What is no address is for Bun to refuse in its own words.
    if (wanted === undefined) return original(options);
    const match = matchListener(core, wanted, settings.privatePorts);
    switch (match.kind) {
      case "private":
        return original(options);
      case "foreign":
        if (isLearning(core)) {
          if (isDefaultPort(options)) {
            warnDefaultPort(core, "the default export");
          }
          const listener = openAddress(core, { wanted });
          const target: Target = { kind: "meant", listener, wanted };
          const shown = placeholder(formatWanted(wanted));
          return bridgeBunServe(core, target, shown, options);
        }
        if (options.reusePort === true) return original(options);
        return serveForeign(core, options, wanted, original);
      default:
        return serveMatch(core, options, match, wanted, original);
    }
  };
}

function serveMatch(
  core: Core,
  options: BunServeOptions,
  match: PoolMatch,
  wanted: Wanted,
  original: BunServe,
): BunServer {
  const { listener } = match;
  return putNative(core, match, wanted, {
    start(listener, held, left) {
      if (listener.mode === "reuseport") {
        return startShared(options, listener, original, left);
      }
      mustAccept("Bun.serve", listener);
      return inheritBunServe(listener, options, original, held, left);
    },
    instead({ message }) {
      if (listener.mode === "reuseport" || !isBridgeable(options)) {
        return undefined;
      }
      warnOnce(
        core,
        `Bun.serve on "${listener.name}" goes through node:http: ${message}`,
      );
      const own = () => openAddress(core, { wanted });
      const target = targetOf(match, wanted, own);
      return bridgeBunServe(core, target, listener, options);
    },
    own: () =>
      isAnyPort(wanted) || match.kind === "claim" && match.private
        ? serveAlone(core, original(options), STAYS)
        : serveForeign(core, options, wanted, original),
  });
}

/** Serves a listener that each worker binds for itself, by SO_REUSEPORT. */
function startShared(
  options: BunServeOptions,
  listener: InheritedListener,
  original: BunServe,
  left: () => void,
): StartedServer<BunServer> {
  const server = original(
    inheriting(options, {
      ...reusePortOf(listener),
      ...(listener.ipv6Only && { ipv6Only: true }),
    }),
  );
  const { stop } = server;
  Object.defineProperty(server, "stop", {
    configurable: true,
    value(now?: boolean) {
      left();
      return stop.call(server, now);
    },
  });
  return {
    server,
    serving: servingOne("Bun.serve", listener, {
      drain: () => stop.call(server),
    }),
  };
}

/** Serves an address of the program's own that each worker binds for itself. */
function serveForeign(
  core: Core,
  options: BunServeOptions,
  wanted: Wanted,
  original: BunServe,
): BunServer {
  const address = reusePortFor(core, "Bun.serve", wanted);
  return serveAlone(core, original(inheriting(options, { ...address })));
}

/** Has the drain stop a server at an address of the program's own. */
function serveAlone(
  core: Core,
  server: BunServer,
  parkable?: Parkable,
): BunServer {
  core.attach({
    drain: (_idle, window) => stopWithin(server, window),
    ...(parkable && { parkable }),
  }, undefined);
  return server;
}
