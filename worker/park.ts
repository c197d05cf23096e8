/**
 * Parking: a worker stops accepting and finishes what it has, as in a drain, but
 * stays and can accept again. Quiesced it does not even finish: what is open
 * stays so. The program hears nothing of either: its servers listen, its handlers
 * of SIGTERM do not run, `worker.draining` is not aborted.
 *
 * @module
 */

import process from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import { messageOf } from "../core/errors.ts";
import { failed, type FromWorker, reasonOf } from "../core/protocol.ts";
import type { Balancer, Passing } from "./process/balancing.ts";
import { cannot } from "./process/errors.ts";
import type { Attachment, Parkable } from "./process/worker_core.ts";

/** What is parked. */
export interface ParkSubjects {
  /** All servers of the worker. */
  readonly attachments: ReadonlySet<Attachment>;
  /** Aborted once the worker leaves, which ends the parking. */
  readonly draining: AbortSignal;
  /** Tells the supervisor. */
  tell(message: FromWorker): boolean;
  /** Says what has to be said before the word "parked". */
  flush(): void;
  /** Keeps connections even, where the pool is `balanced`. */
  readonly balancer: Pick<Balancer, "serve" | "leave"> | undefined;
  /** Passes connections on, where it does. */
  readonly passing: Pick<Passing, "takeBack"> | undefined;
}

/** The parking of this process. */
export interface Parking {
  /** True from the word "park" or "quiesce" to the word "resume". */
  readonly parked: boolean;
  /** Parks, or says why that cannot be: then nothing has changed. */
  park(ms: number, idle: number): void;
  /** Stops accepting and leaves what is open as it is, or says why not. */
  quiesce(): void;
  /** Accepts again. */
  resume(): void;
  /** A server has begun to accept meanwhile. */
  late(attachment: Attachment): void;
}

/**
 * The part of its time after which a worker says that it is parked though
 * something is left, which only the program could end: that does not accept
 * either.
 */
const SAYS_AFTER = 0.9;

/** One time that the worker is parked. */
interface Stay {
  readonly servers: Set<Parkable>;
  /** By when what is open has ended; undefined where that goes on. */
  readonly end?: { readonly until: number; readonly idle: number };
}

/** Makes the parking. */
export function createParking(
  { attachments, draining, tell, flush, balancer, passing }: ParkSubjects,
): Parking {
  let stay: Stay | undefined;

  const pause = (
    { parkable }: Attachment,
    servers: Set<Parkable>,
  ): void => {
    if (parkable === undefined) throw unparkable();
    if (servers.has(parkable)) return;
    parkable.pause();
    servers.add(parkable);
  };
  const finish = async ({ servers, end }: Stay): Promise<void> => {
    if (end === undefined) return;
    const window = Math.max(0, end.until - performance.now());
    await Promise.all(
      [...servers].map((each) => each.finish(end.idle, window)),
    );
  };
  const settle = async (own: Stay): Promise<void> => {
    const until = own.end?.until ?? Infinity;
    const late = until === Infinity
      ? undefined
      : deadline((until - performance.now()) * SAYS_AFTER);
    await Promise.race([...late ? [late.passed] : [], finishAll(own)]);
    late?.cancel();
    if (stay !== own || draining.aborted) return;
    flush();
    tell({ type: "parked" });
  };

  const finishAll = async (own: Stay): Promise<void> => {
    await finish(own);
    // What its event loop had been told of before it stopped is accepted by now.
    await turn();
    await turn();
    // It was taken back meanwhile: what is open is to stay so.
    if (stay === own) await finish(own);
  };

  /** Stops accepting, or says why that cannot be. */
  const begin = (end?: Stay["end"]): void => {
    if (stay !== undefined || draining.aborted) return;
    const servers = new Set<Parkable>();
    try {
      for (const each of attachments) pause(each, servers);
    } catch (error) {
      for (const each of servers) each.resume();
      tell({ type: "unparkable", reason: reasonOf(error) });
      return;
    }
    passing?.takeBack();
    balancer?.leave();
    stay = { servers, ...(end && { end }) };
    void settle(stay);
  };

  return {
    get parked() {
      return stay !== undefined;
    },
    park: (ms, idle) => begin({ until: performance.now() + ms, idle }),
    quiesce: () => begin(),
    resume() {
      if (draining.aborted) return;
      const servers = stay?.servers ?? [];
      stay = undefined;
      try {
        for (const each of servers) each.resume();
      } catch (error) {
        tell(failed(error));
        return;
      }
      balancer?.serve();
      tell({ type: "ready" });
    },
    late(attachment) {
      const own = stay;
      if (own === undefined || draining.aborted) return;
      // Its event loop does not know of it before.
      setImmediate(() => {
        if (stay !== own) return;
        try {
          pause(attachment, own.servers);
          void finish(own);
        } catch (error) {
          process.stderr.write(
            `a parked worker accepts: ${messageOf(error)}\n`,
          );
        }
      });
    },
  };
}

/** A time that may pass. */
function deadline(ms: number): { passed: Promise<void>; cancel(): void } {
  const { promise: passed, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { passed, cancel: () => clearTimeout(timer) };
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function unparkable(): Error {
  return cannot(
    "park the worker",
    "one of its servers cannot stop accepting without closing its socket",
    "replace the worker instead",
  );
}
