/**
 * What a supervisor hands over to the one that succeeds it: its sockets by
 * their numbers, and what cannot be seen of them. One environment variable
 * holds all of it, so that a successor on any runtime, of any version, finds
 * it. `docs/UPGRADE.md` has the format.
 *
 * @module
 */

import type { ShareMode } from "../adapter.ts";
import { isCount } from "../protocol.ts";
import type { PathFile } from "../adapter/successor.ts";
import { allSockets, type Listener } from "./listeners.ts";

/** The name of the variable. */
export const HANDOVER_VARIABLE = "PREFORK_HANDOVER";

/** The version of what is in it, and of the messages that go with it. */
export const HANDOVER_VERSION = 1;

/** A listener as it is handed over. */
export interface HandedListener {
  /** What the user, or a worker, asked for: the key by which it is found. */
  readonly asked: string;
  /** Its name. */
  readonly name: string;
  /** Its real address, as text. */
  readonly address: string;
  /** How it is shared. */
  readonly mode: ShareMode;
  /** The length of its accept queue. */
  readonly backlog: number;
  /** True when IPv4 is left out. */
  readonly ipv6Only: boolean;
  /** True where port 0 was asked for. */
  readonly anyPort: boolean;
  /** True where accept(2) on it waits, and has to meanwhile. */
  readonly blocks?: boolean;
  /** Its sockets, in order: the numbers that they have in the successor. */
  readonly fds: readonly number[];
  /** The number of what keeps the address, where there is such a socket. */
  readonly claim?: number;
  /** The number of the map of its shards, where they are steered. */
  readonly map?: number;
  /** The path of its socket. */
  readonly file?: PathFile;
  /** True where the pool was started with it. */
  readonly inherited?: boolean;
}

/** All that is handed over. */
export interface Handover {
  /** The process id of the supervisor that leaves. */
  readonly pid: number;
  /** How many workers it wants, where that was changed while it ran. */
  readonly workers?: number;
  /** True where that is process 1, which stays and passes signals on. */
  readonly init?: boolean;
  /** The listeners of the pool. */
  readonly listeners: readonly HandedListener[];
  /** Those that workers have asked for. */
  readonly opened: readonly HandedListener[];
  /** Those where the supervisor answers; not there when there are none. */
  readonly monitors?: readonly HandedListener[];
  /** The shards on which workers have listened. */
  readonly shards: readonly number[];
}

/** What has to be inherited for it, in the order of the numbers. */
export function handedSockets(
  listeners: readonly Listener[],
): readonly { readonly fd: number }[] {
  return listeners.flatMap((each) => [
    ...allSockets(each),
    ...(each.map === undefined ? [] : [{ fd: each.map }]),
  ]);
}

/** The same listeners, with the numbers that their sockets have there. */
export function handedListeners(
  listeners: readonly Listener[],
  take: () => number,
): readonly HandedListener[] {
  return listeners.map((listener) => {
    const {
      blocks,
      asked,
      name,
      address,
      mode,
      backlog,
      ipv6Only,
      anyPort = false,
      inherited,
    } = listener;
    const file = listener.sockets[0]?.file;
    return {
      asked,
      name,
      address,
      mode,
      backlog,
      ipv6Only,
      ...(blocks && { blocks }),
      anyPort,
      fds: listener.sockets.map(take),
      ...(listener.claim !== undefined && { claim: take() }),
      ...(listener.map !== undefined && { map: take() }),
      ...(file !== undefined && { file }),
      ...(inherited && { inherited }),
    };
  });
}

/** Writes it. */
export function encodeHandover(handover: Handover): string {
  return JSON.stringify({ version: HANDOVER_VERSION, ...handover });
}

/**
 * Reads it.
 *
 * @throws {TypeError} when it is of another version or damaged
 */
export function decodeHandover(text: string): Handover {
  const read = parsed(text) as
    | (Handover & { readonly version?: unknown })
    | null;
  if (read?.version !== HANDOVER_VERSION) {
    throw new TypeError(
      `Cannot take over: ${HANDOVER_VARIABLE} has version ${
        String(read?.version)
      } and this prefork reads ${HANDOVER_VERSION}, stop the old supervisor and start this one`,
    );
  }
  const { pid, workers, listeners, opened, monitors = [], shards } = read;
  const isWhole = isCount(pid) &&
    (workers === undefined || isCount(workers)) && Array.isArray(shards) &&
    shards.every(isCount) && Array.isArray(listeners) &&
    Array.isArray(opened) && Array.isArray(monitors) &&
    [...listeners, ...opened, ...monitors].every(isListener);
  if (isWhole) return read;
  throw new TypeError(
    `Cannot take over: ${HANDOVER_VARIABLE} is damaged, unset it to start on your own`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isListener(value: HandedListener): boolean {
  const { asked, name, address, mode, backlog, fds, claim, map, file } = value;
  return [asked, name, address, mode].every((each) =>
    typeof each === "string"
  ) && isCount(backlog) && Array.isArray(fds) && fds.length > 0 &&
    fds.every(isCount) && (claim === undefined || isCount(claim)) &&
    (map === undefined || isCount(map)) &&
    (file === undefined ||
      [file.path, file.dev, file.ino].every((each) =>
        typeof each === "string"
      ));
}
