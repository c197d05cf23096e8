/**
 * A reload as a transaction: it ends with every worker of the new generation,
 * or it is given up and what served goes on serving.
 *
 * @module
 */

/** One reload, from its request to its end. */
export interface Reload {
  /** The generation it brings. */
  readonly generation: number;
  /** When it began, by the adapter's clock. */
  readonly since: number;
  /** True once its first worker has lived for the soak time. */
  proven: boolean;
  /** Tells those who wait for it. */
  readonly done: PromiseWithResolvers<void>;
}

/** A reload that was given up. */
export interface ReloadFailure {
  /** The generation that it was to bring. */
  readonly generation: number;
  /** What failed in which slot. */
  readonly reason: string;
}

/**
 * Which generation serves in which slots: after a reload that failed late there
 * are two.
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

/** The reload that goes on and the one that comes after it. */
export class Reloads {
  /** The one that goes on. */
  active: Reload | undefined;
  /** Asked for while another one goes on: it starts after that one. */
  queued: PromiseWithResolvers<void> | undefined;
  /** Why the last one that ended was given up, if it was. */
  failure: ReloadFailure | undefined;
  #counter = 1;

  /**
   * Asks for a reload. One that is asked for while another one goes on comes
   * after it, since that one may have read the old program; any more are the
   * same one.
   */
  request(now: number): { promise: Promise<void>; begun?: Reload } {
    if (this.active !== undefined) {
      this.queued ??= promise();
      return { promise: this.queued.promise };
    }
    const begun = this.#begin(now, promise());
    return { promise: begun.done.promise, begun };
  }

  /** Ends the active one and begins the queued one, if there is one. */
  finish(
    now: number,
    failure?: { readonly error: Error; readonly told: ReloadFailure },
  ): Reload | undefined {
    const { active, queued } = this;
    this.active = undefined;
    this.queued = undefined;
    this.failure = failure?.told;
    if (failure === undefined) active?.done.resolve();
    else active?.done.reject(failure.error);
    return queued === undefined ? undefined : this.#begin(now, queued);
  }

  /** Ends all of them for the same reason. */
  abandon(reason: Error): void {
    this.active?.done.reject(reason);
    this.queued?.reject(reason);
    this.active = undefined;
    this.queued = undefined;
  }

  #begin(since: number, done: PromiseWithResolvers<void>): Reload {
    this.active = { generation: ++this.#counter, since, proven: false, done };
    return this.active;
  }
}

function promise(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  // Whoever asked by a signal does not wait for the answer.
  made.promise.catch(() => {});
  return made;
}
