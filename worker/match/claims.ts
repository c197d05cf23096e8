/**
 * Which server of a program gets the listeners that none of them names.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import { parseListener } from "../../core/options/address.ts";
import { isDatagram } from "../../core/options/dgram.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { isLearning } from "../listening/learning.ts";
import type { Core } from "../process/worker_core.ts";
import { warnElsewhere } from "./warn.ts";
import { formatWanted, isAnyPort, type Wanted } from "./wanted.ts";

/**
 * A program has settled when it has not called a `listen()` or closed a server
 * for so long, in ms. Until then a server that names none of the pool's
 * listeners accepts nothing: another one may name them.
 */
const SETTLE_MS = 200;

/** So many addresses are remembered, to be named in an error. */
const MAX_HEARD = 4;

/** A server of the program that can serve listeners of the pool. */
export interface Claimant {
  /** Where it wants to listen. */
  readonly wanted: Wanted;
  /** True when that is the address of one of the pool's listeners. */
  readonly named: boolean;
  /** False while nobody would hear of its connections. */
  hears(): boolean;
  /** Serves a listener, or one more. Never throws. */
  serve(listener: InheritedListener): void;
  /** True when this listener has its address. */
  names(listener: InheritedListener): boolean;
  /** Gives a listener up; false when it cannot. */
  cede(listener: InheritedListener): boolean;
  /** Listens where it wants to, unless it does. Never throws. */
  settleDown(): void;
}

/** The claims of a program's servers. */
export interface Claims {
  /** Where the program's servers want to listen, as the command takes it. */
  readonly heard: readonly string[];
  /** A server wants to listen. */
  hear(wanted: Wanted): void;
  /** True while a server may get what nobody names. */
  readonly pending: boolean;
  /** True when one has claimed it already by a port or a path. */
  readonly claimed: boolean;
  /** A server listens. */
  add(claimant: Claimant): void;
  /** It is closed. */
  remove(claimant: Claimant): void;
  /** A claimant serves a listener from now on. */
  hold(listener: InheritedListener, claimant: Claimant): void;
  /** True when a listener is served by one that does not name it. */
  isGuess(listener: InheritedListener): boolean;
  /**
   * Takes a listener back from a server that does not name it, for one that
   * does; false when there is none, or it cannot give it up.
   */
  takeBack(listener: InheritedListener): boolean;
  /** The program has settled. */
  readonly settle: () => void;
  /** The program goes on: what it is to be judged by has changed. */
  touch(): void;
}

const claimsOfCore = new WeakMap<Core, Claims>();

/** The claims of this process. */
export function claimsOf(core: Core): Claims {
  let claims = claimsOfCore.get(core);
  if (claims === undefined) claimsOfCore.set(core, claims = createClaims(core));
  return claims;
}

/** True once a listener of the pool is served, or about to be. */
export function isServed(core: Core): boolean {
  if (isLearning(core)) return core.attachments.size > 0;
  return claimsOf(core).pending ||
    unservedOf(core).length < streamsOf(core).length;
}

/** The listeners of the pool that servers can have: those of connections. */
export function streamsOf(
  { worker }: { readonly worker: Pick<Core["worker"], "listeners"> },
): InheritedListener[] {
  return [...worker.listeners.values()].filter((each) => !isDatagram(each));
}

/** Those of them that no server serves, or is about to. */
export function unservedOf(
  core: Pick<Core, "worker" | "attachments">,
): InheritedListener[] {
  return streamsOf(core).filter(({ name }) => !core.attachments.has(name));
}

/**
 * True when a server may get a listener that it does not name. A path never
 * gets one of TCP: tools open sockets of their own beside a server's.
 */
export function mayClaim(wanted: Wanted, listener: InheritedListener): boolean {
  return wanted.kind === "tcp" || isLike(wanted, listener);
}

/** True for two ports, or two paths. */
export function isLike(
  wanted: Wanted,
  { address }: InheritedListener,
): boolean {
  return parseListener(address).address.kind === wanted.kind;
}

function createClaims(core: Core): Claims {
  const all = new Set<Claimant>();
  const held = new Map<string, Claimant>();
  const heard = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const unnamed = (): Claimant[] =>
    [...all].filter(({ named, hears }) => !named && hears())
      // Whoever asks for any port may mean one of its own.
      .sort((a, b) =>
        Number(isAnyPort(a.wanted)) - Number(isAnyPort(b.wanted))
      );
  const claimantFor = (listener: InheritedListener): Claimant | undefined => {
    const claimant = unnamed().find(({ wanted }) => mayClaim(wanted, listener));
    const [only, ...others] = [...all].filter(({ named, hears }) =>
      named && hears()
    );
    return claimant ?? (others.length === 0 ? only : undefined);
  };
  const hasNone = (claimant: Claimant): boolean =>
    ![...held.values()].includes(claimant);
  const settle = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (core.worker.draining.aborted) return;
    for (const listener of unservedOf(core)) {
      const claimant = claimantFor(listener);
      if (claimant?.named === false) {
        warnElsewhere(core, claimant.wanted, listener);
      }
      claimant?.serve(listener);
    }
    for (const claimant of unnamed()) {
      if (hasNone(claimant)) claimant.settleDown();
    }
  };
  const touch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(settle, SETTLE_MS);
  };

  return {
    get heard() {
      return [...heard];
    },
    hear(wanted) {
      if (heard.size < MAX_HEARD) heard.add(formatWanted(wanted));
    },
    get pending() {
      return timer !== undefined;
    },
    get claimed() {
      return [...all].some(({ named, wanted }) => !named && !isAnyPort(wanted));
    },
    add(claimant) {
      all.add(claimant);
      touch();
    },
    remove(claimant) {
      all.delete(claimant);
      for (const [name, holder] of held) {
        if (holder === claimant) held.delete(name);
      }
      touch();
    },
    hold({ name }, claimant) {
      held.set(name, claimant);
      // Nothing is left to be claimed.
      if (unservedOf(core).length === 0) queueMicrotask(settle);
    },
    isGuess(listener) {
      return held.get(listener.name)?.names(listener) === false;
    },
    takeBack(listener) {
      const holder = held.get(listener.name);
      if (
        holder === undefined || holder.names(listener) ||
        !holder.cede(listener)
      ) return false;
      held.delete(listener.name);
      core.attachments.delete(listener.name);
      if (!holder.named && hasNone(holder)) holder.settleDown();
      return true;
    },
    settle,
    touch,
  };
}
