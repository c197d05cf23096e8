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
import { claimsOf, isLike, mayClaim, streamsOf } from "./claims.ts";
import { isAnyPort, type OpenSocket, type Wanted } from "./wanted.ts";

/** Whose address it is. */
export type Match =
  /** The pool's: this listener is meant. */
  | { readonly kind: "inherited"; readonly listener: InheritedListener }
  /** Nobody's yet, but it may get this listener if no server names it. */
  | {
    readonly kind: "claim";
    readonly listener: InheritedListener;
    /** True to leave it alone where it does not get one. */
    readonly private: boolean;
    /**
     * True when it is to have an address of its own at once: it asks for any
     * port, as helpers do, and whoever is told of that has to find it.
     */
    readonly own: boolean;
  }
  /** The program's own; the user asked to leave such addresses alone. */
  | { readonly kind: "private" }
  /** Nobody's yet: the supervisor has to open it. */
  | { readonly kind: "foreign" };

/** A match that is the pool's business. */
export type PoolMatch = Extract<Match, { kind: "inherited" | "claim" }>;

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
  else core.left(name);
}

/**
 * Finds the listener with the same port or path, which is taken back from a
 * server that does not name it; else one that nobody names (`claims.ts`).
 *
 * @param takesBack false for one that only looks whether the address is free
 * @throws {PreforkError} `ERR_STATE` when a server that names this very address
 * has it
 */
export function matchListener(
  core: Core,
  wanted: Wanted,
  privatePorts: boolean,
  takesBack = true,
): Match {
  const all = streamsOf(core).map((listener) => ({
    listener,
    address: parseListener(listener.address).address,
    free: !core.attachments.has(listener.name),
  }));
  const claims = claimsOf(core);
  if (takesBack) claims.hear(wanted);
  const same = all.filter(({ address }) => isAt(address, wanted));
  // The same port on several hosts: the host decides if it can.
  const meant = same.find(({ address }) => isOn(address, wanted)) ??
    same.find(({ free }) => free) ?? same[0];
  if (meant !== undefined) {
    const { listener, free } = meant;
    if (
      free ||
      (takesBack ? claims.takeBack(listener) : claims.isGuess(listener))
    ) {
      return { kind: "inherited", listener };
    }
    throw taken(core, listener);
  }
  const free = all.filter(({ listener, free }) =>
    free && mayClaim(wanted, listener)
  ).map(({ listener }) => listener);
  const any = isAnyPort(wanted);
  // What was asked for at port 0 is what port 0 means.
  const shown = free.find((each) => any && each.anyPort === true) ??
    free.find((each) => isLike(wanted, each)) ?? free[0];
  if (shown !== undefined && !claims.claimed) {
    return {
      kind: "claim",
      listener: shown,
      private: privatePorts,
      own: any && shown.anyPort !== true,
    };
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
  return new PreforkError(
    "ERR_STATE",
    spent.get(core)?.has(name)
      ? `Cannot listen on "${address}" again: the program has closed the server that had it and its socket with it, run it on Node 26.9 or later or let it keep that server open`
      : `Cannot listen on "${address}": another server of this program has the pool's listener "${name}" already, give each server an address of its own with "-l"`,
  );
}
