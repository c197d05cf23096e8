/**
 * Where something accepts that serves an inherited listener.
 *
 * @module
 */

import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { cannot, noSocket } from "../process/errors.ts";
import type { Place } from "./acceptors.ts";
import { bindHost } from "./address.ts";

/**
 * The place of a shard.
 *
 * @throws {PreforkError} `ERR_ATTACH` when there is none
 */
export function inheritedPlace(
  listener: InheritedListener,
  shard: number,
): Place {
  const { backlog, ipv6Only } = listener;
  if (listener.mode === "reuseport") {
    const { address } = parseListener(listener.address);
    if (address.kind === "tcp") {
      return {
        host: bindHost(address.host),
        port: address.port,
        ipv6Only,
        backlog,
        reusePort: true,
      };
    }
  }
  const fd = listener.fds[shard];
  if (fd !== undefined) return { fd, backlog };
  if (listener.mode !== "reuseport") throw noSocket(listener, shard);
  throw cannot(
    `attach to the listener "${listener.name}"`,
    `"${listener.address}" is no TCP address, and SO_REUSEPORT needs one`,
    'give the pool the share mode "shared"',
  );
}
