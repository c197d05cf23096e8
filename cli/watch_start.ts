/**
 * With `--watch`, a program that does not boot at the very first start is waited
 * for, as `node --watch` does: the next change of its files may mend it.
 *
 * @module
 */

import type { Adapter, Signal } from "../core/adapter.ts";
import { codeOf, messageOf } from "../core/errors.ts";
import { checkOptions } from "../core/options/check.ts";
import type { PoolOptions } from "../core/options/options.ts";
import { SIGNAL_PRESETS } from "../core/options/signals.ts";
import { stayAlive } from "../core/signals.ts";
import { Watch } from "../core/watch/watch.ts";

/** A pool that did not start. */
interface Again<Told> {
  /** The same pool anew, with nothing of it started. */
  again(): Promise<Told>;
}

/** Whom it tells, and by whom it is ended. */
interface Around {
  /** Tells the user. */
  readonly say: (text: string) => void;
  /** Resolves when nothing is to be started any more. */
  readonly ended: Promise<unknown>;
}

/** What has happened: files have changed, or nothing is to be started any more. */
type Turn = "changed" | "ended";

/** Watches files from before the first start on, until disposed. */
export class WatchedStart implements Disposable {
  readonly #adapter: Adapter;
  #turn: PromiseWithResolvers<Turn> = Promise.withResolvers();
  #ended = false;
  readonly #watch: Watch;

  /**
   * Begins to look at the files of a pool.
   *
   * @throws {RangeError} when there are too many of them
   */
  constructor(options: PoolOptions, adapter: Adapter) {
    this.#adapter = adapter;
    this.#watch = new Watch({
      status: () => ({ state: "running" }),
      reload: () => {
        this.#take("changed");
        return Promise.resolve();
      },
      // The pool, which watches the same files, has said it.
      warn: () => undefined,
    }, { config: checkOptions(options), adapter, emit: () => undefined });
  }

  /**
   * Waits for the next change since it began, or SIGHUP, and makes the pool anew;
   * `"ended"` when it is to end, undefined where no change of files would help.
   */
  async again<Told>(
    one: Again<Told>,
    error: unknown,
    { say, ended }: Around,
  ): Promise<Told | "ended" | undefined> {
    if (codeOf(error) !== "ERR_BOOT") return undefined;
    let problem = error;
    using _listening = this.#listen();
    void ended.then(() => this.#take("ended"));
    for (;;) {
      say(`${messageOf(problem)}; it is tried again when a file changes`);
      if (await this.#turn.promise === "ended") return "ended";
      this.#turn = Promise.withResolvers();
      try {
        const made = await one.again();
        // That may have come while a file was read.
        return this.#ended ? "ended" : made;
      } catch (now) {
        problem = now;
      }
    }
  }

  #take(turn: Turn): void {
    this.#ended ||= turn === "ended";
    this.#turn.resolve(turn);
  }

  /** Stays there, and obeys signals as a pool does. */
  #listen(): Disposable {
    const listening = [stayAlive(this.#adapter.clock)];
    for (const [signal, action] of Object.entries(SIGNAL_PRESETS.default)) {
      const turn = action === "reload"
        ? "changed"
        : ["stop", "interrupt", "quick"].includes(action)
        ? "ended"
        : undefined;
      if (turn === undefined) continue;
      listening.push(
        this.#adapter.onSignal(
          signal as Signal,
          () => this.#take(turn),
        ),
      );
    }
    return {
      [Symbol.dispose]: () => {
        for (const each of listening) each[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}
