/**
 * Puts a runtime's own server on the listeners that its program means.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf, PreforkError } from "../../core/errors.ts";
import { failed } from "../../core/protocol.ts";
import { reserve, type StartedServer } from "../listening/reservation.ts";
import { refChannel } from "../process/channel.ts";
import { cannot } from "../process/errors.ts";
import type { Attachment, Core } from "../process/worker_core.ts";
import { type Claimant, claimsOf } from "./claims.ts";
import { freeListener, type PoolMatch } from "./match.ts";
import type { Wanted } from "./wanted.ts";

/** How a runtime's own server is started. */
export interface NativeStart<T> {
  /**
   * Starts it on a listener.
   *
   * @param held true when it is not to accept before it is told to serve
   * @param left frees its listeners, once the program has closed the server
   * @throws {PreforkError} when prefork cannot put it there
   * @throws what the runtime has against the program's options
   */
  start(
    listener: InheritedListener,
    held: boolean,
    left: (spent?: boolean) => void,
  ): StartedServer<T>;
  /** Starts another one where that fails, if there is one. */
  instead?(error: PreforkError): T | undefined;
  /** Starts it at the address that the program wants. */
  own(): T;
}

/**
 * Has a runtime's own server serve what its program means, and returns it.
 *
 * @throws {PreforkError} why it cannot, which the supervisor was told as well
 * @throws what the runtime throws for the program's options
 */
export function putNative<T>(
  core: Core,
  match: PoolMatch,
  wanted: Wanted,
  { start, instead, own }: NativeStart<T>,
): T {
  const { listener } = match;
  const claims = claimsOf(core);
  const named = match.kind === "inherited";
  const held = new Map<string, InheritedListener>();
  const attached: Attachment[] = [];
  const left = (spent = false): void => {
    claims.remove(claimant);
    for (const each of held.values()) freeListener(core, each, spent);
    held.clear();
  };
  const reservation = named ? reserve(core, listener) : undefined;
  let started: StartedServer<T> | undefined;
  let isHome = false;

  const serve = (
    listener: InheritedListener,
    reservation = reserve(core, listener),
  ): void => {
    held.set(listener.name, listener);
    claims.hold(listener, claimant);
    const accept = (): void => {
      // The program may have closed it while it was held back.
      if (held.get(listener.name) !== listener) return;
      try {
        const attachment = started!.serving.serve(listener);
        attached.push(attachment);
        reservation.serve(attachment);
      } catch (error) {
        held.delete(listener.name);
        throw reservation.fail(error);
      }
    };
    if (!core.standby) accept();
    else reservation.hold(accept, { probe: started!.serving.probe });
  };
  const claimant: Claimant = {
    wanted,
    named,
    hears: () => true,
    serve(listener) {
      try {
        serve(listener);
      } catch (error) {
        complain(error);
      }
    },
    names: (each) => named && each === listener,
    cede(each) {
      if (!started!.serving.cede(each)) return false;
      held.delete(each.name);
      return true;
    },
    settleDown() {
      if (isHome || named) return;
      isHome = true;
      try {
        started!.serving.become(own());
      } catch (error) {
        core.tell(failed(error));
        complain(error);
      }
    },
  };
  try {
    if (core.standby && listener.mode === "reuseport") throw acceptsAtOnce();
    started = start(listener, !named || core.standby, left);
  } catch (error) {
    if (named) core.attachments.delete(listener.name);
    if (!(error instanceof PreforkError)) throw error;
    const other = instead?.(error);
    if (other !== undefined) return other;
    if (reservation !== undefined) throw reservation.fail(error);
    core.tell(failed(error));
    throw error;
  }
  claims.add(claimant);
  if (named) serve(listener, reservation);
  else refChannel();
  if (match.kind === "claim" && match.own) claimant.settleDown();
  return started.server;
}

/** The program cannot hear of what happens after its call has returned. */
function complain(error: unknown): void {
  process.stderr.write(`${messageOf(error)}\n`);
}

function acceptsAtOnce(): PreforkError {
  return cannot(
    "hold the server of a standby back",
    'in the mode "reuseport" a server of the runtime accepts as soon as it is made',
    "have no standby workers, or give the pool another share mode",
  );
}
