/**
 * `listen()`: puts a server on the pool's listener.
 *
 * @module
 */

import type { Server } from "node:net";
import type { ShareMode } from "../core/adapter.ts";
import { PreforkError } from "../core/errors.ts";
import { type Occupant, occupantOf } from "./inherit.ts";
import { defaultAddress } from "./listening/address.ts";
import { isLearning } from "./listening/learning.ts";
import { listenStandalone, standaloneSpec } from "./listening/standalone.ts";
import { chooseListener } from "./listening/choice.ts";
import { cannotBind } from "./process/errors.ts";
import type { Core } from "./process/worker_core.ts";
import { kindOf } from "./process/server_kind.ts";
import { reserve, starting } from "./listening/reservation.ts";
import { attachedCore } from "./attach.ts";

/** Where a server listens. */
export interface ListenOptions {
  /** The name of the inherited listener; not needed when there is one only. */
  readonly name?: string | undefined;
  /**
   * Where to listen without a pool, in the forms of the command:
   * `"127.0.0.1:8080"`, `"unix:/path"`. `":$PORT"` of the environment unless
   * given, else `":8080"`: every interface. A pool that was told where to listen
   * does not look at it.
   */
  readonly address?: string | undefined;
  /**
   * False to leave it to the program to say that it is ready, by
   * `worker.ready()`. True unless given.
   */
  readonly ready?: boolean | undefined;
}

/** Where a server listens now. */
export interface ListenInfo {
  /** The name of the listener. */
  readonly name: string;
  /** The real address, in the forms that the command takes. */
  readonly address: string;
  /** How the pool shares it; undefined without a pool. */
  readonly mode: ShareMode | undefined;
}

/**
 * Puts a server of `node:net`, `tls`, `http`, `https` or `http2` on the
 * listener of the pool and resolves once it accepts. Without a pool it listens
 * on `options.address` itself. Calls `attach()`, so that the server is drained
 * before the process leaves.
 *
 * When every inherited listener is served, the supervisor is told that this
 * worker is ready.
 *
 * On Bun `node:http` and `node:https` servers take no socket over by themselves.
 * On Linux they are grafted onto it in `balanced`, `shared` and `sharded`
 * (docs/NATIVE.md), elsewhere they are fed with connections, at half the speed.
 *
 * @throws {TypeError} when `server` is no server, or the pool has no such
 * listener or more than one and none is named
 * @throws {PreforkError} `ERR_STATE` when the server listens already or another
 * has the listener; `ERR_ATTACH` when the socket cannot be used; `ERR_BIND`
 * when, without a pool, the address cannot be bound
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { listen } from "@prefork/prefork/worker";
 *
 * const server = createServer((_request, response) => response.end("hello\n"));
 * const { address } = await listen(server);
 * ```
 */
export async function listen(
  server: Server,
  options: ListenOptions = {},
): Promise<ListenInfo> {
  const core = attachedCore();
  const kind = kindOf(server);
  if (server.listening) {
    throw new PreforkError(
      "ERR_STATE",
      "Cannot listen: the server listens already, pass one on which listen() was not called",
    );
  }
  if (!core.worker.supervised) {
    const spec = standaloneSpec(options.address);
    const standalone = await listenStandalone(server, kind, spec).catch(
      (error: unknown): never => {
        if (error instanceof PreforkError) throw error;
        throw cannotBind(`listen on "${spec.name}"`, error);
      },
    );
    core.attach(standalone.attachment, undefined);
    return { name: spec.name, address: standalone.address, mode: undefined };
  }
  return await occupy(
    core,
    options,
    occupantOf(server, kind, (listener, spent) => {
      if (!spent) core.left(listener.name);
    }),
  );
}

/**
 * Has something serve an inherited listener: chooses it, keeps others off it,
 * and tells the supervisor how it went.
 */
export async function occupy(
  core: Core,
  options: ListenOptions,
  occupant: Occupant,
): Promise<ListenInfo> {
  const listener = isLearning(core)
    ? await core.open(askedAddress(options), 0)
    : chooseListener(core.worker.listeners, options.name);
  const { name, address, mode } = listener;
  const reservation = reserve(core, listener);
  const ready = options.ready !== false;
  const fail = (error: unknown): never => {
    throw reservation.fail(error);
  };
  const accept = async (): Promise<void> => {
    const attachment = await starting(core, occupant.serve(listener))
      .catch(fail);
    if (attachment !== undefined) reservation.serve(attachment, ready);
  };
  if (core.standby) {
    await occupant.hold(listener).catch(fail);
    reservation.hold(accept, { ready, probe: occupant.probe?.() });
  } else await accept();
  return { name, address, mode };
}

/** Where a pool is to listen that was not told. */
function askedAddress({ name, address }: ListenOptions): string {
  const place = address ?? defaultAddress();
  return name === undefined ? place : `${name}=${place}`;
}
