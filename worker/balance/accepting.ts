/**
 * How servers of `node:net`, and what is built on it, keep the load even.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import process from "node:process";
import { takeHandles } from "../../handles/accepted.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf } from "../../core/errors.ts";
import type { Core } from "../process/worker_core.ts";
import { asSocket } from "../handoff/dispatcher.ts";
import { RUNTIME } from "../process/runtime.ts";
import { graftRefusal } from "../graft/graft.ts";
import { lookOf, yieldBy } from "./yields.ts";
import { takeHold } from "./hold.ts";

/** A server in `balanced`. */
export interface EvenServer {
  /** Where its connections come from. */
  readonly listener: InheritedListener;
  /** How many connections are open. */
  readonly open: () => number;
  /** Serves a connection that it has not accepted itself. */
  readonly take: (socket: Socket) => void;
}

/** What a server does to keep the load even. */
export interface Evenness {
  /** To be called when what accepts for it listens. */
  begin(front: Server): void;
  /** It is about to stop: what it has passed on and nobody has taken is its. */
  stop(): void;
  /** Its last connection has ended. */
  end(): void;
}

/** Keeps the load of a server even, where the pool wants that. */
export function keepEven(core: Core, even: EvenServer): Evenness | undefined {
  const { balancer, passing } = core;
  if (balancer === undefined) return undefined;
  let count: Disposable | undefined;
  let letGo: (() => void) | undefined;
  return {
    begin(front) {
      if (RUNTIME.acceptsOneByOne || !passOn(front, even, core)) {
        front.on("connection", () => balancer.accepted(1));
        letGo = yieldFrom(front, even);
      }
      if (letGo === undefined) count = balancer.count(even.open);
    },
    stop() {
      passing?.takeBack();
      letGo?.();
      letGo = undefined;
    },
    end: () => count?.[Symbol.dispose](),
  };
}

/** Passes on what others should have; false where no handles are shown. */
function passOn(
  front: Server,
  { listener, take }: EvenServer,
  { balancer, passing }: Core,
): boolean {
  const serve = (handle: object): void => {
    const socket = asSocket(handle);
    if (socket === undefined) return;
    take(socket);
    balancer?.accepted(1);
  };
  return takeHandles(front, {
    wants: () => passing !== undefined && balancer?.isOver() === true,
    // Not before: the row of a worker that now burns CPU has to show it.
    left: () => balancer?.accepted(1),
    take: (handle) =>
      passing?.pass({
        listener: listener.name,
        handle,
        close: () => handle.close(),
        serve: () => serve(handle),
      }),
  });
}

/**
 * Lets others go first where connections cannot be passed on; undefined where
 * that is not possible either. Returns what gives the server its socket back.
 */
function yieldFrom(
  front: Server,
  { listener, open }: EvenServer,
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
    const hold = takeHold(socket);
    const yielding = yieldBy(listener, hold, socket, open);
    // After those that count it.
    front.on("connection", look);
    return () => {
      front.off("connection", look);
      yielding.quiesce();
      hold.end();
    };
  } catch (error) {
    process.stderr.write(
      `connections of "${listener.name}" are shared and not balanced: ${
        messageOf(error)
      }\n`,
    );
    return undefined;
  }
}
