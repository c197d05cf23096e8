/**
 * Listener addresses: parse what a user writes, format what a user reads.
 *
 * @module
 */

import { datagramProblem, UDP_PREFIX, type UdpAddress } from "./dgram.ts";
import {
  FEATURE_KEYS,
  type ListenerFeatures,
  parseFeatures,
} from "./listener_features.ts";

/** A TCP address. An empty host means every interface, IPv6 and IPv4. */
export interface TcpAddress {
  /** The kind of socket. */
  readonly kind: "tcp";
  /** Name or number of the interface; `""` is every one. */
  readonly host: string;
  /** 0 to 65535; 0 asks the kernel for a free one. */
  readonly port: number;
}

/** A Unix socket at a path, or an abstract one (Linux, see unix(7)). */
export interface UnixAddress {
  /** The kind of socket. */
  readonly kind: "unix";
  /** The path, or the name of an abstract socket without its leading NUL. */
  readonly path: string;
  /** True for a name in Linux' abstract namespace. */
  readonly abstract: boolean;
}

/** A socket that this process was itself started with. */
export interface FdAddress {
  /** The kind of socket. */
  readonly kind: "fd";
  /**
   * The number of the open file descriptor; -1 while it is not known, of one
   * that is asked for by name.
   */
  readonly fd: number;
  /** What was asked for, where that is not the number: `systemd:NAME`. */
  readonly by?: string;
}

/** Where a pool listens. */
export type Address = TcpAddress | UdpAddress | UnixAddress | FdAddress;

/** True for an address with a port, of TCP or UDP. */
export function hasPort(address: Address): address is TcpAddress | UdpAddress {
  return address.kind === "tcp" || address.kind === "udp";
}

/** True for port 0, which leaves the choice to the kernel. */
export function isAnyPort(address: Address): boolean {
  return hasPort(address) && address.port === 0;
}

/** An address with its name and what belongs to the socket. */
export interface ListenerSpec extends ListenerFeatures {
  /** The name that workers ask for; the address itself unless given. */
  readonly name: string;
  /** Where. */
  readonly address: Address;
  /** Length of the accept queue; the kernel caps it at `net.core.somaxconn`. */
  readonly backlog: number;
  /** True to leave IPv4 out on an IPv6 address. */
  readonly ipv6Only: boolean;
  /** Permission bits of a Unix socket's path. */
  readonly mode?: number;
  /** User name or uid that gets a Unix socket's path. */
  readonly owner?: string;
  /** Group name or gid that gets a Unix socket's path. */
  readonly group?: string;
  /** The share mode of this listener alone. */
  readonly share?: string;
  /** Of a socket that this process was started with: who has passed it on. */
  readonly origin?: string;
  /** Of such a socket for datagrams: its number. */
  readonly passed?: number;
  /** Of one that is asked for by its number: that, as in "fd:3". */
  readonly asked?: string;
}

/** The length of the accept queue unless given. */
export const DEFAULT_BACKLOG = 4096;

/**
 * The longest path of a Unix socket: `sun_path` holds 108 bytes and a
 * terminating NUL (unix(7)).
 */
export const MAX_UNIX_PATH = 107;

const FORMS =
  `":8080", "host:port", "[v6]:port", "tcp://host:port", "udp://host:port", "unix:/path", "unix:@name", "fd:3" or "systemd:name"`;

/**
 * Parses a listener as the command takes it: an optional `name=`, an address
 * and optional `?key=value&..` settings.
 *
 * @throws {RangeError} when a number is out of range
 * @throws {TypeError} when the text has none of the valid forms
 */
export function parseListener(text: string): ListenerSpec {
  const named = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(text);
  const rest = named === null ? text : named[2]!;
  const question = rest.indexOf("?");
  const where = question < 0 ? rest : rest.slice(0, question);
  const query = question < 0 ? "" : rest.slice(question + 1);
  const address = parseAddress(where, text);
  return {
    name: named?.[1] ?? formatAddress(address),
    address,
    backlog: DEFAULT_BACKLOG,
    ipv6Only: false,
    ...parseSettings(query, address, text),
    ...parseFeatures(new URLSearchParams(query), text),
  };
}

/** Writes an address the way {@linkcode parseListener} reads it. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case "tcp":
    case "udp":
      return (address.kind === "udp" ? UDP_PREFIX : "") +
        (address.host.includes(":") ? `[${address.host}]` : address.host) +
        `:${address.port}`;
    case "unix":
      return `unix:${address.abstract ? "@" : ""}${address.path}`;
    case "fd":
      return address.by ?? `fd:${address.fd}`;
  }
}

function parseAddress(where: string, text: string): Address {
  if (where.startsWith("unix:")) return parseUnix(where.slice(5), text);
  if (where.startsWith("fd:")) return parseFd(where.slice(3), text);
  if (where.startsWith("systemd:")) return parseByName(where, text);
  if (where.startsWith("/") || where.startsWith("./")) {
    throw new TypeError(
      `Cannot listen on "${text}": a path needs "unix:" in front of it, as in "unix:${where}"`,
    );
  }
  if (where.startsWith(UDP_PREFIX)) {
    const { host, port } = parseTcp(where.slice(UDP_PREFIX.length), text);
    return { kind: "udp", host: host === "" ? "0.0.0.0" : host, port };
  }
  return parseTcp(where.replace(/^tcp:\/\//, ""), text);
}

function parseUnix(path: string, text: string): UnixAddress {
  const abstract = path.startsWith("@");
  const name = abstract ? path.slice(1) : path;
  if (name === "") {
    throw new TypeError(
      `Cannot listen on "${text}": the path of the Unix socket is empty, write "unix:/path" or "unix:@name"`,
    );
  }
  if (name.includes("\0")) {
    throw new TypeError(
      `Cannot listen on "${
        text.replaceAll("\0", "\\0")
      }": a path cannot hold a NUL byte`,
    );
  }
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MAX_UNIX_PATH) {
    throw new RangeError(
      `Cannot listen on "${text}": the path has ${bytes} bytes, a Unix socket's has at most ${MAX_UNIX_PATH}`,
    );
  }
  return { kind: "unix", path: name, abstract };
}

function parseFd(digits: string, text: string): FdAddress {
  const fd = /^\d{1,7}$/.test(digits) ? Number(digits) : NaN;
  if (!(fd >= 0)) {
    throw new RangeError(
      `Cannot listen on "${text}": the file descriptor must be a number from 0 on, as in "fd:3"`,
    );
  }
  return { kind: "fd", fd };
}

/** sd_listen_fds_with_names(3) says what a name can be. */
function parseByName(by: string, text: string): FdAddress {
  if (/^systemd:[!-9;-~]{0,255}$/.test(by)) return { kind: "fd", fd: -1, by };
  throw new TypeError(
    `Cannot listen on "${text}": after "systemd:" comes the "FileDescriptorName=" of a socket, or nothing for all of them`,
  );
}

