/**
 * How many connections the runtimes' own servers hold. Bun and Deno do not
 * tell (1.4.4, 2.9.5), and to ask the kernel for each costs too much to be done
 * every millisecond. So the number of open files is what is looked at. Where it
 * has changed they are counted, as often as that may cost; until then, what has
 * changed is taken for connections.
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
   * and went in between are not among them. Those that turned out to be none are
   * taken off again, so that it can be negative.
   */
  arrived(): number;
}

/** The most of the time that is spent on looking at the number of files. */
const LOOKING = 0.02;

/** The least that a look is said to cost, and that to count is, in ms. */
const LEAST_COST = 0.001;
const LEAST_COUNT_COST = 0.02;

/** What is looked at for each connection must not cost more, in ms. */
const CHEAP_MS = 0.05;

/** The most of the time that is spent on counting exactly. */
const COUNTING = 0.005;

/**
 * It is counted so often where the number of files is the same, in ms: one may
 * have come for another.
 */
const COUNT_RARELY_MS = 100;

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
  let countCost = LEAST_COUNT_COST;
  let lookAgainAt = -Infinity;
  let countAgainAt = -Infinity;
  let countedAt = -Infinity;
  let countedFiles = 0;
  /** How many there were at the last call of `arrived`. */
  let known = 0;
  /** What it has seen come and go since they were counted. */
  let came = 0;
  let went = 0;
  /**
   * What it has told of and was no connection when they were counted: one that
   * its client has just closed is none either, and a file for a moment more.
   */
  let doubtful = 0;
  /** What was none the next time, too. */
  let owed = 0;

  const told = (): number => {
    let sum = 0;
    for (const { open } of cheap) sum += open();
    return sum;
  };
  const look = (at: number): void => {
    if (at < lookAgainAt) return;
    files = openFiles();
    const end = now();
    // One that another process has interrupted was no costly one, nor was the
    // first.
    cost = Math.max(LEAST_COST, Math.min(end - at, 2 * cost));
    lookAgainAt = end + cost / LOOKING;
  };
  const count = (): void => {
    const began = now();
    lookAgainAt = -Infinity;
    let exact = told();
    for (const { open } of costly) exact += open();
    look(now());
    const more = files - exact - others;
    others += more;
    // Some of what it has seen was none.
    const mistaken = Math.min(more, came);
    owed += Math.max(0, doubtful + Math.min(0, more));
    doubtful = Math.max(0, mistaken);
    known += more > 0 ? -mistaken : Math.min(-more, went);
    came = went = 0;
    countedFiles = files;
    countedAt = now();
    const took = countedAt - began;
    countCost = Math.max(LEAST_COUNT_COST, Math.min(took, 2 * countCost));
    countAgainAt = countedAt + countCost / COUNTING;
  };
  const untold = (): number => {
    if (costly.size === 0) return 0;
    const at = now();
    look(at);
    const isDue = files !== countedFiles || at - countedAt >= COUNT_RARELY_MS;
    if (isDue && at >= countAgainAt) count();
    return Math.max(0, files - others - told());
  };

  const countAnew = (): void => {
    count();
    known = untold();
    came = went = 0;
  };

  return {
    add(server) {
      const kind = server.cheap ? cheap : costly;
      kind.add(server);
      countAnew();
      return {
        [Symbol.dispose]() {
          kind.delete(server);
          countAnew();
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
      went += Math.max(0, known - open);
      came += more;
      known = open;
      const net = more - owed;
      owed = 0;
      return net;
    },
  };
}
