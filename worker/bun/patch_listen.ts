/**
 * Has `Bun.listen` mean the pool's listeners.
 *
 * @module
 */

import { isBypassed } from "../process/bypass.ts";
import type { Core, Parkable } from "../process/worker_core.ts";
import { STAYS } from "../listening/park.ts";
import { isLearning, placeholder } from "../listening/learning.ts";
import { serveOpened } from "../listening/reservation.ts";
import { matchListener } from "../match/match.ts";
import { openAddress } from "../match/open.ts";
import { putNative } from "../match/put_native.ts";
import { mustAccept, reusePortFor } from "../match/reuse_port.ts";
import type { Settings } from "../match/settings.ts";
import { formatWanted, isAnyPort, type Wanted } from "../match/wanted.ts";
import {
  type BunListen,
  type BunListener,
  type BunListenOptions,
  type BunPlace,
  startBunListen,
} from "./listen.ts";
import { wantedOfListen } from "./wanted.ts";

/** Replaces `Bun.listen`, which can be assigned. */
export function patchBunListen(core: Core, settings: Settings): void {
  const { Bun: bun } = globalThis as unknown as {
    readonly Bun: { listen: BunListen };
  };
  const original = bun.listen.bind(bun);
  bun.listen = (options) => {
    const wanted = isBypassed() ? undefined : wantedOfListen(options);
    if (wanted === undefined) return original(options);
    const alone = options.reusePort === true || options.exclusive === true;
    const isPrivate = settings.privatePorts || alone;
    const match = matchListener(core, wanted, isPrivate);
    switch (match.kind) {
      case "private":
        return original(options);
      case "foreign": {
        if (isLearning(core)) return showPlace(core, wanted, options, original);
        const place = reusePortFor(core, "Bun.listen", wanted);
        return listenAlone(core, place, options, original);
      }
      default:
        return putNative(core, match, wanted, {
          start(listener, held, left) {
            mustAccept("Bun.listen", listener);
            return startBunListen(listener, options, original, held, left);
          },
          own() {
            if (isAnyPort(wanted) || isPrivate) {
              return listenAlone(core, options, options, original, STAYS);
            }
            const place = reusePortFor(core, "Bun.listen", wanted);
            return listenAlone(core, place, options, original);
          },
        });
    }
  };
}

/** Listens at an address of the program's own. */
function listenAlone(
  core: Core,
  place: BunPlace,
  options: BunListenOptions,
  original: BunListen,
  parkable?: Parkable,
): BunListener {
  const { server, drain } = startBunListen(place, options, original);
  core.attach({ drain, ...(parkable && { parkable }) }, undefined);
  return server;
}

/** Listens where nobody connects to, and has the supervisor know the place. */
function showPlace(
  core: Core,
  wanted: Wanted,
  options: BunListenOptions,
  original: BunListen,
): BunListener {
  const shown = placeholder(formatWanted(wanted));
  const { server, drain } = startBunListen(
    shown,
    options,
    original,
    true,
    () => left(),
  );
  const left = serveOpened(core, openAddress(core, { wanted }), { drain });
  return server;
}
