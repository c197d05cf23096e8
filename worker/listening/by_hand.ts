/**
 * Listening without a pool, so that the same file also runs on its own.
 *
 * @module
 */

import type { AddressInfo, Server } from "node:net";
import process from "node:process";
import {
  type Address,
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../../core/options/address.ts";
import type { Attachment } from "../process/worker_core.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { putFace } from "./face.ts";
import { direct, fed, mustBeFed, type Place } from "./fronts.ts";
import { gateAndTrack } from "./filters.ts";
import type { ServerKind } from "./kinds.ts";

/** The port by hand unless the program or the environment says another. */
const DEFAULT_PORT = "8080";

/** Where to listen by hand: what the program says, else PORT, else 8080. */
export function specByHand(text: string | undefined): ListenerSpec {
  return parseListener(text ?? `:${process.env["PORT"] || DEFAULT_PORT}`);
}

/** A server that listens by hand. */
export interface ByHand {
  /** Its real address, as `formatAddress` writes it. */
  readonly address: string;
  /** For the drain. */
  readonly attachment: Attachment;
}

/** Listens and resolves once the server accepts. */
export async function listenByHand(
  server: Server,
  kind: ServerKind,
  spec: ListenerSpec,
): Promise<ByHand> {
  const address = formatAddress(spec.address);
  const listener = { ...spec, address };
  const { gate, connections } = gateAndTrack(server, kind, listener);
  const front = gate === undefined
    ? await direct(server, placeOf(spec))
    : await fed(server, kind, placeOf(spec), gate);
  let open = true;
  const drain = async (idle: number, window: number): Promise<void> => {
    if (gate === undefined && mustBeFed(kind)) {
      return await closeNative(server, open);
    }
    if (open) front.close();
    open = false;
    await connections.drain(idle, window);
  };
  if (gate === undefined) server.once("close", () => open = false);
  else {
    putFace(server, {
      fed: true,
      address: () => front.address(),
      close: () => drain(IDLE_MS, Infinity),
      draining: () => !open,
      closed: () => {},
    }).show();
  }
  return {
    address: formatAddress(realAddress(spec.address, front.address())),
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

function placeOf({ address, backlog, ipv6Only }: ListenerSpec): Place {
  switch (address.kind) {
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
