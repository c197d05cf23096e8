/**
 * Keeps one server on one inherited listener, and tells the supervisor how it
 * went.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf, PreforkError } from "../../core/errors.ts";
import { failed } from "../../core/protocol.ts";
import type { Attachment, Core, Held } from "../process/worker_core.ts";
import type { OpenProbe } from "../process/probe.ts";
import { grantFor } from "../process/permission.ts";

/** An inherited listener that a server is about to serve. */
export interface Reservation {
  /**
   * The server serves it: it will be drained, and with `ready` (true unless
   * given) the supervisor hears that this listener is accepted on.
   */
  serve(attachment: Attachment, ready?: boolean): void;
  /**
   * The server could, and this worker is a standby: `accept` is called when it
   * takes over.
   */
  hold(accept: () => Promise<void> | void, how?: Held): void;
  /**
   * The server cannot: tells the supervisor why and frees the listener. Returns
   * the error to throw.
   */
  fail(error: unknown): PreforkError;
}

/**
 * Reserves a listener for one server.
 *
 * @throws {PreforkError} `ERR_STATE` when another server has it
 */
export function reserve(
  core: Core,
  { name }: InheritedListener,
): Reservation {
  if (core.attachments.has(name)) {
    throw new PreforkError(
      "ERR_STATE",
      `Cannot listen on "${name}": another server of this worker has it, choose another listener`,
    );
  }
  core.attachments.set(name, { drain: () => Promise.resolve() });
  return {
    serve(attachment, ready = true) {
      core.attach(attachment, name);
      if (ready) core.served(name);
    },
    hold: (accept, how) => core.hold(name, accept, how),
    fail(error) {
      core.attachments.delete(name);
      const failure = error instanceof PreforkError ? error : new PreforkError(
        "ERR_ATTACH",
        `Cannot attach to the listener "${name}": ${
          grantFor(error) ??
            `${messageOf(error)}, start the worker through the pool again`
        }`,
        error,
      );
      core.tell(failed(failure));
      return failure;
    },
  };
}

/**
 * What a server is once it accepts. A drain that begins meanwhile waits for it:
 * whoever the server has accepted by then is owed an answer before the program
 * hears of the end.
 */
export function starting<A>(
  core: Core,
  start: Promise<A>,
): Promise<A> {
  // The caller attaches it before that is over: it has waited for less.
  core.worker.waitUntil(start.then(() => {}, () => {}));
  return start;
}

/** What a runtime's own server does with listeners. */
export interface NativeServing<T> {
  /**
   * Accepts on a listener, or on one more.
   *
   * @throws {PreforkError} `ERR_ATTACH` when it cannot
   */
  serve(listener: InheritedListener): Attachment;
  /** Accepts on a listener no more, whose connections live on, if it can. */
  cede(listener: InheritedListener): boolean;
  /** How a check reaches it while it is held back, if it answers HTTP/1. */
  readonly probe?: OpenProbe;
  /** Goes on as another server, at an address of the program's own. */
  become(own: T): void;
}

/** A runtime's own server. */
export interface StartedServer<T> {
  /** The server as the program gets it. */
  readonly server: T;
  /** What the pool does with it. */
  readonly serving: NativeServing<T>;
}

/**
 * Has a server that listens where nobody connects to stand for one on what the
 * supervisor opens. When that fails the process ends with the error, as there
 * is nobody left to tell. Returns what is to be called when the program closes
 * the server.
 */
export function serveOpened(
  core: Core,
  opening: Promise<InheritedListener>,
  attachment: Attachment,
): () => void {
  let isOpen = true;
  let served: string | undefined;
  opening.then((listener) => {
    if (!isOpen) return giveBack(core, listener);
    reserve(core, listener).serve(attachment);
    served = listener.name;
  }).catch((error: unknown) => {
    process.nextTick(() => {
      throw error;
    });
  });
  return () => {
    if (isOpen && served !== undefined) core.left(served);
    isOpen = false;
  };
}

/** Gives back what was opened for a server that the program has closed. */
export function giveBack(core: Core, { name }: InheritedListener): void {
  core.tell({ type: "left", listener: name });
}
