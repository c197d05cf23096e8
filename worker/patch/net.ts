/**
 * Has `listen()` of `node:net`, `tls`, `http`, `https` and `http2` servers mean
 * the pool's listeners.
 *
 * @module
 */

import net from "node:net";
import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { DEFAULT_BACKLOG } from "../../core/options/address.ts";
import { bypass, isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { RUNTIME } from "../process/runtime.ts";
import { kindOf } from "../process/server_kind.ts";
import { matchListener, matchSocket } from "../match/match.ts";
import {
  isHeard,
  putServer,
  type Target,
  targetOf,
  tellServer,
} from "../match/put_server.ts";
import { warnDefaultPort } from "../match/warn.ts";
import { defaultAddress } from "../listening/address.ts";
import { isLearning } from "../listening/learning.ts";
import {
  type ListenRequest,
  readListenArguments,
} from "../match/listen_arguments.ts";
import { openAddress, ownPlaceOf } from "../match/open.ts";
import type { Settings } from "../match/settings.ts";

type Listen = (this: net.Server, ...args: unknown[]) => net.Server;

/**
 * Replaces `listen()`. On Node and Deno the one of `net.Server`, which all
 * kinds inherit or call (Deno 2.9.5); on Bun each kind has its own.
 */
export function patchNet(core: Core, settings: Settings): void {
  // A server whose start or end is under way; the runtime itself knows of the
  // ones that listen themselves only.
  const busy = new WeakSet<net.Server>();
  for (const prototype of prototypes()) {
    if (!Object.hasOwn(prototype, "listen")) continue;
    const original = prototype.listen as Listen;
    const listen: Listen = function (...args) {
      const leave = (): net.Server => bypass(() => original.apply(this, args));
      if (isBypassed()) return original.apply(this, args);
      const request = readListenArguments(args);
      if (request === undefined) return leave();
      if (busy.has(this) || this.listening) throw listensAlready();
      let target: Target | Promise<never> | undefined;
      try {
        target = targetOfRequest(core, settings, request, isHeard(this));
      } catch (error) {
        target = Promise.reject(error);
      }
      if (target === undefined) return leave();
      busy.add(this);
      startServer(core, this, request, target, () => busy.delete(this));
      return this;
    };
    // Its own length and name, as a look at it would show.
    Object.defineProperty(listen, "name", { value: "listen" });
    prototype.listen = listen;
  }
}

/** Where `listen()` may be. What need not be loaded is not. */
function prototypes(): { listen?: unknown }[] {
  if (RUNTIME.name !== "bun") return [net.Server.prototype];
  const others = ["node:tls", "node:http", "node:https"] as const;
  return [net.Server.prototype, ...others.map(prototypeOf)];
}

function prototypeOf(
  name: "node:tls" | "node:http" | "node:https",
): { listen?: unknown } {
  return process.getBuiltinModule(name).Server.prototype;
}

/** Where it is to be put; undefined for what is the program's own. */
function targetOfRequest(
  core: Core,
  { privatePorts, wrapped }: Settings,
  request: ListenRequest,
  heard: boolean,
): Target | undefined {
  const { wanted, alone: asked, backlog = DEFAULT_BACKLOG, ipv6Only } = request;
  if (wanted.kind === "fd" && isLearning(core)) {
    warnDefaultPort(core, "listen({ fd })");
    const listener = core.open(defaultAddress(), 0);
    return { kind: "meant", listener, wanted: undefined };
  }
  if (wanted.kind === "fd") {
    const listener = matchSocket(core, wanted);
    return listener && { kind: "meant", listener, wanted: undefined };
  }
  // Tools that stand before the program talk to it by a socket of their own.
  const tool = wrapped && wanted.kind === "unix";
  if (tool && isLearning(core)) return undefined;
  const alone = asked || tool;
  const match = matchListener(core, wanted, privatePorts || alone, heard);
  const open = (): Promise<InheritedListener> =>
    openAddress(core, { ...request, wanted });
  switch (match.kind) {
    case "inherited":
      return targetOf(match, wanted, open);
    case "foreign":
      return { kind: "meant", listener: open(), wanted };
    case "claim":
      return targetOf(
        match,
        wanted,
        match.private ? () => ownPlaceOf(wanted, { backlog, ipv6Only }) : open,
      );
    case "private":
      return undefined;
  }
}

/** Puts a server where it is meant to be, as far as that goes at once: now. */
function startServer(
  core: Core,
  server: net.Server,
  { signal, callback }: ListenRequest,
  target: Target | Promise<never>,
  free: () => void,
): void {
  if (callback !== undefined) server.once("listening", callback);
  let heard = false;
  const hear = (): void => void (heard = true);
  server.prependOnceListener("error", hear);
  const fail = (error: unknown): void => {
    free();
    server.off("error", hear);
    if (callback !== undefined) server.off("listening", callback);
    // The program has seen what its server told; without a listener for it
    // the process has to end, as it does without a pool.
    if (heard && server.listenerCount("error") > 0) return;
    process.nextTick(() => tellServer(server, error));
  };
  const done = target instanceof Promise
    ? target
    : putServer(core, server, kindOf(server), target, free);
  done.then(
    () => void server.off("error", hear),
    fail,
  );
  if (signal === undefined) return;
  const close = (): void => void server.close();
  if (signal.aborted) process.nextTick(close);
  else signal.addEventListener("abort", close, { once: true });
}

function listensAlready(): Error {
  // The words and the code of Node.
  return Object.assign(
    new Error(
      "Listen method has been called more than once without closing.",
    ),
    { code: "ERR_SERVER_ALREADY_LISTEN" },
  );
}
