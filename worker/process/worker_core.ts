/**
 * What the parts of the worker side share behind the public
 * {@linkcode Worker}. One object per process, even when two copies of the
 * package are loaded: the first takes the variables out of the environment, so
 * a second one would believe that it was started by hand.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { FromWorker } from "../../core/protocol.ts";
import type { AcceptedHandle } from "../../handles/types.ts";
import type { OpenProbe } from "./probe.ts";
import type { Worker } from "../types.ts";
import type { Balancer, Passing } from "./balancing.ts";
import type { RequestCount } from "./request_count.ts";

/** A server that can stop accepting and go on, on all of its listeners. */
export interface Parkable {
  /**
   * Stops accepting. To its program and to its clients it still listens.
   *
   * @throws {PreforkError} `ERR_ATTACH` where it cannot; nothing has changed then
   */
  pause(): void;
  /**
   * Ends its connections as a drain does, but none that only the program could
   * end. Resolves once none is left, or it accepts again.
   */
  finish(idle: number, window: number): Promise<void>;
  /** Accepts again, and ends no more connections. */
  resume(): void;
}

/** A server that serves a listener of this worker. */
export interface Attachment {
  /**
   * True where the protocol is the program's own, so that only the program can
   * tell when a connection is idle: it has to hear of the end to end them.
   */
  readonly raw?: boolean;
  /** True where it answers HTTP/1, and does not end TLS itself. */
  readonly http?: boolean;
  /**
   * Stops accepting and resolves once every connection has ended. Idle ones
   * get `idle` ms for their next request; `window` is how long it is until the
   * deadline, in ms, for the ending of those that stay.
   */
  drain(idle: number, window: number): Promise<void>;
  /** How it is parked; not there where its sockets would be closed by that. */
  readonly parkable?: Parkable;
  /** Serves a connection that was handed over. */
  take?(connection: Socket): void;
  /**
   * Keeps a connection that another worker has passed on until there is room
   * for it, here or with a third one; false where it is to be taken at once.
   */
  defer?(connection: AcceptedHandle): boolean;
  /** Accepts on another slot's shard as well. */
  adopt?(shard: number): Promise<void>;
  /**
   * Stops accepting on another slot's shard; its connections live on. Not there
   * where it could not adopt the shard a second time.
   */
  release?(shard: number): void;
}

/** What is to be known of a server that is held back. */
export interface Held {
  /** True where it makes the worker ready; true unless given. */
  readonly ready?: boolean;
  /** How a check reaches it. */
  readonly probe?: OpenProbe | undefined;
}

/** The end of the process, where a program that was preloaded has a say. */
export interface Ending {
  /** True once nothing is served any more: the process may end. */
  over: boolean;
  /**
   * Called once, when the program may end what it has: nothing is left that it
   * could break, or its part of the time has come.
   */
  tellProgram: () => void;
  /**
   * Waited for when nothing is left: from then on the supervisor sends no
   * connection.
   */
  part: () => Promise<void>;
  /** Waited for then, before the process ends; the deadline holds. */
  last: () => Promise<void>;
}

/** The state of the process as a worker. */
export interface Core {
  /** What the program sees of it. */
  readonly worker: Worker;
  /** What serves each inherited listener, by its name. */
  readonly attachments: Map<string, Attachment>;
  /** How what is held back on a listener is reached by a check. */
  readonly probes: Map<string, OpenProbe>;
  /** How the process ends. */
  readonly ending: Ending;
  /** Keeps connections even, where the pool is `balanced`. */
  readonly balancer: Balancer | undefined;
  /** Passes connections on to other workers, where the supervisor helps. */
  readonly passing: Passing | undefined;
  /** Tells the supervisor; false when there is none. */
  tell(message: FromWorker): boolean;
  /** What its servers have begun. */
  readonly requests: RequestCount;
  /** Asks the supervisor to let it go, as on SIGTERM. */
  leave(): void;
  /** Says how many more handed connections the server of a listener takes. */
  room(listener: string, more: number): void;
  /** Registers what must end before the process leaves. */
  attach(attachment: Attachment, listener: string | undefined): void;
  /** What was registered has ended. */
  detach(attachment: Attachment): void;
  /**
   * Says that a listener is served, which makes the worker ready once all are,
   * unless the program closes its server in the same turn of the event loop.
   */
  served(listener: string): void;
  /** True while nothing may accept: this worker is a standby. */
  readonly standby: boolean;
  /**
   * A server of a standby could accept, on a listener or elsewhere.
   *
   * @param accept has it accept, which it tells by `attach()`; what it throws
   * the supervisor knows by then
   * @param how `ready` is false where the program says itself that it is ready,
   * `probe` reaches the server where it answers HTTP/1
   */
  hold(
    listener: string | undefined,
    accept: () => Promise<void> | void,
    how?: Held,
  ): void;
  /** The program has closed what served a listener, which is free again. */
  left(listener: string): void;
  /**
   * Has the supervisor open an address that the pool does not hold, for all
   * workers that ask for it. `nth` tells several listeners at port 0 apart.
   */
  open(address: string, nth: number): Promise<InheritedListener>;
}

// The number is the version of this shape, not of the package.
const CORE = Symbol.for("prefork.worker.1");

type CoreHolder = { [CORE]?: Core };

/** The core of this process, or undefined before it was made. */
export function presentCore(): Core | undefined {
  return (globalThis as CoreHolder)[CORE];
}

/** The core of this process, made at the first call. */
export function coreOf(make: () => Core): Core {
  const holder = globalThis as CoreHolder;
  return holder[CORE] ??= make();
}
