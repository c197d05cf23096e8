/**
 * Listening without a pool, so that the same file also runs on its own.
 *
 * @module
 */

import type { AddressInfo, Server } from "node:net";
import {
  type Address,
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../../core/options/address.ts";
import type { Attachment } from "../process/worker_core.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { defaultAddress } from "./address.ts";
import { putFacade } from "./facade.ts";
import { direct, fed, type Place } from "./acceptors.ts";
import { limitOf } from "./limit.ts";
import { trackServer } from "../filters/listener_filter.ts";
import { mustBeFed, type ServerKind } from "../process/server_kind.ts";

/** Where to listen by hand: what the program says, else PORT, else 8080. */
export function standaloneSpec(text: string | undefined): ListenerSpec {
  return parseListener(text ?? defaultAddress());
}

/** A server that listens by hand. */
export interface Standalone {
  /** Its real address, as `formatAddress` writes it. */
  readonly address: string;
  /** For the drain. */
  readonly attachment: Attachment;
}

/** Listens and resolves once the server accepts. */
export async function listenStandalone(
  server: Server,
  kind: ServerKind,
  spec: ListenerSpec,
): Promise<Standalone> {
  const address = formatAddress(spec.address);
  const listener = { ...spec, address };
  const { connections, filterOf } = trackServer(server, kind);
  const filter = filterOf(listener);
  const place = standalonePlace(spec);
  const acceptor = filter === undefined
    ? direct(server, place)
    : fed(server, kind, place, limitOf(server, true), filter);
  await acceptor.started;
  let open = true;
  const drain = async (idle: number, window: number): Promise<void> => {
    if (filter === undefined && mustBeFed(kind)) {
      return await closeNative(server, open);
    }
    if (open) acceptor.close();
    open = false;
    await connections.drain(idle, window);
  };
  if (filter === undefined) server.once("close", () => open = false);
  else {
    putFacade(server, {
      fed: true,
      address: () => acceptor.address(),
      close: () => drain(IDLE_MS, Infinity),
      draining: () => !open,
      closed: () => {},
    }).show();
  }
  return {
    address: formatAddress(realAddress(spec.address, acceptor.address())),
    attachment: { drain },
  };
}

/**
 * Closes a server whose listener cannot be closed apart from its connections.
 * Nobody else takes over the address, so nothing is lost that would be kept.
 */
function closeNative(server: Server, open: boolean): Promise<void> {
  if (!open) return Promise.resolve();
  return new Promise((resolve) => void server.close(() => resolve()));
}

function standalonePlace({ address, backlog, ipv6Only }: ListenerSpec): Place {
  switch (address.kind) {
    case "udp":
      throw new TypeError(
        `Cannot listen on "${
          formatAddress(address)
        }": that is for datagrams, and a server of connections needs an address without "udp://"`,
      );
    case "fd":
      return { fd: address.fd, backlog };
    case "unix":
      return { path: (address.abstract ? "\0" : "") + address.path, backlog };
    case "tcp":
      return {
        ...(address.host !== "" && { host: address.host }),
        port: address.port,
        backlog,
        ipv6Only,
      };
  }
}

/** Fills in the port that the kernel chose for 0. */
function realAddress(
  address: Address,
  real: AddressInfo | string | null,
): Address {
  return address.kind === "tcp" && typeof real === "object" && real !== null
    ? { ...address, port: real.port }
    : address;
}
