/**
 * Has `Bun.listen` mean the pool's listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { isLearning, placeholder } from "../listening/learning.ts";
import { reserve, serveOpened } from "../listening/reservation.ts";
import { freeListener, matchListener } from "../match/match.ts";
import { mustAccept, reusePortFor, reusePortOf } from "../match/reuse_port.ts";
import { openAddress } from "../match/open.ts";
import type { Settings } from "../match/settings.ts";
import { formatWanted, type Wanted } from "../match/wanted.ts";
import {
  type BunListen,
  type BunListener,
  type BunListenOptions,
  inheritBunListen,
  listenAt,
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
    const match = matchListener(core, wanted, settings.privatePorts || alone);
    switch (match.kind) {
      case "private":
        return original(options);
      case "foreign": {
        if (isLearning(core)) return showPlace(core, wanted, options, original);
        const place = reusePortFor(core, "Bun.listen", wanted);
        const started = listenAt([place], options, original, () => {});
        core.attach(started.attachment, undefined);
        return started.server;
      }
      case "inherited":
        return listenInherited(core, options, match.listener, original);
    }
  };
}

/** Listens where nobody connects to, and has the supervisor know the place. */
function showPlace(
  core: Core,
  wanted: Wanted,
  options: BunListenOptions,
  original: BunListen,
): BunListener {
  const place = { hostname: "127.0.0.1", port: 0, reusePort: true } as const;
  const shown = placeholder(formatWanted(wanted));
  const listen = () => listenAt([place], options, original, () => {}, shown);
  const { server, attachment } = listen();
  serveOpened(core, openAddress(core, { wanted }), attachment);
  return server;
}

function listenInherited(
  core: Core,
  options: BunListenOptions,
  inherited: InheritedListener,
  original: BunListen,
): BunListener {
  const reservation = reserve(core, inherited);
  const closed = (): void =>
    freeListener(core, inherited, inherited.fds.length > 0);
  try {
    mustAccept("Bun.listen", inherited);
    const { server, attachment } = inherited.mode === "reuseport"
      ? listenAt([reusePortOf(inherited)], options, original, closed, inherited)
      : inheritBunListen(inherited, options, original, closed);
    reservation.serve(attachment);
    return server;
  } catch (error) {
    throw reservation.fail(error);
  }
}
