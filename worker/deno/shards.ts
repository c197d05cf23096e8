/**
 * The servers of Deno behind one of the program: each of them keeps the process
 * alive by itself, and they do or do not together. (A program that calls
 * `unref()` on a server of Bun means what is there by then.)
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import {
  openShards,
  type Shards,
  type StartShard,
} from "../listening/adoption.ts";
import type { Grafted } from "./start.ts";

/** Something that can keep the process alive. */
export interface Referenced {
  /** Keeps the process alive. */
  ref(): void;
  /** Does not. */
  unref(): void;
}

/** The servers of a listener. */
export interface DenoShards<T> extends Shards<Grafted<T>> {
  /** Has them keep the process alive. */
  readonly ref: () => void;
  /** Has them let the process end. */
  readonly unref: () => void;
}

/**
 * Starts the server of the own shard.
 *
 * @param start starts and grafts the server of a shard
 */
export function openDenoShards<T extends Referenced>(
  listener: InheritedListener,
  start: StartShard<Grafted<T>>,
  held: boolean,
): DenoShards<T> {
  let referenced = true;
  const shards = openShards<Grafted<T>>(listener, (...place) => {
    const started = start(...place);
    if (!referenced) started.server.unref();
    return started;
  }, held);
  const setReferenced = (on: boolean): void => {
    referenced = on;
    for (const { server } of shards.all()) {
      if (on) server.ref();
      else server.unref();
    }
  };
  return {
    ...shards,
    ref: () => setReferenced(true),
    unref: () => setReferenced(false),
  };
}
