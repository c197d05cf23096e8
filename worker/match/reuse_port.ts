/**
 * Where a runtime's own server can be put when it cannot take a socket over.
 *
 * @module
 */

import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { failed } from "../../core/protocol.ts";
import type { Attachment, Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { nativeRefusal } from "../filters/listener_filter.ts";
import { bindHost } from "../listening/address.ts";
import type { NativeServing } from "../listening/reservation.ts";
import { warnOnce } from "./warn.ts";
import { formatWanted, type Wanted } from "./wanted.ts";

/** A TCP address that several processes bind, as options of Bun and Deno. */
export interface ReusePortAddress {
  /** The host; "::" for every interface. */
  readonly hostname: string;
  /** The port, never 0. */
  readonly port: number;
  /** By SO_REUSEPORT (socket(7)). */
  readonly reusePort: true;
}

/**
 * An address that the pool does not hold, for a server that has to listen at
 * once and so cannot wait for the supervisor: each worker binds it by itself.
 * Says so, once in the pool.
 *
 * @param what the name of the function that the program called
 * @throws {PreforkError} `ERR_ATTACH` for what SO_REUSEPORT cannot share
 */
export function reusePortFor(
  core: Core,
  what: string,
  wanted: Wanted,
): ReusePortAddress {
  const text = formatWanted(wanted);
  if (wanted.kind === "unix" || wanted.port === 0) {
    const reason = wanted.kind === "unix"
      ? "the pool does not hold this path, and a path belongs to one process"
      : "the pool has no listener left, and at port 0 each worker would get a port of its own";
    const failure = cannot(
      `listen on "${text}" by ${what}`,
      reason,
      wanted.kind === "unix"
        ? `name it in the command as in "-l ${text}"`
        : 'name an address for it in the command as in "-l :8081"',
    );
    core.tell(failed(failure));
    throw failure;
  }
  warnOnce(
    core,
    `The pool does not hold "${text}", so each worker binds it by SO_REUSEPORT for ${what}: connections can be lost in a reload, name it in the command as in "-l ${text}"`,
  );
  return reusePortAt(wanted.host ?? "", wanted.port);
}

/**
 * The address of a listener of the mode `reuseport`.
 *
 * @throws {PreforkError} `ERR_ATTACH` when it is none of TCP
 */
export function reusePortOf(
  { name, address }: InheritedListener,
): ReusePortAddress {
  const { address: parsed } = parseListener(address);
  if (parsed.kind === "tcp") return reusePortAt(parsed.host, parsed.port);
  throw cannot(
    `attach to the listener "${name}"`,
    `"${address}" is no TCP address, and SO_REUSEPORT needs one`,
    'give the pool the share mode "shared"',
  );
}

function reusePortAt(host: string, port: number): ReusePortAddress {
  return { hostname: bindHost(host), port, reusePort: true };
}

/**
 * Makes sure that a server which accepts by itself can serve a listener.
 *
 * @param what the name of the function that the program called
 * @throws {PreforkError} `ERR_ATTACH` when it would have to be fed
 */
export function mustAccept(what: string, listener: InheritedListener): void {
  const action = `attach ${what} to the listener "${listener.name}"`;
  if (listener.mode === "handoff") {
    throw cannot(
      action,
      'it accepts by itself, and in the mode "handoff" the supervisor does',
      'choose another mode as in "--share shared"',
    );
  }
  const refusal = nativeRefusal(listener);
  if (refusal === undefined) return;
  throw cannot(action, refusal.reason, `use ${refusal.instead}`);
}

/**
 * The serving of a server that each worker binds for itself: it has one address
 * and can get no other.
 *
 * @param what the name of the function that the program called
 * @throws {PreforkError} `ERR_ATTACH`, by its `serve()`, for another listener
 */
export function servingOne(
  what: string,
  only: InheritedListener,
  attachment: Attachment,
): NativeServing<unknown> {
  return {
    serve(listener) {
      if (listener === only) return attachment;
      throw cannot(
        `attach ${what} to the listener "${listener.name}"`,
        `it serves "${only.name}", and in the mode "reuseport" a server has one address`,
        'choose another mode as in "--share shared"',
      );
    },
    cede: () => false,
    become() {},
  };
}
