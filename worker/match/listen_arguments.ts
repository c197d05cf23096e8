/**
 * Reads the many forms of `net.Server.listen()`.
 *
 * @module
 */

import { isPortNumber, type OpenSocket, type Wanted } from "./wanted.ts";

/** What a program asks for by `listen()`. */
export interface ListenRequest {
  /** Where. */
  readonly wanted: Wanted | OpenSocket;
  /** The length of the accept queue, if it said. */
  readonly backlog: number | undefined;
  /** True to leave IPv4 out on an IPv6 address. */
  readonly ipv6Only: boolean;
  /** True when it does not want to share the address as a worker would. */
  readonly alone: boolean;
  /** Closes the server when it is aborted. */
  readonly signal: AbortSignal | undefined;
  /** Called on the event "listening". */
  readonly callback: (() => void) | undefined;
}

interface ListenObject {
  readonly fd?: unknown;
  readonly port?: unknown;
  readonly host?: unknown;
  readonly path?: unknown;
  readonly backlog?: unknown;
  readonly ipv6Only?: unknown;
  readonly exclusive?: unknown;
  readonly reusePort?: unknown;
  readonly signal?: unknown;
}

/**
 * Reads the arguments as Node's `normalizeArgs()` and `listen()` do
 * (lib/net.js). Undefined for what no pool can hold - an open handle - and for
 * what the runtime is to refuse in its own words.
 */
export function readListenArguments(
  args: readonly unknown[],
): ListenRequest | undefined {
  const last = args.at(-1);
  const callback = typeof last === "function" ? last as () => void : undefined;
  const [first] = args;
  if (typeof first === "object" && first !== null) {
    if ("_handle" in first || "handle" in first) return undefined;
    return request(first, args, callback);
  }
  if (typeof first === "string" && Number.isNaN(Number(first))) {
    return request({ path: first }, args, callback);
  }
  const [, host] = args;
  const port = first === null || typeof first === "function" ? 0 : first ?? 0;
  return request(
    { port, host: typeof host === "string" ? host : undefined },
    args,
    callback,
  );
}

function request(
  options: ListenObject,
  args: readonly unknown[],
  callback: (() => void) | undefined,
): ListenRequest | undefined {
  const wanted = wantedOfOptions(options);
  if (wanted === undefined) return undefined;
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    return undefined;
  }
  return {
    wanted,
    backlog: positive(options.backlog) ?? positive(args[1]) ??
      positive(args[2]),
    ipv6Only: options.ipv6Only === true,
    alone: options.exclusive === true || options.reusePort === true,
    signal,
    callback,
  };
}

function wantedOfOptions(
  options: ListenObject,
): Wanted | OpenSocket | undefined {
  const { fd, host, path } = options;
  if (typeof fd === "number" && fd >= 0) return { kind: "fd", fd };
  if (host !== undefined && host !== null && typeof host !== "string") {
    return undefined;
  }
  if (options.port === undefined && !("port" in options)) {
    return typeof path === "string" && path !== ""
      ? { kind: "unix", path }
      : undefined;
  }
  const port = parsePort(options.port ?? 0);
  return port === undefined
    ? undefined
    : { kind: "tcp", host: host || undefined, port };
}

/** A port as Node's `validatePort()` takes it: a number or its text. */
function parsePort(value: unknown): number | undefined {
  if (typeof value === "string" && value.trim() === "") return undefined;
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  const port = Number(value);
  return isPortNumber(port) ? port : undefined;
}

function positive(value: unknown): number | undefined {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && number > 0 && Number.isInteger(number)
    ? number
    : undefined;
}
