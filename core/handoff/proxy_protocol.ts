/**
 * The header with which a load balancer says whose connection it passes on:
 * the PROXY protocol, versions 1 and 2
 * (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, §2).
 *
 * @module
 */

import type { ProxyVersion } from "../options/listener_features.ts";
import { ipFamily, shortIpv6 } from "../options/networks.ts";

/** Whose connection it is. */
export interface ProxySource {
  /** The client's address. */
  readonly address: string;
  /** The client's port. */
  readonly port: number;
  /** Its family, as `socket.remoteFamily` names it. */
  readonly family: "IPv4" | "IPv6";
}

/** What the bytes at the start of a connection are. */
export type ProxyHead =
  /** The beginning of a header. */
  | { readonly kind: "part" }
  /** No header, or one that breaks the rules. */
  | { readonly kind: "bad" }
  /** A header. */
  | {
    readonly kind: "whole";
    /** How many bytes it has. */
    readonly length: number;
    /**
     * The client; undefined when the balancer speaks for itself (`LOCAL`, as
     * in a health check) or does not know (`UNKNOWN`): the peer is the client.
     */
    readonly source: ProxySource | undefined;
  };

/** The longest header of version 1, with its CRLF (§2.1). */
export const MAX_V1 = 107;

/**
 * The longest header of version 2 that is read. The format allows 16 + 65,535
 * bytes; §2 promises that addresses fit into 536, and a client certificate in
 * the TLVs into this.
 */
export const MAX_V2 = 4096;

/** `\r\n\r\n\0\r\nQUIT\n` (§2.2). */
const SIGNATURE: readonly number[] = [
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
];

/** `PROXY ` (§2.1). */
const WORD: readonly number[] = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];

const PART: ProxyHead = { kind: "part" };
const BAD: ProxyHead = { kind: "bad" };

/**
 * Reads the header at the beginning of all the bytes that have come so far.
 * Never throws, and needs at most {@linkcode MAX_V2} bytes to decide.
 */
export function parseProxyHead(
  bytes: Uint8Array,
  version: ProxyVersion,
): ProxyHead {
  // The first bytes of the two have none in common.
  if (version !== "v2" && startsLike(bytes, WORD)) {
    return bytes.length < WORD.length ? PART : parseV1(bytes);
  }
  if (version !== "v1" && startsLike(bytes, SIGNATURE)) {
    return bytes.length < 16 ? PART : parseV2(bytes);
  }
  return BAD;
}

function startsLike(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, i) => i >= bytes.length || bytes[i] === byte);
}

/** `PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n` */
function parseV1(bytes: Uint8Array): ProxyHead {
  const end = bytes.subarray(0, MAX_V1).indexOf(0x0a);
  if (end < 0) return bytes.length < MAX_V1 ? PART : BAD;
  const line = String.fromCharCode(...bytes.subarray(0, end + 1));
  if (!line.endsWith("\r\n")) return BAD;
  const length = end + 1;
  // What stands behind UNKNOWN is not to be looked at.
  if (/^PROXY UNKNOWN[ \r]/.test(line)) {
    return { kind: "whole", length, source: undefined };
  }
  const [, four, address = "", to = "", port = "", toPort = ""] =
    /^PROXY TCP([46]) (\S+) (\S+) (\d+) (\d+)\r\n$/.exec(line) ?? [];
  const family = four === "4" ? "IPv4" : "IPv6";
  const valid = [address, to].every((each) => isOf(family, each)) &&
    [port, toPort].every(isPortText);
  if (four === undefined || !valid) return BAD;
  const source = { address, port: Number(port), family } as const;
  return { kind: "whole", length, source };
}

function isOf(family: ProxySource["family"], address: string): boolean {
  return !address.includes("%") &&
    ipFamily(address) === (family === "IPv6" ? 6 : 4);
}

function isPortText(digits: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(digits) && Number(digits) < 65536;
}

/** Bytes of the addresses of each transport (§2.2): both, and both ports. */
const SIZES: ReadonlyMap<number, number> = new Map([
  [0x00, 0], // unspecified
  [0x11, 12], // TCP over IPv4
  [0x12, 12], // UDP
  [0x21, 36], // TCP over IPv6
  [0x22, 36],
  [0x31, 216], // Unix sockets
  [0x32, 216],
]);

function parseV2(bytes: Uint8Array): ProxyHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const command = view.getUint8(12);
  const transport = view.getUint8(13);
  const length = 16 + view.getUint16(14);
  const size = SIZES.get(transport);
  const isLocal = command === 0x20;
  if ((!isLocal && command !== 0x21) || size === undefined) return BAD;
  if (length > MAX_V2 || (!isLocal && length < 16 + size)) return BAD;
  if (bytes.length < length) return PART;
  // What follows the addresses, up to the length, are TLVs: left out.
  const source = isLocal ? undefined : clientIn(view, transport);
  return { kind: "whole", length, source };
}

/** Others than TCP have no address that a TCP socket could show. */
function clientIn(view: DataView, transport: number): ProxySource | undefined {
  if (transport === 0x11) {
    const parts = [16, 17, 18, 19].map((at) => view.getUint8(at));
    return {
      address: parts.join("."),
      port: view.getUint16(24),
      family: "IPv4",
    };
  }
  if (transport !== 0x21) return undefined;
  const groups = [0, 1, 2, 3, 4, 5, 6, 7].map((i) =>
    view.getUint16(16 + 2 * i).toString(16)
  );
  return {
    address: shortIpv6(groups.join(":")),
    port: view.getUint16(48),
    family: "IPv6",
  };
}