function parseTcp(where: string, text: string): TcpAddress {
  const bracketed = /^\[([^\]]+)\]:([^:]*)$/.exec(where);
  const plain = /^([^:[\]]*):([^:]*)$/.exec(where);
  const bare = /^\d+$/.exec(where);
  if (bracketed === null && plain === null && bare === null) {
    throw new TypeError(
      `Cannot listen on "${text}": an address is one of ${FORMS}`,
    );
  }
  const host = bracketed?.[1] ?? plain?.[1] ?? "";
  const port = bracketed?.[2] ?? plain?.[2] ?? where;
  if (/[\s/@?#=]/.test(host)) {
    throw new TypeError(
      `Cannot listen on "${text}": "${host}" is no host, an address is one of ${FORMS}`,
    );
  }
  if (!/^\d{1,9}$/.test(port) || Number(port) > 65535) {
    throw new RangeError(
      `Cannot listen on "${text}": the port must be a number from 0 to 65535, received "${port}"`,
    );
  }
  return { kind: "tcp", host: host === "*" ? "" : host, port: Number(port) };
}

type ListenerSettings = Partial<
  Pick<
    ListenerSpec,
    "backlog" | "ipv6Only" | "mode" | "owner" | "group" | "share"
  >
>;

function parseSettings(
  query: string,
  address: Address,
  text: string,
): ListenerSettings {
  const settings: {
    -readonly [K in keyof ListenerSettings]: ListenerSettings[K];
  } = {};
  const given = new URLSearchParams(query);
  const problem = address.kind === "udp"
    ? datagramProblem([...given].map(([key]) => key))
    : undefined;
  if (problem !== undefined) {
    throw new TypeError(`Cannot listen on "${text}": ${problem}`);
  }
  for (const [key, value] of given) {
    if (FEATURE_KEYS.includes(key)) continue;
    if (Object.hasOwn(settings, key)) {
      throw new TypeError(
        `Cannot listen on "${text}": "${key}" is there twice, leave one out`,
      );
    }
    const ofPath = ["mode", "owner", "group"].includes(key);
    const fits = key === "ipv6Only"
      ? hasPort(address)
      : !ofPath || (address.kind === "unix" && !address.abstract);
    if (!fits) {
      throw new TypeError(
        `Cannot listen on "${text}": "${key}" belongs to ${
          ofPath ? "paths of Unix sockets" : "TCP addresses"
        }`,
      );
    }
    switch (key) {
      case "backlog":
        settings.backlog = number(value, 1, 2 ** 31 - 1, key, text);
        break;
      case "ipv6Only":
        if (hasPort(address) && /^[\d.]+$/.test(address.host)) {
          throw new TypeError(
            `Cannot listen on "${text}": "ipv6Only" belongs to IPv6 addresses`,
          );
        }
        settings.ipv6Only = switched(value, key, text);
        break;
      case "mode":
        if (!/^0?[0-7]{3}$/.test(value)) {
          throw new RangeError(
            `Cannot listen on "${text}": "mode" must be octal digits from 000 to 777, as in "0660", received "${value}"`,
          );
        }
        settings.mode = parseInt(value, 8);
        break;
      case "owner":
      case "group":
      case "share":
        if (value === "") {
          throw new TypeError(
            `Cannot listen on "${text}": "${key}" is empty, give it a value or leave it out`,
          );
        }
        settings[key] = value;
        break;
      default:
        throw new TypeError(
          `Cannot listen on "${text}": there is no setting "${key}", valid are backlog, share, cert, key, proxy, trust, ipv6Only (TCP), mode, owner and group (Unix)`,
        );
    }
  }
  return settings;
}

function switched(value: string, key: string, text: string): boolean {
  if (value === "" || value === "1" || value === "true") return true;
  if (value === "0" || value === "false") return false;
  throw new TypeError(
    `Cannot listen on "${text}": "${key}" must be true or false, received "${value}"`,
  );
}

function number(
  value: string,
  min: number,
  max: number,
  key: string,
  text: string,
): number {
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (number >= min && number <= max) return number;
  throw new RangeError(
    `Cannot listen on "${text}": "${key}" must be a whole number from ${min} to ${max}, received "${value}"`,
  );
}
