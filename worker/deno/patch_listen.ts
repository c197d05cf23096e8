/**
 * Has `Deno.listen` and `Deno.listenTls` mean the pool's listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { PreforkError } from "../../core/errors.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { adoptDenoListen } from "./listen.ts";
import { reserve } from "../listening/reservation.ts";
import { claim } from "../claim/claim.ts";
import { type DenoPlaceOptions, wantedOfDeno } from "./place.ts";
import {
  mustAccept,
  mustShareByKernel,
  sharedAt,
  type SharedPlace,
} from "../claim/native_place.ts";
import type { Settings } from "../claim/settings.ts";

type Listener = Deno.Listener<Deno.Conn>;
type Listen = (options: DenoPlaceOptions) => Listener;

/** Replaces both, which can be assigned. */
export function patchDenoListen(core: Core, settings: Settings): void {
  Deno.listen = patched(
    core,
    settings,
    "Deno.listen",
    Deno.listen as Listen,
  ) as typeof Deno.listen;
  Deno.listenTls = patched(
    core,
    settings,
    "Deno.listenTls",
    Deno.listenTls as unknown as Listen,
  ) as unknown as typeof Deno.listenTls;
}

function patched(
  core: Core,
  settings: Settings,
  name: string,
  original: Listen,
): Listen {
  return (options) => {
    const wanted = isBypassed() ? undefined : wantedOfDeno(options, undefined);
    if (wanted === undefined) return original(options);
    const alone = options.reusePort === true;
    const found = claim(core, wanted, settings.privatePorts || alone);
    switch (found.kind) {
      case "private":
        return original(options);
      case "foreign": {
        const place = mustShareByKernel(core, name, wanted);
        const listener = original(shared(options, place));
        core.attach({ drain: () => closing(listener) }, undefined);
        return listener;
      }
      case "inherited":
        return listenInherited(core, name, options, found.listener, original);
    }
  };
}

function listenInherited(
  core: Core,
  name: string,
  options: DenoPlaceOptions,
  inherited: InheritedListener,
  original: Listen,
): Listener {
  const reservation = reserve(core, inherited);
  const free = (): void => void core.attachments.delete(inherited.name);
  try {
    if (inherited.mode === "reuseport") {
      const listener = original(shared(options, sharedAt(inherited)));
      reservation.serve({ drain: () => closing(listener) });
      return listener;
    }
    mustAccept(name, inherited);
    const { listener, attachment } = adoptDenoListen(
      inherited,
      options,
      original as typeof Deno.listen,
      free,
    );
    reservation.serve(attachment);
    return listener;
  } catch (error) {
    // What Deno has against the program's options is between the two.
    if (error instanceof PreforkError) throw reservation.fail(error);
    free();
    throw error;
  }
}

function shared(
  options: DenoPlaceOptions,
  { host, port }: SharedPlace,
): DenoPlaceOptions {
  const { path: _, ...rest } = options;
  const hostname = host === "" ? "::" : host;
  return { ...rest, transport: "tcp", hostname, port, reusePort: true };
}

/** Stops accepting. Its connections are not known here. */
function closing(listener: Listener): Promise<void> {
  try {
    listener.close();
  } catch {
    // The program has closed it.
  }
  return Promise.resolve();
}
