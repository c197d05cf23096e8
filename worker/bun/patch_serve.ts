/**
 * Has `Bun.serve` mean the pool's listeners.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { PreforkError } from "../../core/errors.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { adoptBunServe } from "./serve.ts";
import type { BunServe, BunServeOptions, BunServer } from "./types.ts";
import { reserve } from "../listening/reservation.ts";
import { bridgeBunServe, isBridgeable } from "./bridge.ts";
import { type BunListen, patchBunListen } from "./patch_listen.ts";
import { claim, type Wanted } from "../claim/claim.ts";
import {
  mustAccept,
  mustShareByKernel,
  sharedAt,
} from "../claim/native_place.ts";
import { sayOnce } from "../claim/say.ts";
import type { Settings } from "../claim/settings.ts";

interface BunLike {
  serve: BunServe;
  listen: BunListen;
}

/** Replaces `Bun.serve` and `Bun.listen`, which can both be assigned. */
export function patchBun(core: Core, settings: Settings): void {
  const { Bun: bun } = globalThis as unknown as { readonly Bun: BunLike };
  const original = bun.serve.bind(bun);
  bun.serve = (options) => {
    const wanted = isBypassed() ? undefined : wantedOf(options);
    // What is no address is for Bun to refuse in its own words.
    if (wanted === undefined) return original(options);
    const found = claim(core, wanted, settings.privatePorts);
    if (found.kind === "private") return original(options);
    if (found.kind === "foreign") {
      if ("reusePort" in options && options.reusePort === true) {
        return original(options);
      }
      const address = mustShareByKernel(core, "Bun.serve", wanted);
      return serveShared(core, options, address, undefined, original);
    }
    return serveInherited(core, options, found.listener, original);
  };
  patchBunListen(core, settings, bun);
}

function serveInherited(
  core: Core,
  options: BunServeOptions,
  listener: InheritedListener,
  original: BunServe,
): BunServer {
  if (listener.mode === "reuseport") {
    const address = sharedAt(listener);
    return serveShared(core, options, address, listener, original);
  }
  const reservation = reserve(core, listener);
  const free = (): void => void core.attachments.delete(listener.name);
  try {
    mustAccept("Bun.serve", listener);
    const { server, attachment } = adoptBunServe(
      listener,
      options,
      original,
      free,
    );
    reservation.serve(attachment);
    return server;
  } catch (error) {
    free();
    // What Bun has against the program's options is between the two.
    if (!(error instanceof PreforkError)) throw error;
    if (isBridgeable(options)) {
      sayOnce(
        core,
        `Bun.serve on "${listener.name}" goes through node:http: ${error.message}`,
      );
      return bridgeBunServe(core, listener, options);
    }
    throw reservation.fail(error);
  }
}

/**
 * Serves an address by SO_REUSEPORT: the pool's, or one of the program's own
 * that each worker binds for itself.
 */
function serveShared(
  core: Core,
  options: BunServeOptions,
  { host, port }: { readonly host: string; readonly port: number },
  listener: InheritedListener | undefined,
  original: BunServe,
): BunServer {
  const reservation = listener && reserve(core, listener);
  try {
    const server = original(
      Object.create(
        options,
        Object.getOwnPropertyDescriptors({
          hostname: host === "" ? "::" : host,
          port,
          reusePort: true,
          ...(listener?.ipv6Only && { ipv6Only: true }),
        }),
      ) as BunServeOptions,
    );
    // Best effort: it also ends connections that were accepted and have not
    // sent their request yet.
    const attachment = { drain: (): Promise<void> => server.stop() };
    if (reservation === undefined) core.attach(attachment, undefined);
    else reservation.serve(attachment);
    return server;
  } catch (error) {
    throw reservation === undefined ? error : reservation.fail(error);
  }
}

/** The port that Bun takes unless told otherwise, as its documentation says. */
const DEFAULT_PORT = "3000";

function wantedOf(options: BunServeOptions): Wanted | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { unix, hostname } = options;
  if (typeof unix === "string" && unix !== "") {
    return { kind: "unix", path: unix };
  }
  const { BUN_PORT, PORT, NODE_PORT } = process.env;
  const given = options.port ?? (BUN_PORT || PORT || NODE_PORT || DEFAULT_PORT);
  const port = Number(given);
  if (!Number.isInteger(port) || port < 0 || port > 65535) return undefined;
  return {
    kind: "tcp",
    host: typeof hostname === "string" && hostname !== ""
      ? hostname
      : undefined,
    port,
  };
}
