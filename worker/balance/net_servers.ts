/**
 * How servers of `node:net`, and what is built on it, keep the load even.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import { takeHandles } from "../../handles/accepted.ts";
import type { AcceptedHandle } from "../../handles/types.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Core } from "../process/worker_core.ts";
import { asSocket } from "../handoff/dispatcher.ts";
import { RUNTIME } from "../process/runtime.ts";
import { graftRefusal } from "../graft/graft.ts";
import { lookOf, warnUnbalanced, yieldBy } from "./native_servers.ts";
import { shareSwitch } from "../graft/accept_switch.ts";
import {
  type Arrival,
  type ConnectionLimit,
  watchFull,
} from "../listening/limit.ts";
import type { Balancer, Unread } from "../process/balancing.ts";

/** A server in `balanced`. */
export interface BalancedServer {
  /** Where its connections come from. */
  readonly listener: InheritedListener;
  /** How many connections are open. */
  readonly open: () => number;
  /** Serves a connection that it has not accepted itself. */
  readonly take: (socket: Socket) => void;
  /** How many it may hold. */
  readonly limit: ConnectionLimit;
}

/** What a server does to keep the load even. */
export interface ServerBalance {
  /**
   * To be called when what accepts for it listens.
   *
   * @param own true where that is the server itself
   */
  begin(acceptor: Server, own: boolean): void;
  /**
   * Keeps a connection that was passed on to a server which has become full
   * meanwhile, until it has room or another one has; false where it has room.
   */
  defer(handle: AcceptedHandle): boolean;
  /** It is about to stop: what it has passed on and nobody has taken is its. */
  stop(): void;
  /** Its last connection has ended. */
  end(): void;
}

/** Keeps the load of a server even, where the pool wants that. */
export function balanceNetServer(
  core: Core,
  server: BalancedServer,
): ServerBalance | undefined {
  const { balancer, passing } = core;
  if (balancer === undefined) return undefined;
  let count: Disposable | undefined;
  let letGo: (() => void) | undefined;
  let watching: Disposable | undefined;
  let accepts = false;
  const { limit, listener } = server;
  return {
    begin(acceptor, own) {
      watching ??= watchFull(limit, balancer.full);
      if (listener.mode !== "balanced") {
        // The kernel has chosen. One that accepts itself is shown what others
        // accept for it.
        if (!accepts) acceptor.on("connection", counting(balancer));
        accepts ||= own;
      } else if (
        RUNTIME.acceptsOneByOne || !passHandlesOn(acceptor, server, core)
      ) {
        acceptor.on("connection", () => balancer.accepted(1));
        letGo = yieldFrom(acceptor, server);
      }
      if (letGo === undefined) count ??= balancer.count(server.open);
    },
    defer(handle) {
      if (passing === undefined || !limit.isReached()) return false;
      limit.admit(arrivalOf(handle, server, core, balancer.tookOver));
      return true;
    },
    stop() {
      passing?.takeBack();
      letGo?.();
      letGo = undefined;
      watching?.[Symbol.dispose]();
    },
    end: () => count?.[Symbol.dispose](),
  };
}

/** Counts connections; where the kernel goes by them it is told of their end. */
function counting(balancer: Balancer): (socket: Socket) => void {
  if (!balancer.steers) return () => balancer.accepted(1);
  return (socket) => {
    balancer.accepted(1, true);
    socket.once("close", balancer.ended);
  };
}

/** Passes on what others should have; false where no handles are shown. */
function passHandlesOn(
  acceptor: Server,
  server: BalancedServer,
  core: Core,
): boolean {
  const { limit } = server;
  const { balancer, passing } = core;
  const isOver = (): boolean =>
    passing !== undefined && balancer?.isOver() === true;
  const accepted = (): void => balancer?.accepted(1);
  return takeHandles(acceptor, {
    wants: () => limit.isReached() || isOver(),
    // Not before: the row of a worker that now burns CPU has to show it.
    left: accepted,
    take(handle) {
      const arrival = arrivalOf(handle, server, core, accepted);
      if (limit.isReached()) limit.admit(arrival);
      else passing?.pass(arrival.unread);
    },
  });
}

/**
 * A connection that others may have as long as the server has not got it.
 *
 * @param counted called once the server has it
 */
function arrivalOf(
  handle: AcceptedHandle,
  { listener, take, limit }: BalancedServer,
  { balancer, passing }: Core,
  counted: () => void,
): Arrival & { readonly unread: Unread } {
  const unread: Unread = {
    listener: listener.name,
    handle,
    close: () => handle.close(),
    serve: () => limit.admit(arrival),
    isFull: limit.isFull,
  };
  const arrival = {
    unread,
    serve() {
      const socket = asSocket(handle);
      if (socket === undefined) return;
      take(socket);
      counted();
    },
    socket: () => asSocket(handle),
    pass() {
      if (balancer?.othersTake() !== true) return false;
      passing?.pass(unread);
      return passing !== undefined;
    },
  };
  return arrival;
}

/**
 * Lets others go first where connections cannot be passed on; undefined where
 * that is not possible either. Returns what gives the server its socket back.
 */
function yieldFrom(
  acceptor: Server,
  { listener, open }: BalancedServer,
): (() => void) | undefined {
  try {
    const socket = listener.fds[listener.shard];
    const look = lookOf(listener);
    if (socket === undefined || look === undefined) return undefined;
    if (!RUNTIME.acceptsOneByOne) {
      throw new Error(`this version of ${RUNTIME.name} shows no handles`);
    }
    const refusal = graftRefusal();
    if (refusal !== undefined) throw new Error(refusal.reason);
    const accepting = shareSwitch(socket);
    const yielding = yieldBy(listener, accepting, socket, open);
    // After those that count it.
    acceptor.on("connection", look);
    return () => {
      acceptor.off("connection", look);
      yielding.quiesce();
      accepting.end();
    };
  } catch (error) {
    warnUnbalanced(error, listener.name);
    return undefined;
  }
}
