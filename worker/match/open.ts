/**
 * Addresses that the pool does not hold: the supervisor opens them once for
 * all workers, as Node's cluster does.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Place } from "../listening/acceptors.ts";
import type { Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { formatWanted, type Wanted } from "./wanted.ts";

/** What is to be opened. */
export interface OpenRequest {
  /** Where. */
  readonly wanted: Wanted;
  /** The length of the accept queue; prefork's default unless given. */
  readonly backlog?: number | undefined;
  /** True to leave IPv4 out on an IPv6 address. */
  readonly ipv6Only?: boolean;
}

/** How often each host was listened on at port 0, by this process. */
const counts = new Map<string, number>();

/**
 * Has the supervisor open an address, or share what another worker has had it
 * open. At port 0 the first call for a host means the same port in every
 * worker, and so does the second.
 *
 * @throws {PreforkError} `ERR_ATTACH` when it cannot; its cause has the code
 * of the system's error
 */
export async function openAddress(
  core: Core,
  { wanted, backlog, ipv6Only = false }: OpenRequest,
): Promise<InheritedListener> {
  const place = formatWanted(wanted);
  if (place.includes("?")) {
    throw cannot(
      `listen on "${place}"`,
      `the supervisor cannot open a path with "?"`,
      'choose another path or give the command "--private-ports"',
    );
  }
  const settings = new URLSearchParams({
    ...(backlog !== undefined && { backlog: String(backlog) }),
    ...(ipv6Only && place.includes("[") && { ipv6Only: "1" }),
  });
  const address = settings.size === 0 ? place : `${place}?${settings}`;
  let nth = 0;
  if (wanted.kind === "tcp" && wanted.port === 0) {
    nth = counts.get(place) ?? 0;
    counts.set(place, nth + 1);
  }
  return await core.open(address, nth);
}

/** The place that a program has named itself. */
export function ownPlaceOf(
  wanted: Wanted,
  rest: { readonly backlog: number; readonly ipv6Only: boolean },
): Place {
  return wanted.kind === "unix" ? { path: wanted.path, ...rest } : {
    ...(wanted.host !== undefined && { host: wanted.host }),
    port: wanted.port,
    ...rest,
  };
}
