/**
 * IP addresses and networks as numbers, to tell whether a peer is trusted.
 *
 * @module
 */

/** A network: the first `bits` of 128 are those of every address in it. */
export interface Network {
  /** The 16 bytes of an address in it; IPv4 as `::ffff:a.b.c.d`. */
  readonly bytes: readonly number[];
  /** How many leading bits count, 0 to 128. */
  readonly bits: number;
}

/** What stands in front of an IPv4 address as one of IPv6 (RFC 4291 §2.5.5.2). */
const MAPPED: readonly number[] = [...Array<number>(10).fill(0), 255, 255];

/**
 * The 16 bytes of an IP address, IPv4 as `::ffff:a.b.c.d`; undefined for
 * anything else. A zone (`%eth0`) is left out.
 */
export function addressBytes(text: string): readonly number[] | undefined {
  const address = text.replace(/%[\w.-]+$/, "");
  const four = ipv4Bytes(address);
  return four === undefined ? ipv6Bytes(address) : [...MAPPED, ...four];
}

/** 4 or 6 for an IP address, as `net.isIP()` has it; undefined for a name. */
export function ipFamily(text: string): 4 | 6 | undefined {
  if (ipv4Bytes(text) !== undefined) return 4;
  return text.includes(":") && addressBytes(text) !== undefined ? 6 : undefined;
}

/**
 * The usual form of an IPv6 address (RFC 5952 §4).
 *
 * @param groups all eight, in lower case and without leading zeros
 */
export function shortIpv6(groups: string): string {
  // The first of the longest runs of zeros, of two at least.
  let longest = "";
  for (const [run] of groups.matchAll(/\b0(?::0\b)+/g)) {
    if (run.length > longest.length) longest = run;
  }
  if (longest === "") return groups;
  return groups.replace(new RegExp(`(^|:)${longest}(:|$)`), "::");
}

/** Reads `192.0.2.1`, `10.0.0.0/8`, `::1` or `fd00::/8`, or undefined. */
export function parseNetwork(text: string): Network | undefined {
  const [, address, digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = address === undefined ? undefined : addressBytes(address);
  if (bytes === undefined) return undefined;
  const max = address!.includes(":") ? 128 : 32;
  const prefix = digits === undefined ? max : Number(digits);
  return prefix > max ? undefined : { bytes, bits: prefix + 128 - max };
}

/** True when an address is in one of the networks. */
export function isInNetworks(
  address: string,
  networks: readonly Network[],
): boolean {
  const bytes = addressBytes(address);
  return bytes !== undefined &&
    networks.some((network) => isIn(bytes, network));
}

function isIn(bytes: readonly number[], network: Network): boolean {
  return bytes.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, network.bits - 8 * i));
    const mask = 0xff00 >> bits & 0xff;
    return (byte & mask) === (network.bytes[i]! & mask);
  });
}

function ipv4Bytes(text: string): readonly number[] | undefined {
  // No leading zeros: inet_aton(3) reads them as octal.
  const parts = /^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/.test(text)
    ? text.split(".").map(Number)
    : [];
  return parts.length === 4 && parts.every((each) => each < 256)
    ? parts
    : undefined;
}

/** RFC 4291 §2.2: eight groups, one run of zeros as `::`, IPv4 at the end. */
function ipv6Bytes(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (!text.includes(":") || halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) =>
    groupBytes(half, i === halves.length - 1)
  );
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  const zeros = Array<number>(16 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail];
}

function groupBytes(half: string, last: boolean): number[] | undefined {
  if (half === "") return [];
  const bytes: number[] = [];
  const groups = half.split(":");
  for (const [i, group] of groups.entries()) {
    const four = last && i === groups.length - 1 ? ipv4Bytes(group) : undefined;
    if (four !== undefined) bytes.push(...four);
    else if (/^[\da-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    } else return undefined;
  }
  return bytes.length > 16 ? undefined : bytes;
}
