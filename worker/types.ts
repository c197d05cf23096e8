/**
 * What a worker's program sees of its worker.
 *
 * @module
 */

import type { InheritedListener } from "../core/launch/environment.ts";

export type { InheritedListener } from "../core/launch/environment.ts";

/**
 * This process as a worker of a pool, or as a program run by hand.
 *
 * @typeParam In the program's own messages from the supervisor
 * @typeParam Out the program's own messages to the supervisor
 */
export interface Worker<In = unknown, Out = unknown> {
  /** True in a pool, false when the program was started by hand. */
  readonly supervised: boolean;
  /**
   * The stable number of the place in the pool, from 0; 0 by hand. That of a
   * standby changes once, when it takes over a place.
   */
  readonly slot: number;
  /**
   * The generation, from 1 and raised by each reload; 0 by hand, and in the start
   * that shows a pool where the program listens.
   */
  readonly generation: number;
  /** The inherited listeners by name; empty in the generation 0. */
  readonly listeners: ReadonlyMap<string, InheritedListener>;
  /**
   * Aborted when the drain begins: stop taking new work, finish what was
   * begun. Its reason is a `DOMException` that says why.
   */
  readonly draining: AbortSignal;
  /**
   * When the drain ends at the latest, in milliseconds on the clock of
   * `performance.now()`, so that `deadline - performance.now()` is what is
   * left. Undefined before the drain.
   */
  readonly deadline: number | undefined;
  /**
   * Tells the supervisor that this worker accepts, once; later calls do
   * nothing. `listen()` and `serve()` do it when every inherited listener is
   * served; a program that serves only some of them calls it.
   */
  ready(): void;
  /**
   * Keeps a draining worker alive until the promise settles or the deadline
   * passes. A rejection counts as settled and is written to stderr.
   */
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Sends one of the program's own messages to the supervisor. Anything JSON
   * can carry in 1 MiB, longer ones do not arrive; false when there is no
   * supervisor or it is gone.
   *
   * @throws {TypeError} when the message has a "prefork" key, which marks
   * prefork's own
   */
  send(message: Out): boolean;
  /**
   * Says that a client's id is this worker's own: in a pool with
   * `sticky=cookie:NAME` or `sticky=query:NAME` the client's next connections
   * come here, for as long as this worker accepts. Ids that no worker has
   * claimed are spread by their hash, which is enough for any session that
   * every worker can look up. False when there is no supervisor or it is gone.
   *
   * @param id as the cookie or the decoded query has it
   * @throws {RangeError} when the id is empty or longer than 256 characters
   */
  stick(id: string): boolean;
  /**
   * Hands the program's own metrics to the supervisor, which tells them with the
   * pool's (docs/METRICS.md): counters and histograms are summed over all
   * workers, and do not fall when one ends; gauges get the label `slot`. Each
   * call replaces what this worker told before: call it every few seconds, and
   * once more while it drains. False when there is no supervisor or it is gone.
   *
   * @param text in the text format of Prometheus (0.0.4) or OpenMetrics 1.0, as
   * `await register.metrics()` of prom-client has it
   * @throws {TypeError} that names the first line that cannot be used; names that
   * begin with `prefork_` and the labels `pool` and `slot` are the pool's
   * @throws {RangeError} when it has more than 262,144 characters
   */
  metrics(text: string): boolean;
  /**
   * Calls a function with each of the program's own messages from the
   * supervisor until disposed. Messages that came before the first call are
   * not kept. `process.on("message")` of the program gets the same ones, where
   * the pool has preloaded its part.
   */
  onMessage(run: (message: In) => void): Disposable;
  /**
   * The program's own messages from the supervisor from this call on, in
   * order. Ends when the supervisor is gone.
   */
  messages(): AsyncIterableIterator<In>;
}
