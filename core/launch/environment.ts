/**
 * The environment variables that tell a worker where it is and what it
 * inherited. `docs/PROTOCOL.md` lists them for other languages.
 *
 * @module
 */

import type { ShareMode } from "../adapter.ts";
import type { Seat } from "../balance/scoreboard.ts";
import { isNginxList } from "../inherited/names.ts";
import {
  areFeatures,
  type ListenerFeatures,
} from "../options/listener_features.ts";
import { isCount, PROTOCOL_VERSION } from "../protocol.ts";

/**
 * Protocols by which a process finds the sockets that it has inherited: a name
 * in one of them is its own matter and no other process'.
 */
const OWN_VARIABLE =
  /^(PREFORK_|SERVER_STARTER_|LISTEN_(PID|PIDFDID|FDS|FDNAMES)$|EINHORN_(MASTER_PID|CHILD_INDEX|SOCK_|FD_)|FPM_SOCKETS$)/;

/** True for a variable that is about the place of one process alone. */
export function isOwnVariable(name: string, value: string): boolean {
  return name === "NGINX" ? isNginxList(value) : OWN_VARIABLE.test(name);
}

/** One listener as a worker sees it. */
export interface InheritedListener extends ListenerFeatures {
  /** The name that the user gave it, or its address. */
  readonly name: string;
  /** The real address, as `formatAddress` writes it. */
  readonly address: string;
  /** How it is shared. */
  readonly mode: ShareMode;
  /** The length of the accept queue, for listen(2). */
  readonly backlog: number;
  /** True to leave IPv4 out on an IPv6 address, in `reuseport`. */
  readonly ipv6Only: boolean;
  /**
   * The inherited sockets: one in `balanced` and `shared`, one per shard in
   * `sharded`, none in `reuseport` and `handoff`.
   */
  readonly fds: readonly number[];
  /**
   * In `handoff` what ties a client to a worker, if anything does: `address`,
   * `cookie:NAME` or `query:NAME`.
   */
  readonly sticky?: string;
  /** In `sharded`: which of {@linkcode InheritedListener.fds} is the own one. */
  readonly shard: number;
}

/**
 * The generation of a start that is to show where the program listens: that of
 * no worker.
 */
export const LEARNING = 0;

/** What a worker inherited. */
export interface Inheritance {
  /** The stable number of its place in the pool, from 0. */
  readonly slot: number;
  /** The generation it belongs to, from 1, or {@linkcode LEARNING}. */
  readonly generation: number;
  /** Its listeners. */
  readonly listeners: readonly InheritedListener[];
  /** True for one that is not to accept before it is told to take over a slot. */
  readonly standby?: boolean;
  /** The variable of the slot unless it is {@linkcode SLOT_VARIABLE}. */
  readonly slotVariable?: string | undefined;
  /** How many requests it may begin before it says "spent", if it counts. */
  readonly requests?: number;
  /**
   * How long its event loop may stand still before a thread tells the stack, in
   * ms; unless given there is no such thread.
   */
  readonly stackAfter?: number;
  /**
   * In a pool with listeners in `balanced`, or with shards that the kernel chooses
   * among by load: where that is written.
   */
  readonly seat?: Seat;
}

/** The names of the variables. */
export const ENV = {
  /** The version of the protocol. */
  protocol: "PREFORK_PROTOCOL",
  /** The slot. */
  slot: "PREFORK_SLOT",
  /** The generation. */
  generation: "PREFORK_GENERATION",
  /** How many requests it may begin before it says "spent". */
  requests: "PREFORK_MAX_REQUESTS",
  /** How long its event loop may stand still before its stack is told. */
  stackAfter: "PREFORK_STACK_AFTER",
  /** 1 for a standby. */
  standby: "PREFORK_STANDBY",
  /** On a standby: the variable of the slot, where that is not the usual one. */
  slotVariable: "PREFORK_SLOT_VARIABLE",
  /** The listeners, as JSON. */
  listeners: "PREFORK_LISTENERS",
  /** The place on the scoreboard, as JSON; only where there is one. */
  seat: "PREFORK_SEAT",
} as const;

/** The variable in which programs look for the slot by habit: PM2 has named it. */
export const SLOT_VARIABLE = "NODE_APP_INSTANCE";

