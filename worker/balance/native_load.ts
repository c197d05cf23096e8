/**
 * How many connections the runtimes' own servers hold. Bun and Deno do not
 * tell (1.4.4, 2.9.5), and to ask the kernel for each costs too much to be done
 * every millisecond. So the number of open files is what is looked at, and it
 * is compared with the truth now and then.
 *
 * @module
 */

/** The connections of one server. */
export interface Counted {
  /** How many are open, exactly. */
  readonly open: () => number;
  /** True where that is cheap, since the runtime tells of each connection. */
  readonly cheap: boolean;
}

/** The connections of all native servers of this process. */
export interface NativeLoad {
  /** Counts one more server, until disposed. */
  add(server: Counted): Disposable;
  /** How many connections are open, as well as that can be said quickly. */
  open(): number;
  /** Has the next call look anew, where that costs little. */
  renew(): void;
  /**
   * How many have come since the last call, where nobody tells. Those that came
   * and went in between are not among them.
   */
  arrived(): number;
}

/** The most of the time that is spent on looking at the number of files. */
const LOOKING = 0.02;

/** The least that a look is said to cost, in ms. */
const LEAST_COST = 0.001;

/** What is looked at for each connection must not cost more, in ms. */
const CHEAP_MS = 0.05;

/** The most of the time that is spent on counting exactly. */
const COUNTING = 0.005;

/** How often it is counted exactly, in ms: at most and at least. */
const COUNT_OFTEN_MS = 500;
const COUNT_RARELY_MS = 60_000;

/**
 * Makes the load of this process.
 *
 * @param openFiles how many file descriptors this process has open
 * @param now the time in ms
 */
export function createNativeLoad(
  openFiles: () => number,
  now: () => number,
): NativeLoad {
  const cheap = new Set<Counted>();
  const costly = new Set<Counted>();
  /** Files that are no connections. */
  let others = 0;
  let files = 0;
  let cost = LEAST_COST;
  let lookAgainAt = -Infinity;
  let countAgainAt = -Infinity;
  let pause = COUNT_OFTEN_MS;
  let known = 0;

  const told = (): number => {
    let sum = 0;
    for (const { open } of cheap) sum += open();
    return sum;
  };
  const look = (at: number): void => {
    if (at < lookAgainAt) return;
    files = openFiles();
    const end = now();
    // A look that another process has interrupted was no costly one.
    cost = Math.max(LEAST_COST, Math.min(end - at, 2 * cost));
    lookAgainAt = end + cost / LOOKING;
  };
  const count = (): void => {
    const began = now();
    lookAgainAt = -Infinity;
    let exact = told();
    for (const { open } of costly) exact += open();
    look(now());
    const before = others;
    others = files - exact;
    // As long as only connections come and go the estimate is exact.
    pause = before === others
      ? Math.min(COUNT_RARELY_MS, 2 * pause)
      : COUNT_OFTEN_MS;
    const end = now();
    countAgainAt = end + Math.max(pause, (end - began) / COUNTING);
    // A correction is no arrival.
    known += before - others;
  };
  const untold = (): number => {
    if (costly.size === 0) return 0;
    const at = now();
    if (at >= countAgainAt) count();
    else look(at);
    return Math.max(0, files - others - told());
  };

  return {
    add(server) {
      const kind = server.cheap ? cheap : costly;
      kind.add(server);
      count();
      known = untold();
      return {
        [Symbol.dispose]() {
          kind.delete(server);
          count();
          known = untold();
        },
      };
    },
    open: () => told() + untold(),
    renew() {
      if (cost <= CHEAP_MS) lookAgainAt = -Infinity;
    },
    arrived() {
      const open = untold();
      const more = Math.max(0, open - known);
      known = open;
      return more;
    },
  };
}
