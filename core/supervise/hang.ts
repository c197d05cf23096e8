/**
 * Workers whose event loop does not turn, or that read nothing from their
 * channel. Each is asked "wake" three times in the hang timeout and answers
 * "heard" as soon as its loop turns, so one that idles has no timer for it.
 *
 * Silence is counted in the supervisor's own turns, and anew for everybody when
 * one of them came late: who was stopped, busy or suspended with the machine
 * has heard nobody, and may blame nobody for it.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { ProcessLook } from "../adapter/look.ts";
import { ASKS } from "../options/hang.ts";
import type { PoolWorker } from "../worker.ts";
import {
  type Evidence,
  evidenceOf,
  type Glance,
  isStarved,
} from "./evidence.ts";
import { stackLine } from "./stack.ts";

/** A turn that takes so much longer than it should came late. */
const LATE = 1.5;

/**
 * How long an answer that may lie in the channel has to be read before the
 * verdict, in ms, at most a third of the hang timeout.
 */
const LAST_WORD_MS = 1000;

/**
 * How long is waited for a stack, in ms. One that runs will tell it, though a
 * busy machine takes seconds for it; one that waits mostly is in the kernel.
 */
const STACK_MS = { running: 10_000, waiting: 2000 } as const;

/** How long a worker has to end by SIGABRT, in ms. */
const ABORT_MS = 1000;

/** How long one that writes a core dump may do so, in ms: gigabytes. */
const MAX_DUMP_MS = 60_000;

/** What is known of one worker. */
interface Watch {
  /** How many answers there had been at the last turn. */
  answers: number;
  /** True while it owes an answer. */
  asked: boolean;
  /** Since when it has owed it. */
  since: number;
  /** What it did when it first owed it. */
  first: Glance | undefined;
  /** The wait before the verdict, while there is one. */
  suspect: Disposable | undefined;
}

/** What it needs of the pool. */
type HangContext = Pick<
  PoolContext,
  "adapter" | "config" | "post" | "emit" | "traffic"
>;

/** What is done about a worker that hangs. */
export interface HangObserver {
  /** It is hung; it gets no more connections and is about to be killed. */
  condemn(worker: PoolWorker, evidence: Evidence & { silent: number }): void;
  /** It is to be killed now. */
  kill(worker: PoolWorker): void;
}

/** Watches the workers of a pool. */
export class Hangs {
  readonly #context: HangContext;
  readonly #observer: HangObserver;
  readonly #watched = new Map<PoolWorker, Watch>();
  readonly #interval: number;
  #turn: Disposable | undefined;
  #last = 0;
  /** Until when the replacement of one that hung is waited for. */
  #replacing = 0;
  #starved = false;

  /** Watches nobody yet. */
  constructor(context: HangContext, observer: HangObserver) {
    this.#context = context;
    this.#observer = observer;
    this.#interval = context.config.hangTimeout / ASKS;
  }

  /** A worker is ready: it answers from now on. */
  watch(worker: PoolWorker): void {
    this.#replacing = 0;
    if (this.#interval === 0 || this.#watched.has(worker)) return;
    this.#watched.set(worker, {
      answers: worker.answers,
      asked: false,
      since: 0,
      first: undefined,
      suspect: undefined,
    });
    if (this.#turn === undefined) this.#schedule();
    this.#ask(worker, this.#watched.get(worker)!);
  }