/** The variable that tells the preloaded part what the user asked for: JSON. */
export const PRELOAD_VARIABLE = "PREFORK_PRELOAD";

/**
 * Writes the variables of a worker. Programs in other languages have others
 * beside them: `inherited.ts`.
 */
export function encodeInheritance(
  inheritance: Inheritance,
): Record<string, string> {
  return {
    [ENV.protocol]: String(PROTOCOL_VERSION),
    [ENV.slot]: String(inheritance.slot),
    [ENV.generation]: String(inheritance.generation),
    ...(inheritance.requests !== undefined && {
      [ENV.requests]: String(inheritance.requests),
    }),
    ...(inheritance.stackAfter !== undefined && {
      [ENV.stackAfter]: String(inheritance.stackAfter),
    }),
    ...(inheritance.standby === true && {
      [ENV.standby]: "1",
      ...(inheritance.slotVariable !== undefined && {
        [ENV.slotVariable]: inheritance.slotVariable,
      }),
    }),
    [ENV.listeners]: JSON.stringify(inheritance.listeners),
    ...(inheritance.seat !== undefined && {
      [ENV.seat]: JSON.stringify(inheritance.seat),
    }),
  };
}

/**
 * Reads the variables of a worker, or undefined when there are none: the
 * process was started by hand.
 *
 * @throws {TypeError} when they are there but cannot be understood
 */
export function decodeInheritance(
  env: Readonly<Record<string, string | undefined>>,
): Inheritance | undefined {
  const version = env[ENV.protocol];
  if (version === undefined) return undefined;
  if (version !== String(PROTOCOL_VERSION)) {
    throw new TypeError(
      `Cannot attach to the supervisor: it speaks protocol ${version} and this worker ${PROTOCOL_VERSION}, install the same version of prefork for both`,
    );
  }
  const slot = countIn(env[ENV.slot]);
  const generation = countIn(env[ENV.generation]);
  const listeners = jsonIn(env[ENV.listeners]);
  const requests = countIn(env[ENV.requests]);
  const stackAfter = countIn(env[ENV.stackAfter]);
  const seat = env[ENV.seat] === undefined ? undefined : jsonIn(env[ENV.seat]);
  if (
    !isCount(slot) || !isCount(generation) || !Array.isArray(listeners) ||
    !listeners.every(isListener) ||
    !(env[ENV.seat] === undefined || isSeat(seat))
  ) {
    throw new TypeError(
      `Cannot attach to the supervisor: ${ENV.slot}, ${ENV.generation}, ${ENV.listeners} or ${ENV.seat} is damaged, start the worker through a pool or unset ${ENV.protocol}`,
    );
  }
  return {
    slot,
    generation,
    listeners,
    ...(isCount(requests) && { requests }),
    ...(isCount(stackAfter) && { stackAfter }),
    ...(env[ENV.standby] === "1" && { standby: true }),
    ...(seat !== undefined && { seat: seat as Seat }),
  };
}

function jsonIn(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

function isSeat(value: unknown): value is Seat {
  if (typeof value !== "object" || value === null) return false;
  const { fd, seat, weight, passes, helps, steer, rebalance } = value as Record<
    string,
    unknown
  >;
  return isCount(fd) && isCount(seat) && typeof weight === "number" &&
    weight > 0 && typeof passes === "boolean" &&
    (helps === undefined || typeof helps === "boolean") &&
    (rebalance === undefined || typeof rebalance === "string") &&
    (steer === undefined || isSteerSeat(steer));
}

function isSteerSeat(value: unknown): boolean {
  const { fd, slots } = value as Record<string, unknown>;
  return isCount(fd) && isCount(slots);
}

function countIn(text: string | undefined): number {
  return /^\d+$/.test(text ?? "") ? Number(text) : NaN;
}

function isListener(value: unknown): value is InheritedListener {
  if (typeof value !== "object" || value === null) return false;
  const { name, address, mode, backlog, ipv6Only, fds, shard, sticky } =
    value as Record<string, unknown>;
  return typeof name === "string" && typeof address === "string" &&
    typeof mode === "string" && isCount(backlog) &&
    typeof ipv6Only === "boolean" && Array.isArray(fds) &&
    fds.every(isCount) && isCount(shard) &&
    (sticky === undefined || typeof sticky === "string") &&
    areFeatures(value as Record<string, unknown>);
}
