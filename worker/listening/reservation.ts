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
import type { Attachment, Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { isLearning } from "./learning.ts";

/** An inherited listener that a server is about to serve. */
export interface Reservation {
  /**
   * The server serves it: it will be drained, and with `ready` (true unless
   * given) the supervisor hears that this listener is accepted on.
   */
  serve(attachment: Attachment, ready?: boolean): void;
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
    fail(error) {
      core.attachments.delete(name);
      const failure = error instanceof PreforkError ? error : cannot(
        `attach to the listener "${name}"`,
        messageOf(error),
        "start the worker through the pool again",
        error,
      );
      core.tell(failed(failure));
      return failure;
    },
  };
}

/** A runtime's own server that serves a listener. */
export interface StartedServer<T> {
  /** The server as the program gets it. */
  readonly server: T;
  /** What the pool does with it. */
  readonly attachment: Attachment;
}

/**
 * Has a runtime's own server serve a listener, and returns the server. What
 * the runtime has against the program's options is between the two: it is
 * thrown, and the listener is free again.
 *
 * @param start starts the server; it is given what frees the listener once the
 * program has ended the server by itself
 * @param instead starts another server where prefork cannot put this one on
 * the listener, which is free by then; undefined where there is none
 * @throws {PreforkError} why it cannot, which the supervisor was told as well
 */
export function serveReserved<T>(
  core: Core,
  listener: InheritedListener,
  start: (closed: () => void) => StartedServer<T>,
  instead: (error: PreforkError) => T | undefined = () => undefined,
): T {
  const reservation = reserve(core, listener);
  const free = (): void => void core.attachments.delete(listener.name);
  try {
    const { server, attachment } = start(free);
    reservation.serve(attachment);
    return server;
  } catch (error) {
    free();
    if (!(error instanceof PreforkError)) throw error;
    const other = instead(error);
    if (other !== undefined) return other;
    throw reservation.fail(error);
  }
}

/**
 * Has a server that listens where nobody connects to stand for one on what the
 * supervisor opens. When that fails the process ends with the error, as there
 * is nobody left to tell.
 */
export function serveOpened(
  core: Core,
  opening: Promise<InheritedListener>,
  attachment: Attachment,
): void {
  opening.then((listener) => reserve(core, listener).serve(attachment))
    .catch((error: unknown) => {
      process.nextTick(() => {
        throw error;
      });
    });
}

/** True once a listener of the pool is served, or about to be. */
export function isServed(core: Core): boolean {
  const { worker, attachments } = core;
  if (isLearning(core)) return attachments.size > 0;
  return [...worker.listeners.keys()].some((name) => attachments.has(name));
}
