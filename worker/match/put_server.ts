/**
 * Puts a server on the listeners that its program means.
 *
 * @module
 */

import type { Server } from "node:net";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf, missingIn, PreforkError } from "../../core/errors.ts";
import { servingOf } from "../inherit.ts";
import type { Place } from "../listening/acceptors.ts";
import { feedProbe } from "../listening/probe.ts";
import { giveBack, reserve, starting } from "../listening/reservation.ts";
import { refChannel } from "../process/channel.ts";
import { refuse } from "../process/permission.ts";
import { kindOf, type ServerKind } from "../process/server_kind.ts";
import type { Attachment, Core } from "../process/worker_core.ts";
import { type Claimant, claimsOf } from "./claims.ts";
import { freeListener, type PoolMatch } from "./match.ts";
import { asSystemError } from "./system_error.ts";
import type { Wanted } from "./wanted.ts";

/** Where a server is to be put. */
export type Target =
  /** On a listener that it names, or that is opened for it. */
  | {
    readonly kind: "meant";
    readonly listener: InheritedListener | Promise<InheritedListener>;
    readonly wanted: Wanted | undefined;
  }
  /** On what nobody names; if there is nothing, at an address of its own. */
  | {
    readonly kind: "claim";
    /** What it may get. */
    readonly listener: InheritedListener;
    readonly wanted: Wanted;
    /** True when it is to be at its own address at once. */
    readonly atOnce: boolean;
    /** Opens its own address, or says where this process is to bind it. */
    readonly own: () => Place | Promise<InheritedListener>;
  };

/**
 * Where a server is to be put that may have a listener of the pool.
 *
 * @param own opens the address that it wants, for a claim that gets none
 */
export function targetOf(
  match: PoolMatch,
  wanted: Wanted,
  own: () => Place | Promise<InheritedListener>,
): Target {
  const { listener } = match;
  return match.kind === "inherited"
    ? { kind: "meant", listener, wanted }
    : { kind: "claim", listener, wanted, atOnce: match.own, own };
}

/**
 * Has a server of `node:net` or of what is built on it serve listeners, and
 * resolves once it has said that it listens. They are free again as soon as the
 * program closes the server.
 *
 * @param ended called when the server that the program has closed has ended
 * @throws {PreforkError} why it cannot, which the supervisor was told as well
 */
export async function putServer(
  core: Core,
  server: Server,
  kind: ServerKind,
  target: Target,
  ended: () => void = () => {},
): Promise<void> {
  const { listeners } = core.worker;
  const claims = claimsOf(core);
  const held = new Map<string, InheritedListener>();
  const attached: Attachment[] = [];
  let hears = isHeard(server);
  const atOnce = target.kind === "claim" && target.atOnce;
  const first = atOnce || target.listener instanceof Promise
    ? undefined
    : target.listener;
  const serving = servingOf(
    server,
    kind,
    {
      left(spent) {
        claims.remove(claimant);
        for (const listener of held.values()) {
          freeListener(core, listener, spent && listener.fds.length > 0);
        }
        held.clear();
      },
      ended() {
        for (const each of attached) core.detach(each);
        ended();
      },
    },
    first,
    listeners.size > 1,
  );
  // What prefork itself has to hear of, it does by now.
  const heard = hears ? undefined : untilHeard(server);

  const serve = async (listener: InheritedListener): Promise<void> => {
    const { name } = listener;
    const reservation = reserve(core, listener);
    held.set(name, listener);
    claims.hold(listener, claimant);
    const fail = (error: unknown): never => {
      held.delete(name);
      throw reservation.fail(error);
    };
    const accept = async (): Promise<void> => {
      // It may have been closed, or have lost the listener to another one.
      if (serving.closed || held.get(name) !== listener) return;
      const attachment = await starting(core, serving.serve(listener))
        .catch(fail);
      attached.push(attachment);
      // The program may have closed it as soon as it said that it listens.
      if (held.get(name) === listener) reservation.serve(attachment);
      else core.attach(attachment, undefined);
    };
    if (!hears || core.standby) {
      await serving.hold(listener).catch(fail);
      await heard;
    }
    if (core.standby) {
      reservation.hold(accept, { probe: feedProbe(server, kind) });
    } else await accept();
  };
  const serveOpened = async (
    opening: Promise<InheritedListener>,
  ): Promise<void> => {
    serving.expect();
    const listener = await opening.catch((error: unknown): never => {
      serving.abandon();
      throw error;
    });
    if (serving.closed) return giveBack(core, listener);
    await serve(listener).catch((error: unknown): never => {
      giveBack(core, listener);
      throw error;
    });
  };
  const goHome = async (own: Place | Promise<InheritedListener>) => {
    if (own instanceof Promise) return await serveOpened(own);
    const attachment = await starting(core, serving.bind(own));
    attached.push(attachment);
    core.attach(attachment, undefined);
  };

  const tell = (error: unknown): void => tellServer(server, error);

  // A server that listens keeps the process alive, also where it does not accept.
  refChannel();
  let isHome = target.kind === "meant";
  const claimant: Claimant = {
    wanted: target.wanted ?? { kind: "tcp", host: undefined, port: 0 },
    named: target.kind === "meant",
    hears: () => hears,
    serve: (listener) => void serve(listener).catch(tell),
    names: (listener) =>
      target.kind === "meant" && target.listener === listener,
    cede(listener) {
      if (!serving.cede(listener)) return false;
      held.delete(listener.name);
      return true;
    },
    settleDown() {
      if (isHome || target.kind === "meant") return;
      isHome = true;
      goHome(target.own()).catch(tell);
    },
  };
  void heard?.then(() => {
    hears = true;
    claims.touch();
  });
  if (target.kind === "meant") {
    const { listener } = target;
    if (listener instanceof Promise) return await serveOpened(listener);
    claims.add(claimant);
    if (!hears && core.attachments.has(listener.name)) {
      // It takes nothing from another server before it means it.
      await serving.hold(listener);
      await heard;
      if (serving.closed) return;
      claims.takeBack(listener);
    }
    return await serve(listener);
  }
  claims.add(claimant);
  if (!atOnce) return await serving.hold(target.listener);
  isHome = true;
  await goHome(target.own());
}

/**
 * Tells a server that it cannot listen; without a listener for it the process
 * has to end, as it does without a pool. What a program can do nothing about is
 * said in one sentence then, and not as a stack.
 */
export function tellServer(server: Server, error: unknown): void {
  const cause = error instanceof PreforkError ? error.cause : undefined;
  if (server.listenerCount("error") > 0 || missingIn(cause) === undefined) {
    server.emit("error", asSystemError(error));
  } else void refuse(messageOf(error));
}

/**
 * False for a server that only looks whether a port is free: nobody would hear
 * of its connections. Those of `node:http` hear of them themselves.
 */
export function isHeard(server: Server): boolean {
  return kindOf(server) !== "net" || server.listenerCount("connection") > 0;
}

/** Resolves when something hears of the connections of a server. */
function untilHeard(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const hear = (event: string | symbol): void => {
      if (event !== "connection") return;
      server.off("newListener", hear);
      // It is added after this event.
      queueMicrotask(resolve);
    };
    server.on("newListener", hear);
  });
}
