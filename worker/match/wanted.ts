/**
 * Where a program wants to listen.
 *
 * @module
 */

/** Where a program wants to listen. */
export type Wanted =
  | {
    readonly kind: "tcp";
    /** The host as the program gave it, if it did. */
    readonly host: string | undefined;
    /** The port; 0 leaves the choice to the kernel. */
    readonly port: number;
  }
  | {
    readonly kind: "unix";
    /** The path; an abstract name (unix(7)) begins with NUL. */
    readonly path: string;
  };

/** An open socket: a program may know the pool's by LISTEN_FDS and the like. */
export interface OpenSocket {
  readonly kind: "fd";
  /** Its number. */
  readonly fd: number;
}

/** Options of Bun and Deno for TCP as an address; undefined for no port. */
export function tcpWanted(
  hostname: unknown,
  port: unknown,
): Wanted | undefined {
  const number = typeof port === "string" ? Number(port) : port;
  if (!isPortNumber(number)) return undefined;
  return {
    kind: "tcp",
    host: typeof hostname === "string" && hostname !== ""
      ? hostname
      : undefined,
    port: number,
  };
}

/** True for the number of a TCP or UDP port, 0 among them. */
export function isPortNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 &&
    value <= 65535;
}

/** True for port 0: whoever listens takes what it gets. */
export function isAnyPort(wanted: Wanted): boolean {
  return wanted.kind === "tcp" && wanted.port === 0;
}

/** Writes where a program wants to listen as the command takes it. */
export function formatWanted(wanted: Wanted): string {
  if (wanted.kind === "unix") {
    return `unix:${wanted.path.replace(/^\0/, "@")}`;
  }
  const host = wanted.host ?? "";
  return host.includes(":")
    ? `[${host}]:${wanted.port}`
    : `${host}:${wanted.port}`;
}