  /** A worker is gone, or about to be. */
  end(worker: PoolWorker): void {
    this.#watched.get(worker)?.suspect?.[Symbol.dispose]();
    this.#watched.delete(worker);
    if (this.#watched.size > 0) return;
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
  }

  /** What a worker did that is killed for another reason, in words. */
  describe(worker: PoolWorker): string {
    const watch = this.#watched.get(worker);
    if (watch?.first === undefined || !isSilent(worker, watch)) return "";
    const { why } = this.#evidence(worker, watch, this.#glance(worker));
    return `; its event loop has not answered for ${
      Math.round(this.#silence(watch) / 1000)
    } s: ${why}`;
  }

  #schedule(): void {
    const { clock } = this.#context.adapter;
    this.#last = clock.now();
    this.#turn = clock.after(
      this.#interval,
      () => this.#context.post(() => this.#look()),
    );
  }

  #look(): void {
    // The last one may have gone in the same moment.
    if (this.#turn === undefined) return;
    const elapsed = this.#context.adapter.clock.now() - this.#last;
    const late = elapsed > LATE * this.#interval;
    this.#schedule();
    for (const [worker, watch] of this.#watched) {
      if (!worker.attached) continue;
      if (late || !isSilent(worker, watch)) {
        this.#ask(worker, watch);
        continue;
      }
      watch.first ??= this.#glance(worker);
      const over = this.#silence(watch) >= this.#context.config.hangTimeout;
      if (over && worker.state === "ready") this.#suspect(worker, watch);
    }
  }

  /** It has answered, or is forgiven: it is asked anew. */
  #ask(worker: PoolWorker, watch: Watch): void {
    const owes = isSilent(worker, watch);
    watch.answers = worker.answers;
    watch.since = this.#context.adapter.clock.now();
    watch.first = undefined;
    // One question at a time, so that the channel of who is stopped holds one.
    if (!owes) worker.tell({ type: "wake" });
    watch.asked = true;
  }

  /** What it has said by now may lie here unread: the channel has a turn first. */
  #suspect(worker: PoolWorker, watch: Watch): void {
    if (watch.suspect !== undefined) return;
    const { clock } = this.#context.adapter;
    const wait = Math.min(LAST_WORD_MS, this.#interval);
    const since = clock.now();
    watch.suspect = clock.after(wait, () =>
      this.#context.post(() => {
        watch.suspect = undefined;
        const late = clock.now() - since > wait + this.#interval / 2;
        if (late) return this.#ask(worker, watch);
        if (!isSilent(worker, watch) || worker.state !== "ready") return;
        if (this.#watched.get(worker) === watch) this.#judge(worker, watch);
      }));
  }

  #judge(worker: PoolWorker, watch: Watch): void {
    const { adapter, config, emit, post } = this.#context;
    const last = this.#glance(worker);
    const first = watch.first ?? last;
    if (isStarved(first, last)) {
      if (!this.#starved) {
        const message =
          `the machine is too busy: worker ${worker.process.pid} of slot ${worker.slot} got no CPU for ${
            Math.round(this.#silence(watch) / 1000)
          } s, and is not taken as hung for that`;
        emit({ type: "warning", message });
      }
      this.#starved = true;
      return this.#ask(worker, watch);
    }
    if (this.#waits(worker, adapter.clock.now())) return;
    this.#replacing = adapter.clock.now() + config.startTimeout;
    const silent = Math.round(this.#silence(watch));
    const evidence = this.#evidence(worker, watch, last);
    // From here on it is condemned: what asks for its stack leaves a port open.
    this.end(worker);
    this.#stack(worker, last).catch(() => undefined).then((stack) =>
      post(() => {
        if (worker.state === "gone" || worker.state === "killed") return;
        const known = { ...evidence, stack: stack ?? "unavailable" };
        this.#observer.condemn(worker, { silent, ...known });
        if (config.hangSignal === "none") return this.#observer.kill(worker);
        worker.process.kill(config.hangSignal);
        this.#killAfterDump(worker);
      })
    );
  }

  /** Its stack, where it can be had: not of one that cannot go on to tell it. */
  async #stack(
    { attachedRuntime, calls }: PoolWorker,
    { look }: Glance,
  ): Promise<string | undefined> {
    const { adapter: { host }, config } = this.#context;
    if (config.hangStack !== "signal") {
      return calls && stackLine(calls.split("\n"));
    }
    if (attachedRuntime !== "node" && attachedRuntime !== "deno") {
      return undefined;
    }
    if (look === undefined || /[TtDZ]/.test(look.state)) return undefined;
    const ms = look.state === "R" ? STACK_MS.running : STACK_MS.waiting;
    return await host.stack(look.pid, ms, attachedRuntime);
  }

  #killAfterDump(worker: PoolWorker, waited = 0): void {
    const { adapter, post } = this.#context;
    adapter.clock.after(ABORT_MS, () =>
      post(() => {
        const dumps = worker.state !== "gone" && waited < MAX_DUMP_MS &&
          lookAt(worker, adapter)?.dumps === true;
        if (dumps) this.#killAfterDump(worker, waited + ABORT_MS);
        else this.#observer.kill(worker);
      }));
  }

  /**
   * When nobody in the pool answers, what they hang at is seldom their own: a
   * disk, a database, the release. The first is replaced, and the others when
   * that one has been seen to come up; until then they may recover.
   */
  #waits(worker: PoolWorker, now: number): boolean {
    if (now >= this.#replacing) return false;
    for (const [other, watch] of this.#watched) {
      const owes = other.state !== "ready" || !other.attached ||
        isSilent(other, watch);
      if (other !== worker && !owes) return false;
    }
    return true;
  }

  #silence({ since }: Watch): number {
    return this.#context.adapter.clock.now() - since;
  }

  #evidence(worker: PoolWorker, watch: Watch, last: Glance): Evidence {
    const quiet = this.#context.traffic.quietFor(worker) ?? Infinity;
    // It has written something long after it should have answered.
    const turns = quiet < this.#silence(watch) / 2;
    const first = watch.first ?? last;
    return evidenceOf(first, last, turns ? "turns" : "stalled");
  }

  #glance(worker: PoolWorker): Glance {
    const { adapter } = this.#context;
    return { at: adapter.clock.now(), look: lookAt(worker, adapter) };
  }
}

function isSilent({ answers }: PoolWorker, watch: Watch): boolean {
  return watch.asked && answers === watch.answers;
}

/**
 * Looks at the process that speaks for the worker, which a wrapper may have
 * started; what it says of itself is believed when it is in the worker's
 * session.
 */
function lookAt(
  { process: { pid }, attachedPid = pid }: PoolWorker,
  { host }: Pick<Adapter, "host">,
): ProcessLook | undefined {
  const look = host.look(attachedPid);
  return look?.session === pid || attachedPid === pid ? look : host.look(pid);
}
