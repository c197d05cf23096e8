/**
 * Has `Deno.listen` and `Deno.listenTls` mean the pool's listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core, Parkable } from "../process/worker_core.ts";
import { mustShare } from "./arguments.ts";
import { inheritDenoListen } from "./listen.ts";
import { isLearning } from "../listening/learning.ts";
import { STAYS } from "../listening/park.ts";
import { serveOpened, type StartedServer } from "../listening/reservation.ts";
import { matchListener } from "../match/match.ts";
import { openAddress } from "../match/open.ts";
import { putNative } from "../match/put_native.ts";
import { formatWanted, isAnyPort, type Wanted } from "../match/wanted.ts";
import { type DenoPlaceOptions, wantedOfListen } from "./wanted.ts";
import {
  mustAccept,
  type ReusePortAddress,
  reusePortFor,
  reusePortOf,
  servingOne,
} from "../match/reuse_port.ts";
import type { Settings } from "../match/settings.ts";

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
    const isPrivate = settings.privatePorts || options.reusePort === true;
    const match = matchListener(core, wanted, isPrivate);
    const foreign = (): DenoListener => {
      mustShare(name, formatWanted(wanted));
      const place = reusePortFor(core, name, wanted);
      return listenAlone(core, original(shareable(options, place)));
    };
    switch (match.kind) {
      case "private":
        return original(options);
      case "foreign":
        return isLearning(core)
          ? showPlace(core, wanted, options, original)
          : foreign();
      default:
        return putNative(core, match, wanted, {
          start(listener, held, left) {
            if (listener.mode === "reuseport") {
              return startShared(name, options, listener, original, left);
            }
            mustAccept(name, listener);
            const listen = original as typeof Deno.listen;
            return inheritDenoListen(listener, options, listen, held, left);
          },
          own: () =>
            isAnyPort(wanted) || isPrivate
              ? listenAlone(core, original(options), STAYS)
              : foreign(),
        });
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
  const left = serveOpened(core, openAddress(core, { wanted }), {
    drain: () => stopAccepting(listener),
  });
  hearClose(listener, left);
  return listener;
}

/** Has the drain stop what listens at an address of the program's own. */
function listenAlone(
  core: Core,
  listener: DenoListener,
  parkable?: Parkable,
): DenoListener {
  const drain = (): Promise<void> => stopAccepting(listener);
  core.attach({ drain, ...(parkable && { parkable }) }, undefined);
  return listener;
}

/** Listens where each worker binds the pool's address, by SO_REUSEPORT. */
function startShared(
  name: string,
  options: DenoPlaceOptions,
  listener: InheritedListener,
  original: ListenFunction,
  left: () => void,
): StartedServer<DenoListener> {
  mustShare(name, listener.address);
  const server = original(shareable(options, reusePortOf(listener)));
  hearClose(server, left);
  return {
    server,
    serving: servingOne(name, listener, {
      drain: () => stopAccepting(server),
    }),
  };
}

/** Calls `left` when the program closes a listener. */
function hearClose(listener: DenoListener, left: () => void): void {
  for (const name of ["close", Symbol.dispose] as const) {
    const close = listener[name].bind(listener);
    Object.defineProperty(listener, name, {
      configurable: true,
      value() {
        close();
        left();
      },
    });
  }
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
