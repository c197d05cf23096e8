/**
 * What is known of a peer: how its own documentation has N workers started and
 * replaced.
 *
 * @module
 */

import type { Runtime } from "../../tests/runtimes.ts";
import type { Reload, RowStart } from "../rows.ts";

/** What a peer is to run. */
export interface PeerPlan {
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** How many workers. */
  readonly workers: number;
  /** A directory of its own, removed when it has ended. */
  readonly directory: string;
  /** The program, a module; it listens on BENCH_PORT, or has a fetch handler. */
  readonly program: string;
}

/** A peer. */
export interface Peer {
  /** Its name as a row. */
  readonly name: string;
  /** The runtime of the workers. */
  readonly runtime: Runtime;
  /** How it is started, as its documentation says. */
  readonly by: string;
  /** What accepts and who answers. */
  readonly server: string;
  /** True where workers are threads of one process. */
  readonly threads: boolean;
  /** True for a program that exports a fetch handler. */
  readonly fetch: boolean;
  /** The row of prefork beside it, by name. */
  readonly rival: string;
  /** How it is reloaded; empty where that is to stop it and to start it again. */
  readonly reloads: readonly Reload[];
  /** Writes what it wants to find and says how to start it. */
  start(plan: PeerPlan): RowStart;
}
