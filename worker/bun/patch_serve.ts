/**
 * Has `Bun.serve` mean the pool's listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Attachment, Core } from "../process/worker_core.ts";
import { isLearning, placeholder } from "../listening/learning.ts";
import { reserve, serveReserved } from "../listening/reservation.ts";
import { matchListener } from "../match/match.ts";
import {
  mustAccept,
  type ReusePortAddress,
  reusePortFor,
  reusePortOf,
} from "../match/reuse_port.ts";
import { openAddress } from "../match/open.ts";
import type { Settings } from "../match/settings.ts";
import { formatWanted } from "../match/wanted.ts";
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
      case "foreign": {
        if (isLearning(core)) {
          if (isDefaultPort(options)) warnDefaultPort(core);
          const opening = openAddress(core, { wanted });
          const shown = placeholder(formatWanted(wanted));
          return bridgeBunServe(core, opening, shown, options);
        }
        if (options.reusePort === true) return original(options);
        const address = reusePortFor(core, "Bun.serve", wanted);
        return serveShared(core, options, address, undefined, original);
      }
      case "inherited":
        return serveInherited(core, options, match.listener, original);
    }
  };
}

function serveInherited(
  core: Core,
  options: BunServeOptions,
  listener: InheritedListener,
  original: BunServe,
): BunServer {
  if (listener.mode === "reuseport") {
    const address = reusePortOf(listener);
    return serveShared(core, options, address, listener, original);
  }
  return serveReserved(
    core,
    listener,
    (closed) => {
      mustAccept("Bun.serve", listener);
      return inheritBunServe(listener, options, original, closed);
    },
    ({ message }) => {
      if (!isBridgeable(options)) return undefined;
      warnOnce(
        core,
        `Bun.serve on "${listener.name}" goes through node:http: ${message}`,
      );
      return bridgeBunServe(core, listener, listener, options);
    },
  );
}

/**
 * Serves an address by SO_REUSEPORT: the pool's, or one of the program's own
 * that each worker binds for itself.
 */
function serveShared(
  core: Core,
  options: BunServeOptions,
  address: ReusePortAddress,
  listener: InheritedListener | undefined,
  original: BunServe,
): BunServer {
  const reservation = listener && reserve(core, listener);
  try {
    const server = original(
      inheriting(options, {
        ...address,
        ...(listener?.ipv6Only && { ipv6Only: true }),
      }),
    );
    const attachment: Attachment = {
      drain: (_idle, window) => stopWithin(server, window),
    };
    if (reservation === undefined) core.attach(attachment, undefined);
    else reservation.serve(attachment);
    return server;
  } catch (error) {
    throw reservation === undefined ? error : reservation.fail(error);
  }
}
