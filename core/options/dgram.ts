/**
 * Addresses of datagrams (UDP), and which settings and share modes they take.
 *
 * @module
 */

/**
 * An address of UDP. The host is an address or a name: `udp://:53` is
 * `0.0.0.0`, since a `udp4` socket of a program cannot answer IPv6.
 */
export interface UdpAddress {
  /** The kind of socket. */
  readonly kind: "udp";
  /** Name or number of the interface, or of a multicast group. */
  readonly host: string;
  /** 0 to 65535; 0 asks the kernel for a free one. */
  readonly port: number;
}

/** The kind of socket that has such an address, as `node:dgram` calls it. */
export function dgramKind({ host }: UdpAddress): "udp4" | "udp6" {
  return host.includes(":") ? "udp6" : "udp4";
}

/** What such an address begins with. */
export const UDP_PREFIX = "udp://";

/** True for the address of datagrams, as `formatAddress` writes it. */
export function isDatagram({ address }: { readonly address: string }): boolean {
  return address.startsWith(UDP_PREFIX);
}

/** Those whose connections come to shards: `sharded`, and no datagrams. */
export function shardedOf<
  T extends { readonly address: string; readonly mode: string },
>(listeners: readonly T[]): readonly T[] {
  return listeners.filter((each) =>
    each.mode === "sharded" && !isDatagram(each)
  );
}

/**
 * True for the address of a multicast group: 224.0.0.0/4 (RFC 5771), ff00::/8
 * (RFC 4291).
 */
export function isMulticast(host: string): boolean {
  return /^(22[4-9]|23\d)\.\d+\.\d+\.\d+$/.test(host) ||
    /^ff[0-9a-f]{2}:/i.test(host);
}

/** Settings of an address that only connections have, and why. */
const OF_CONNECTIONS: Readonly<Record<string, string>> = {
  backlog: "datagrams wait in the receive buffer (net.core.rmem_max)",
  cert: "TLS is for connections, let the program speak DTLS or QUIC itself",
  key: "TLS is for connections, let the program speak DTLS or QUIC itself",
  proxy: "each datagram has its own sender, and none a PROXY header",
  trust: "each datagram has its own sender, and none a PROXY header",
};

/** Why a setting cannot belong to UDP, as the rest of a sentence. */
export function datagramProblem(
  keys: Iterable<string>,
): string | undefined {
  for (const key of keys) {
    const why = OF_CONNECTIONS[key];
    if (why !== undefined) return `"${key}" is not for UDP: ${why}`;
  }
  return undefined;
}
