/**
 * Which listener of the pool a program means that knows nothing of pools.
 *
 * @module
 */

import { type Address, parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { PreforkError } from "../../core/errors.ts";
import type { Core } from "../process/worker_core.ts";
import { isLearning } from "../listening/learning.ts";
import { warnElsewhere } from "./warn.ts";
import { formatWanted, type OpenSocket, type Wanted } from "./wanted.ts";

/** Whose address it is. */
export type Match =
  /** The pool's: this listener is meant. */
  | { readonly kind: "inherited"; readonly listener: InheritedListener }
  /** The program's own; the user asked to leave such addresses alone. */
  | { readonly kind: "private" }
  /** Nobody's yet: the supervisor has to open it. */
  | { readonly kind: "foreign" };

/** What got a listener of the pool without having asked for its address. */
const guesses = new WeakMap<Core, Map<string, Wanted>>();

/** The listeners whose socket went away with the server that had it. */
const spent = new WeakMap<Core, Set<string>>();

/**
 * A program has closed the server of a listener, which is free again unless
 * its socket was closed with the server.
 */
export function freeListener(
  core: Core,
  { name }: InheritedListener,
  isSpent: boolean,
): void {
  if (isSpent) spent.set(core, (spent.get(core) ?? new Set()).add(name));
  else core.attachments.delete(name);
}

/**
 * Finds the listener with the same port or path, else the only one that the
 * pool has, as long as nothing serves it. A path never gets a listener of TCP
 * that way: tools open sockets of their own beside a server's.
 *
 * @throws {PreforkError} `ERR_STATE` when something serves the listener that
 * has this very address
 */
export function matchListener(
  core: Core,
  wanted: Wanted,
  privatePorts: boolean,
): Match {
  const all = [...core.worker.listeners.values()].map((listener) => ({
    listener,
    address: parseListener(listener.address).address,
    free: !core.attachments.has(listener.name),
  }));
  const same = all.filter(({ address }) => isAt(address, wanted));
  // The same port on several hosts: the host decides if it can.
  const meant = same.find(({ address }) => isOn(address, wanted)) ??
    same.find(({ free }) => free) ?? same[0];
  if (meant?.free) {
    guesses.get(core)?.delete(meant.listener.name);
    return { kind: "inherited", listener: meant.listener };
  }
  if (meant !== undefined) throw taken(core, meant.listener);
  const [only, ...others] = all;
  if (others.length === 0 && only !== undefined && isSpent(core, only)) {
    throw taken(core, only.listener);
  }
  if (only !== undefined && others.length === 0 && only.free) {
    if (wanted.kind === "tcp" || only.address.kind === "unix") {
      const known = guesses.get(core) ?? new Map<string, Wanted>();
      guesses.set(core, known.set(only.listener.name, wanted));
      warnElsewhere(core, wanted, only.listener);
      return { kind: "inherited", listener: only.listener };
    }
  }
  // What a program keeps to itself may be what the pool is to listen on.
  return { kind: privatePorts && !isLearning(core) ? "private" : "foreign" };
}

/**
 * Finds the listener that an inherited socket belongs to; undefined for a
 * socket that is not the pool's.
 *
 * @throws {PreforkError} `ERR_STATE` when something serves it
 */
export function matchSocket(
  core: Core,
  { fd }: OpenSocket,
): InheritedListener | undefined {
  const listener = [...core.worker.listeners.values()]
    .find(({ fds }) => fds.includes(fd));
  if (listener !== undefined && core.attachments.has(listener.name)) {
    throw taken(core, listener);
  }
  return listener;
}

function isSpent(
  core: Core,
  { listener }: { readonly listener: InheritedListener },
): boolean {
  return spent.get(core)?.has(listener.name) ?? false;
}

function isAt(address: Address, wanted: Wanted): boolean {
  if (address.kind === "tcp" && wanted.kind === "tcp") {
    return address.port === wanted.port;
  }
  return address.kind === "unix" && wanted.kind === "unix" &&
    (address.abstract ? `\0${address.path}` : address.path) === wanted.path;
}

function isOn(address: Address, wanted: Wanted): boolean {
  return address.kind !== "tcp" || wanted.kind !== "tcp" ||
    address.host === (wanted.host ?? "") ||
    (address.host === "" && wanted.host === "::");
}

function taken(core: Core, listener: InheritedListener): PreforkError {
  const { name, address } = listener;
  if (isSpent(core, { listener })) {
    return new PreforkError(
      "ERR_STATE",
      `Cannot listen on "${address}" again: the program has closed the server that had it, keep that one open or end the process to get a new worker`,
    );
  }
  const guess = guesses.get(core)?.get(name);
  return new PreforkError(
    "ERR_STATE",
    guess === undefined
      ? `Cannot listen on "${address}": another server of this program has the pool's listener "${name}" already, give each server an address of its own with "-l"`
      : `Cannot listen on "${address}": the program listened on "${
        formatWanted(guess)
      }" first and got it as the pool's only listener, name both as in "-l ${address} -l ${
        formatWanted(guess)
      }"`,
  );
}
