/**
 * Reloads as they are asked for: one goes on, one more may wait behind it.
 *
 * @module
 */

import type { Receipt } from "../balance/receipt.ts";
import type { Renewal } from "../options/renewal.ts";

/** How far a reload is. */
export type ReloadPhase =
  /** New workers take over, slot by slot. */
  | "replacing"
  /** All slots have new workers; the old ones wait in case these fail. */
  | "probation"
  /** It holds: the old workers leave. */
  | "committing"
  /** It failed: the old workers take over again. */
  | "rolling-back";

/** One reload, from its request to its end. */
export interface Reload {
  /** The generation it brings. */
  readonly generation: number;
  /** The generation that was good before it. */
  readonly from: number;
  /** When it began, by the adapter's clock. */
  readonly since: number;
  /** The options that it brings, where it brings any. */
  readonly renewal: Renewal | undefined;
  /** Tells those who wait for it. */
  readonly done: PromiseWithResolvers<void>;
  /** How far it is. */
  phase: ReloadPhase;
  /** When that began. */
  phaseSince: number;
  /** True once its first worker has lived for the soak time. */
  proven: boolean;
  /** What failed in which slot, once something has. */
  reason: string | undefined;
  /** What became of the connections of its generations, once it has ended. */
  receipts: readonly Receipt[];
  /** How many connections waited to be accepted then, where that is known. */
  inQueue: number | undefined;
  /** Why old workers do not wait though they are to: memory. */
  unparked: string | undefined;
  /** Why the rollback does not go on, when it does not. */
  stuck: string | undefined;
}

/** How the last reload stands or has ended. */
export interface ReloadStatus {
  /**
   * How far it is, or how it has ended: `finished`, `failed` with the old
   * generation in every slot, or `mixed` with some slots in each.
   */
  readonly state: ReloadPhase | "finished" | "failed" | "mixed";
  /** The generation that it brings or was to bring. */
  readonly generation: number;
  /** What failed in which slot; undefined while nothing has. */
  readonly reason: string | undefined;
  /**
   * Why the old version is started anew, should it fail, though `rollback` is
   * `"park"`: for want of memory. Undefined when it is not.
   */
  readonly unparked: string | undefined;
  /**
   * What became of the connections of each of its generations, once it has
   * ended; empty where nobody counts.
   */
  readonly receipts: readonly Receipt[];
  /**
   * How many connections waited in the kernel to be accepted when it ended;
   * undefined while it goes on, and where that cannot be known.
   */
  readonly inQueue: number | undefined;
  /** How long it has gone on, or took, in milliseconds. */
  readonly ms: number;
  /** For how long it has been so, in milliseconds. */
  readonly age: number;
  /** True when another one was asked for meanwhile and follows. */
  readonly queued: boolean;
}

/**
 * Which generation serves in which slots: after a reload that could not be
 * undone everywhere there are two.
 */
export function servingIn(
  slots: Iterable<{
    readonly slot: number;
    readonly ready: { readonly generation: number } | undefined;
  }>,
): string {
  const where = new Map<string, number[]>();
  for (const { slot, ready } of slots) {
    const what = ready ? `generation ${ready.generation}` : "no worker";
    where.set(what, [...where.get(what) ?? [], slot]);
  }
  return [...where].map(([what, numbers]) =>
    `${what} in slot${numbers.length === 1 ? "" : "s"} ${ranges(numbers)}`
  ).join(", ");
}

/** Ascending numbers as "0-2,5". */
function ranges(numbers: readonly number[]): string {
  const parts: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const part = parts.at(-1);
    if (part?.last === number - 1) part.last = number;
    else parts.push({ first: number, last: number });
  }
  return parts.map(({ first, last }) =>
    first === last ? first : `${first}-${last}`
  ).join(",");
}

/** The reload that goes on, the one that comes after it, and the last one. */
export class Reloads {
  /** The one that goes on. */
  active: Reload | undefined;
  /** Asked for while another one goes on: it starts after that one. */
  queued: PromiseWithResolvers<void> | undefined;
  #next: Renewal | undefined;
  #last:
    | { state: ReloadStatus["state"]; reload: Reload; at: number }
    | undefined;
  #counter = 1;

  /**
   * Asks for a reload. One that is asked for while another one goes on comes
   * after it, since that one may have read the old program; any more are the
   * same one.
   *
   * @param from the generation that is good
   * @param renewal the options that it brings: those that were given last
   */
  request(
    now: number,
    from: number,
    renewal?: Renewal,
  ): { promise: Promise<void>; begun?: Reload } {
    if (this.active !== undefined) {
      this.queued ??= Promise.withResolvers<void>();
      this.#next = renewal ?? this.#next;
      return { promise: this.queued.promise };
    }
    const begun = this.#begin(
      now,
      from,
      Promise.withResolvers<void>(),
      renewal,
    );
    return { promise: begun.done.promise, begun };
  }

  /**
   * Ends the active one and begins the queued one, if there is one.
   *
   * @param from the generation that is good now
   * @param failure why it was given up, if it was
   */
  finish(
    now: number,
    from: number,
    failure?: { readonly error: Error; readonly state: "failed" | "mixed" },
  ): Reload | undefined {
    const { active, queued } = this;
    const renewal = this.#next;
    this.active = this.queued = this.#next = undefined;
    if (active !== undefined) {
      const state = failure?.state ?? "finished";
      this.#last = { state, reload: active, at: now };
    }
    if (failure === undefined) active?.done.resolve();
    else active?.done.reject(failure.error);
    return queued === undefined
      ? undefined
      : this.#begin(now, from, queued, renewal);
  }

  /** Ends all of them for the same reason. */
  abandon(reason: Error): void {
    this.active?.done.reject(reason);
    this.queued?.reject(reason);
    this.active = undefined;
    this.queued = undefined;
  }

  /** The options that the last one has brought, or was to bring. */
  get brought(): Renewal | undefined {
    return this.#last?.reload.renewal;
  }

  /** The outcome of the last one counts no more. */
  forget(): void {
    this.#last = undefined;
  }

  /** How the last one stands; undefined when there was none. */
  status(now: number): ReloadStatus | undefined {
    const { active, queued } = this;
    const shown = active === undefined ? this.#last : {
      state: active.phase,
      reload: active,
      at: active.phaseSince,
    };
    const end = active === undefined ? shown?.at : now;
    return shown && {
      state: shown.state,
      generation: shown.reload.generation,
      reason: shown.reload.reason,
      unparked: shown.reload.unparked,
      receipts: shown.reload.receipts,
      inQueue: shown.reload.inQueue,
      ms: Math.round(end! - shown.reload.since),
      age: Math.round(now - shown.at),
      queued: queued !== undefined,
    };
  }

  #begin(
    since: number,
    from: number,
    done: PromiseWithResolvers<void>,
    renewal: Renewal | undefined,
  ): Reload {
    this.active = {
      generation: ++this.#counter,
      from,
      since,
      renewal,
      done,
      phase: "replacing",
      phaseSince: since,
      proven: false,
      reason: undefined,
      receipts: [],
      inQueue: undefined,
      unparked: undefined,
      stuck: undefined,
    };
    return this.active;
  }
}
