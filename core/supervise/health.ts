/**
 * Whether a pool that has served has what it needs to serve on. It says once
 * when it has not, and why, and once when it has again; it goes on trying
 * meanwhile.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import { DEFAULT_BACKOFF } from "./restart.ts";
import type { Slot } from "./slot.ts";
import { Intensity } from "./intensity.ts";
import { usualIntensity } from "../options/restart.ts";

/** How a pool does that has served. */
export type HealthState =
  /** Its workers serve, or are replaced in time. */
  | "well"
  /** Some serve, and replacing the others does not help. */
  | "degraded"
  /** None serves. */
  | "down";

/** What is asked of the supervisor. */
export interface HealthSource {
  /** How many workers are wanted. */
  readonly wanted: number;
  /** True once the pool is to end. */
  readonly stopping: boolean;
}

/** A slot that has lost its worker and has no ready one again. */
interface Failing {
  readonly since: number;
  readonly reason: string;
}

/** The health of a pool. */
export class Health {
  readonly #context: Pick<
    PoolContext,
    "config" | "adapter" | "traffic" | "emit" | "post"
  >;
  readonly #source: HealthSource;
  readonly #restarts: Intensity;
  /** Those that have failed, by the time since when. */
  readonly #failing = new Map<number, Failing>();
  #last = "";
  #served = false;
  #since: number | undefined;
  #wellSince: number | undefined;
  #servingSince: number | undefined;
  #downTold = false;
  #timer: Disposable | undefined;
  #due = Infinity;

  /** Begins with a pool that does well. */
  constructor(
    context: Pick<
      PoolContext,
      "config" | "adapter" | "traffic" | "emit" | "post"
    >,
    source: HealthSource,
  ) {
    this.#context = context;
    this.#source = source;
    this.#restarts = new Intensity(context.config.restarts.period);
  }

  /** How the pool does now. */
  get state(): HealthState {
    if (this.#since === undefined) return "well";
    return this.#context.traffic.serving === 0 ? "down" : "degraded";
  }

  /** The worker of a slot has ended early; there may be another ready one. */
  failed({ slot, ready }: Pick<Slot, "slot" | "ready">, reason: string): void {
    const now = this.#context.adapter.clock.now();
    this.#restarts.count(now);
    this.#last = `slot ${slot}: ${reason}`;
    this.#wellSince = undefined;
    if (ready !== undefined) return;
    const since = this.#failing.get(slot)?.since ?? now;
    this.#failing.set(slot, { since, reason: this.#last });
  }

  /** A slot has a ready worker. */
  ready(slot: number): void {
    this.#served = true;
    this.#failing.delete(slot);
  }

  /** A slot is wanted no more. */
  forget(slot: number): void {
    this.#failing.delete(slot);
  }

  /** Looks at the pool, after anything has happened to it. */
  look(): void {
    const { traffic, adapter } = this.#context;
    const { wanted, stopping } = this.#source;
    if (stopping || wanted === 0 || !this.#served) return this.#clear();
    if (this.#failing.size === 0 && this.#since === undefined) return;
    const now = adapter.clock.now();
    if (traffic.serving === 0) this.#servingSince = undefined;
    else this.#servingSince ??= now;
    this.#judge(now);
    if (this.#since !== undefined) this.#recover(now);
    this.#wait(now);
  }

  #judge(now: number): void {
    const { config: { restarts, downAfter }, traffic, emit } = this.#context;
    const { wanted } = this.#source;
    const [first] = this.#failing.values();
    if (first === undefined) return;
    const count = this.#restarts.within(now);
    const tooMany = count > (restarts.intensity ?? usualIntensity(wanted));
    const tooLong = now - first.since >= downAfter;
    if (!tooMany && !tooLong && this.#since === undefined) return;
    const begins = this.#since === undefined;
    this.#since ??= now;
    const reason = tooMany
      ? `${count} restarts in ${
        restarts.period / 1000
      } s, the last in ${this.#last}`
      : first.reason;
    if (traffic.serving === 0) {
      if (this.#downTold) return;
      this.#downTold = true;
      emit({ type: "pool-down", wanted, reason });
    } else if (begins) {
      const ready = Math.min(traffic.serving, wanted);
      emit({ type: "pool-degraded", ready, wanted, reason });
    }
  }

  /** It is well again once no slot would have to wait for its next worker. */
  #recover(now: number): void {
    const { forgive } = DEFAULT_BACKOFF;
    const { wanted } = this.#source;
    if (now - (this.#servingSince ?? now) >= forgive) this.#downTold = false;
    if (this.#failing.size > 0) return void (this.#wellSince = undefined);
    this.#wellSince ??= now;
    if (now - this.#wellSince < forgive) return;
    const ms = Math.round(now - this.#since!);
    this.#clear();
    this.#context.emit({ type: "pool-recovered", workers: wanted, ms });
  }

  /** Looks again when one of the times has come. */
  #wait(now: number): void {
    const { adapter, config, post } = this.#context;
    const [first] = this.#failing.values();
    const due = Math.min(
      first === undefined || this.#since !== undefined
        ? Infinity
        : first.since + config.downAfter,
      (this.#wellSince ?? Infinity) + DEFAULT_BACKOFF.forgive,
    );
    if (due === this.#due) return;
    this.#timer?.[Symbol.dispose]();
    this.#due = due;
    if (due === Infinity) return;
    this.#timer = adapter.clock.after(
      due - now,
      () => post(() => this.#due = Infinity),
    );
  }

  #clear(): void {
    this.#timer?.[Symbol.dispose]();
    this.#due = Infinity;
    this.#failing.clear();
    this.#restarts.clear();
    this.#since = this.#wellSince = this.#servingSince = undefined;
    this.#downTold = false;
  }
}
