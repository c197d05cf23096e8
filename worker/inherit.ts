/**
 * Puts a server on inherited listeners, in each share mode.
 *
 * @module
 */

import type { Server as HttpServer } from "node:http";
import type { Server } from "node:net";
import process from "node:process";
import type { InheritedListener } from "../core/launch/environment.ts";
import { messageOf } from "../core/errors.ts";
import { isInherited } from "../core/options/share_mode.ts";
import { isLimited } from "./listening/limit.ts";
import { feedProbe } from "./listening/probe.ts";
import type { OpenProbe } from "./process/probe.ts";
import { isFiltered } from "./filters/listener_filter.ts";
import { graftRefusal } from "./graft/graft.ts";
import type { Attachment } from "./process/worker_core.ts";
import { mustBeFed, type ServerKind } from "./process/server_kind.ts";
import { createServing, type Serving, type ServingEvents } from "./serving.ts";

/**
 * Puts a server on a listener and resolves once it accepts. From the call on
 * the server shows the listener's address, and its `close()` cuts nothing.
 *
 * @param left called when the program closes the server
 * @throws {PreforkError} `ERR_ATTACH` when this runtime cannot
 */
export async function inherit(
  server: Server,
  kind: ServerKind,
  listener: InheritedListener,
  left: ServingEvents["left"] = () => {},
): Promise<Attachment> {
  const events = { left, ended() {} };
  return await servingOf(server, kind, events, listener).serve(listener);
}

/** What serves a listener: now, or in a standby later. */
export interface Occupant {
  /** Looks to the program as if it listened. */
  hold(listener: InheritedListener): Promise<void>;
  /** How a check reaches it, once it is held; undefined for none that can be. */
  probe?(): OpenProbe | undefined;
  /** Accepts on the listener; undefined for what the program has closed. */
  serve(listener: InheritedListener): Promise<Attachment | undefined>;
}

/**
 * The same in two steps.
 *
 * @param left called when the program closes the server
 */
export function occupantOf(
  server: Server,
  kind: ServerKind,
  left: (listener: InheritedListener, spent: boolean) => void,
): Occupant {
  let serving: Serving | undefined;
  const begin = (on: InheritedListener): Serving => {
    const events: ServingEvents = {
      left: (spent) => left(on, spent),
      ended() {},
    };
    return serving ??= servingOf(server, kind, events, on);
  };
  return {
    hold: (on) => begin(on).hold(on),
    probe: () => feedProbe(server, kind),
    serve: async (on) =>
      serving?.closed === true ? undefined : await begin(on).serve(on),
  };
}

/**
 * What a server does with listeners, however it gets their connections.
 *
 * @param first the inherited listener that it begins with, if it does
 * @param several true for one that may come to serve several listeners
 */
export function servingOf(
  server: Server,
  kind: ServerKind,
  events: ServingEvents,
  first?: InheritedListener,
  several = false,
): Serving {
  const feed = (): Serving => createServing(server, kind, several, events);
  // Where there is nothing to graft the server listens at once, as it does
  // without a pool.
  return mustBeFed(kind) && !isLimited(server) && first !== undefined &&
      canGraft(first)
    ? graftedServing(server as HttpServer, first, events, feed)
    : feed();
}

let bunHttp: typeof import("./bun/http.ts") | undefined;

/**
 * Loads what {@linkcode inherit} needs on Bun. From then on a server of
 * `node:http` is put on its listener before the call returns, as its `listen()`
 * does without a pool; programs ask for its address at once.
 */
export async function loadBunHttp(): Promise<void> {
  bunHttp ??= await import("./bun/http.ts");
}

/**
 * Grafts a server that would have to be fed, which costs half of its speed;
 * where that turns out not to be possible it is fed.
 */
function graftedServing(
  server: HttpServer,
  first: InheritedListener,
  events: ServingEvents,
  feed: () => Serving,
): Serving {
  let serving: Serving | undefined;
  const begin = async <T>(
    run: (serving: Serving) => Promise<T>,
  ): Promise<T> => {
    if (serving !== undefined) return await run(serving);
    if (bunHttp === undefined) await loadBunHttp();
    try {
      serving = bunHttp!.createBunServing(server, events);
      return await run(serving);
    } catch (error) {
      process.stderr.write(
        `the server on "${first.name}" is fed with connections: ${
          messageOf(error)
        }\n`,
      );
      return await run(serving = feed());
    }
  };
  return {
    get closed() {
      return serving?.closed ?? false;
    },
    expect() {},
    abandon() {},
    hold: (listener) => begin((each) => each.hold(listener)),
    serve: (listener) => begin((each) => each.serve(listener)),
    bind: (place) => begin((each) => each.bind(place)),
    cede: (listener) => serving?.cede(listener) ?? true,
  };
}

/** True for a listener onto which a server can be grafted. */
function canGraft(listener: InheritedListener): boolean {
  return isInherited(listener.mode) && !isFiltered(listener) &&
    graftRefusal() === undefined;
}
