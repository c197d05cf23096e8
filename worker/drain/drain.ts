/**
 * Leaving: the one way in which a worker ends, whoever asked for it.
 *
 * @module
 */

import process from "node:process";
import { messageOf } from "../../core/errors.ts";
import type { Attachment, Core, Ending } from "../process/worker_core.ts";

/** How long a worker that was not told a time takes to drain, in ms. */
export const DRAIN_MS = 30_000;

/** How long an idle connection gets to send its next request, in ms. */
export const IDLE_MS = 300;

/**
 * How long a worker takes whose supervisor died, in ms: nobody will kill it,
 * and nothing of a pool may be left five seconds later.
 */
export const ORPHAN_MS = 2500;

/**
 * The supervisor kills at the deadline that it set; a worker ends by itself so
 * long after it, in ms, in case the supervisor hangs.
 */
export const LATE_MS = 2000;

/**
 * The part of the time after which the program hears of the end even though
 * something stays that its handlers may break: what they close takes time too.
 */
const HEARS_AFTER = 0.5;

/** How long a worker that wants to leave waits for the supervisor's answer, in ms. */
export const LEAVE_ANSWER_MS = 1000;

/** The drain of this process. */
export interface Drain {
  /** Aborted when the drain begins. */
  readonly signal: AbortSignal;
  /** When it ends at the latest, on the clock of `performance.now()`. */
  readonly deadline: () => number | undefined;
  /** What has to end first. */
  readonly attachments: ReadonlySet<Attachment>;
  /** Registers what has to end first; again, where it has got one more. */
  add(attachment: Attachment): void;
  /** It has ended already. */
  readonly remove: (attachment: Attachment) => void;
  /** Registers a promise that has to settle first. */
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Begins, or brings the deadline of a begun drain forward, never back.
   * `why` becomes the message of the signal's reason. `late` is how long after
   * the deadline the process ends by itself, in ms, 0 unless given.
   */
  begin(ms: number, idle: number, why: string, late?: number): void;
  /** How the process ends. */
  readonly ending: Ending;
}

/**
 * Makes the drain.
 *
 * @param flush sends what has to be sent before the end
 * @param exit ends the process
 * @param output resolves when what the program has written is out
 */
export function createDrain(
  flush: () => void,
  exit: (code: typeof process.exitCode) => void = (code) => process.exit(code),
  output: () => Promise<unknown> = written,
): Drain {
  const controller = new AbortController();
  const attachments = new Set<Attachment>();
  const pending = new Set<Promise<unknown>>();
  const ending: Ending = {
    over: false,
    tellProgram: () => {},
    part: () => Promise.resolve(),
    last: () => Promise.resolve(),
  };
  const halfTime = Promise.withResolvers<void>();
  let deadline: number | undefined;
  let idleMs = IDLE_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let halfTimer: ReturnType<typeof setTimeout> | undefined;

  const left = (): number => Math.max(0, deadline! - performance.now());
  // The one place in the library that ends the process: the program cannot
  // know when prefork's part is over, and its own timers, pools and database
  // connections would keep a worker alive that has nothing left to serve.
  const leave = (finished: boolean): void => {
    flush();
    ending.over = true;
    exit(finished ? process.exitCode ?? 0 : process.exitCode || 1);
  };
  const arm = (afterDeadline: number): void => {
    clearTimeout(timer);
    clearTimeout(halfTimer);
    timer = setTimeout(leave, left() + afterDeadline, false);
    halfTimer = setTimeout(halfTime.resolve, left() * HEARS_AFTER);
  };
  const settled = async (drained: readonly Promise<void>[]): Promise<void> => {
    await Promise.allSettled(drained);
    while (pending.size > 0) await Promise.allSettled(pending);
  };
  const end = (): void => {
    flush();
    ending.over = true;
    // A program that has nothing left to do ends by itself, sooner than this.
    timer?.unref();
  };
  const tellProgram = (): Promise<void> =>
    new Promise((resolve) => {
      clearTimeout(halfTimer);
      // What it throws is uncaught, as in a handler of the signal itself.
      setImmediate(() => {
        setImmediate(resolve);
        try {
          ending.tellProgram();
        } catch (error) {
          // Bun 1.4.4 goes on for some ms after that, and this ends first.
          process.exitCode ||= 1;
          throw error;
        }
      });
    });
  const finish = async (): Promise<void> => {
    const drained = [...attachments].map((each) => ({
      raw: each.raw === true,
      ended: each.drain(idleMs, left()),
    }));
    const all = settled(drained.map(({ ended }) => ended))
      .then(() => ending.part())
      // What has come meanwhile is this worker's.
      .then(() => settled([]))
      .then(end);
    const served = drained.filter(({ raw }) => !raw);
    const harmless = served.length === drained.length
      ? all
      : settled(served.map(({ ended }) => ended));
    await Promise.race([harmless, halfTime.promise]);
    await tellProgram();
    await all;
    await settled([]);
    await ending.last();
    await output();
    leave(true);
  };

  return {
    ending,
    attachments,
    signal: controller.signal,
    deadline: () => deadline,
    add(attachment) {
      attachments.add(attachment);
      // A server that starts to listen during the drain must not stay behind.
      if (deadline !== undefined) {
        const ended = attachment.drain(idleMs, left());
        pending.add(ended);
        void ended.then(() => pending.delete(ended));
      }
    },
    remove: (attachment) => void attachments.delete(attachment),
    waitUntil(promise) {
      const settled = Promise.resolve(promise)
        .catch((error: unknown) => {
          process.stderr.write(`waitUntil: ${messageOf(error)}\n`);
        })
        .then(() => void pending.delete(settled));
      pending.add(settled);
    },
    begin(ms, idle, why, late = 0) {
      const wanted = performance.now() + ms;
      if (deadline !== undefined) {
        if (wanted < deadline) {
          deadline = wanted;
          arm(late);
        }
        return;
      }
      deadline = wanted;
      // The program may break the next request of who is idle for longer.
      idleMs = Math.min(idle, ms * HEARS_AFTER);
      arm(late);
      // Servers stop first, then the program hears of it: a listener of the
      // signal that throws or closes its servers finds everything in order.
      const finished = finish();
      controller.abort(new DOMException(why, "AbortError"));
      void finished;
    },
  };
}

/**
 * Resolves when what the program has written is out: Node 26.10 loses at
 * `process.exit()` what a pipe did not take at once. So does Bun 1.4.4, which
 * does not tell how much that is.
 */
async function written(): Promise<void> {
  const streams = [process.stdout, process.stderr];
  await Promise.all(
    streams.filter(({ writableLength }) => writableLength > 0)
      .map((stream) =>
        new Promise<void>((resolve) => stream.write("", () => resolve()))
      ),
  );
}

/** The last words of a worker; `core/balance/passing.ts` answers. */
export interface Leave {
  /**
   * Says that it has drained; resolves with the answer, that nothing is on its
   * way to it. Without one, after a while: the supervisor stands still then, and
   * sends nothing.
   */
  ask(): Promise<void>;
  /** It was answered. */
  answer(): void;
}

/** Makes them. */
export function createLeave(tell: Core["tell"]): Leave {
  const answered = Promise.withResolvers<void>();
  return {
    async ask() {
      if (!tell({ type: "drained" })) return;
      const timer = setTimeout(answered.resolve, LEAVE_ANSWER_MS);
      await answered.promise;
      clearTimeout(timer);
    },
    answer: answered.resolve,
  };
}
