/**
 * Has `Deno.listen` and `Deno.listenTls` mean the pool's listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { inheritDenoListen } from "./listen.ts";
import { isLearning } from "../listening/learning.ts";
import { serveOpened, serveReserved } from "../listening/reservation.ts";
import { matchListener } from "../match/match.ts";
import { type DenoPlaceOptions, wantedOfListen } from "./wanted.ts";
import {
  mustAccept,
  type ReusePortAddress,
  reusePortFor,
  reusePortOf,
} from "../match/reuse_port.ts";
import { openAddress } from "../match/open.ts";
import type { Settings } from "../match/settings.ts";
import type { Wanted } from "../match/wanted.ts";

type DenoListener = Deno.Listener<Deno.Conn>;
type ListenFunction = (options: DenoPlaceOptions) => DenoListener;

/** Replaces both, which can be assigned. */
export function patchDenoListen(core: Core, settings: Settings): void {
  Deno.listen = patched(
    core,
    settings,
    "Deno.listen",
    Deno.listen as ListenFunction,
  ) as typeof Deno.listen;
  Deno.listenTls = patched(
    core,
    settings,
    "Deno.listenTls",
    Deno.listenTls as unknown as ListenFunction,
  ) as unknown as typeof Deno.listenTls;
}

function patched(
  core: Core,
  settings: Settings,
  name: string,
  original: ListenFunction,
): ListenFunction {
  return (options) => {
    const wanted = isBypassed() ? undefined : wantedOfListen(options);
    if (wanted === undefined) return original(options);
    const alone = options.reusePort === true;
    const match = matchListener(core, wanted, settings.privatePorts || alone);
    switch (match.kind) {
      case "private":
        return original(options);
      case "foreign": {
        if (isLearning(core)) return showPlace(core, wanted, options, original);
        const place = reusePortFor(core, name, wanted);
        const listener = original(shareable(options, place));
        core.attach({ drain: () => stopAccepting(listener) }, undefined);
        return listener;
      }
      case "inherited":
        return listenInherited(core, name, options, match.listener, original);
    }
  };
}

/** Listens where nobody connects to, and has the supervisor know the place. */
function showPlace(
  core: Core,
  wanted: Wanted,
  { path: _, ...options }: DenoPlaceOptions,
  original: ListenFunction,
): DenoListener {
  const place = { transport: "tcp", hostname: "127.0.0.1", port: 0 };
  const listener = original({ ...options, ...place, reusePort: false });
  const addr = wanted.kind === "unix"
    ? { transport: "unix", path: wanted.path }
    : { transport: "tcp", hostname: wanted.host ?? "::", port: wanted.port };
  Object.defineProperty(listener, "addr", { value: addr, configurable: true });
  serveOpened(core, openAddress(core, { wanted }), {
    drain: () => stopAccepting(listener),
  });
  return listener;
}

function listenInherited(
  core: Core,
  name: string,
  options: DenoPlaceOptions,
  inherited: InheritedListener,
  original: ListenFunction,
): DenoListener {
  return serveReserved(core, inherited, (closed) => {
    if (inherited.mode === "reuseport") {
      const server = original(shareable(options, reusePortOf(inherited)));
      return { server, attachment: { drain: () => stopAccepting(server) } };
    }
    mustAccept(name, inherited);
    const listen = original as typeof Deno.listen;
    return inheritDenoListen(inherited, options, listen, closed);
  });
}

function shareable(
  { path: _, ...options }: DenoPlaceOptions,
  address: ReusePortAddress,
): DenoPlaceOptions {
  return { ...options, transport: "tcp", ...address };
}

/** Stops accepting. Its connections are not known here. */
function stopAccepting(listener: DenoListener): Promise<void> {
  try {
    listener.close();
  } catch {
    // The program has closed it.
  }
  return Promise.resolve();
}
