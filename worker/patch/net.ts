/**
 * Has `listen()` of `node:net`, `tls`, `http`, `https` and `http2` servers mean
 * the pool's listeners.
 *
 * @module
 */

import net from "node:net";
import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { bypass, isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { RUNTIME } from "../process/runtime.ts";
import { kindOf } from "../process/server_kind.ts";
import { matchListener, matchSocket } from "../match/match.ts";
import { putServer } from "../match/put_server.ts";
import { isLearning } from "../listening/learning.ts";
import { asSystemError } from "../match/system_error.ts";
import {
  type ListenRequest,
  readListenArguments,
} from "../match/listen_arguments.ts";
import { openAddress } from "../match/open.ts";
import type { Settings } from "../match/settings.ts";

type Listen = (this: net.Server, ...args: unknown[]) => net.Server;

/** Where an inherited listener comes from: the environment or the supervisor. */
type Source = () => InheritedListener | Promise<InheritedListener>;

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
      const source = listenerSource(core, settings, request);
      if (source === undefined) return leave();
      busy.add(this);
      startServer(core, this, request, source, () => busy.delete(this));
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

/** Where the listener comes from; undefined for one of the program's own. */
function listenerSource(
  core: Core,
  { privatePorts, wrapped }: Settings,
  request: ListenRequest,
): Source | undefined {
  const { wanted, alone: asked } = request;
  // Tools that stand before the program talk to it by a socket of their own.
  const tool = wrapped && wanted.kind === "unix";
  if (tool && isLearning(core)) return undefined;
  const alone = asked || tool;
  try {
    if (wanted.kind === "fd") {
      const own = matchSocket(core, wanted);
      return own && (() => own);
    }
    const found = matchListener(core, wanted, privatePorts || alone);
    if (found.kind === "inherited") return () => found.listener;
    return found.kind === "private"
      ? undefined
      : () => openAddress(core, { ...request, wanted });
  } catch (error) {
    return () => Promise.reject(error);
  }
}

/** Puts a server on the listener, as far as that goes at once: now. */
function startServer(
  core: Core,
  server: net.Server,
  { signal, callback }: ListenRequest,
  source: Source,
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
    process.nextTick(() => server.emit("error", error));
  };
  const put = async (listener: InheritedListener): Promise<void> => {
    await putServer(core, server, kindOf(server), listener, free);
    server.off("error", hear);
  };
  try {
    const listener = source();
    const done = listener instanceof Promise
      ? listener.then(put)
      : put(listener);
    done.catch((error: unknown) => fail(asSystemError(error)));
  } catch (error) {
    fail(asSystemError(error));
  }
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
