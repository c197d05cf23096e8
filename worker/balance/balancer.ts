/**
 * The worker's part in `balanced`: it knows its own load and that of the
 * others, and says whether it may take one more connection.
 *
 * @module
 */

import { fairRecent, type limitOf } from "../../core/balance/policy.ts";
import process from "node:process";
import type { ScoreboardRow, Seat } from "../../core/balance/scoreboard.ts";
import type { Balancer } from "../process/balancing.ts";
import { BEAT_MS, measureLag } from "../process/lag.ts";
import type { RequestCount } from "../process/request_count.ts";
import { createBias } from "./bias.ts";
import { measureEnds } from "./rate.ts";
import { createRebalance } from "./rebalance.ts";
import { openScoreboard, type WorkerScoreboard } from "./scoreboard.ts";
import type { Holding, Steered } from "./steered.ts";
import { measureUtilisation, type Utilisation } from "./utilisation.ts";

/** What a balancer sees of the world. */
export interface Senses {
  /** The scoreboard. */
  readonly scoreboard: WorkerScoreboard;
  /** How busy the worker was since the last call. */
  readonly utilisation: Utilisation;
  /** A clock that is never set, in ms. */
  now(): number;
  /** The time of day, in ms since 1970. */
  date(): number;
  /** Does something again and again while the event loop turns. */
  every(ms: number, act: () => void): void;
  /** Does something once, when so many ms have passed. */
  after(ms: number, act: () => void): void;
  /** Does something when the process ends by itself. */
  atExit(act: () => void): void;
  /** Where the kernel chooses among shards: where it reads what is held. */
  readonly steered?: Steered | undefined;
}

/**
 * The senses of this process.
 *
 * @throws {Error} of the system, where the scoreboard cannot be opened
 */
export function sensesOf(seat: Seat, steered?: Steered): Senses {
  return {
    steered,
    scoreboard: openScoreboard(seat),
    utilisation: measureUtilisation(),
    now: () => performance.now(),
    date: () => Date.now(),
    every: (ms, act) => void setInterval(act, ms).unref(),
    after: (ms, act) => void setTimeout(act, ms).unref(),
    atExit: (act) => void process.once("exit", act),
  };
}

/** For so long what was read of the others is taken for new, in ms. */
const FRESH_MS = 1;

/** The same under a load of short connections, whose number means little. */
const MAX_FRESH_MS = 10;

/** With so many more that end per second it is longer by 1 ms. */
const CHURN = 200;

/** As many as end in so many ms are taken without a look at the clock. */
const UNSEEN_MS = 5;

/** For so long it is taken for good while the own load is below it, in ms. */
const VALID_MS = 20;

/**
 * The time constant of what is called "lately", in ms: long enough that one
 * long request or the end of a client with many connections is no habit.
 */
const LATELY_MS = 1000;

/** The half-life of what was accepted recently, in ms. */
const HALF_LIFE_MS = 60_000;

/**
 * Makes the balancer of this process.
 *
 * @param requests what is told of them
 * @param policy says how many connections a worker may hold; without one nobody
 * reads the others' rows for each connection, and they are written at each beat
 * @throws {Error} of the system, where the scoreboard cannot be opened
 */
export function createBalancer(
  seat: Seat,
  requests: Pick<RequestCount, "count">,
  senses: Senses = sensesOf(seat),
  policy?: typeof limitOf,
): Balancer {
  const { scoreboard, steered, utilisation } = senses;
  const lag = measureLag(BEAT_MS);
  const ending = measureEnds(senses.now(), LATELY_MS);
  const bias = steered && createBias((by) => steered.lean(by));
  let counts: readonly (() => number)[] = [];
  /** What has been seen to come to servers that do not tell of each connection. */
  let unsure: readonly (() => number)[] = [];
  let serving = false;
  let takes = false;
  let resigned = false;
  /** How many servers may hold no more. */
  let full = 0;
  let accepted = 0;
  let passedOn = 0;
  let takenOver = 0;
  let kept = 0;
  let recent = 0;
  let pending = 0;
  let unseen = 0;
  let busy = 0;
  /** How many connections are said to have ended. */
  let toldOver = 0;
  let limit = Infinity;
  let takenByOthers = 0;
  let readAt = -Infinity;
  let wroteAt = -Infinity;
  let beatAt = senses.now();
  let dirty = true;
  let written = 0;
  let looks = 0;
  let lookIn = Infinity;
  let counted: number | undefined;

  /** What changes in this time is less than a tenth of the slack. */
  const fresh = (): number =>
    Math.min(MAX_FRESH_MS, FRESH_MS + ending.perSecond / CHURN);
  const open = (): number => {
    let sum = 0;
    // By index: it runs for each connection, and an iterator would be garbage.
    for (let i = 0; i < counts.length; i++) sum += counts[i]!();
    return sum;
  };
  const own = (open: number) => ({
    open,
    busy,
    ended: ending.perSecond,
    recent,
    weight: seat.weight,
  });
  /** How many connections have ended. */
  const ends = (present: number): number =>
    Math.max(0, accepted + takenOver - present);
  /** What the kernel goes by. */
  const holding = (): Holding => {
    const held = open();
    for (const arrived of unsure) acceptUnseen(arrived());
    const isExact = unsure.length === 0;
    const asked = isExact ? undefined : requests.count ?? 0;
    return { held, came: accepted + takenOver, asked };
  };
  const accept = (count: number): void => {
    accepted += count;
    recent = Math.max(0, recent + count);
    bias?.came(count);
  };
  const acceptUnseen = (count: number): void => {
    accept(count);
    unseen += Math.abs(count);
  };
  /** How many it holds: the kernel is told where it goes by that. */
  const held = (): number => {
    if (steered === undefined) return open();
    const what = holding();
    steered.write(what);
    return what.held;
  };
  const note = (now: number): number => {
    const present = held();
    wroteAt = now;
    dirty = false;
    written = present + pending;
    return present;
  };
  const write = (now: number): void => {
    if (resigned) return;
    ending.measure(now, ends(note(now)));
    scoreboard.write(row(written));
  };
  const row = (open: number): ScoreboardRow => ({
    ...own(Math.max(0, open - (rebalance?.leaving ?? 0))),
    beat: senses.date(),
    serving: serving && full === 0,
    takes: takes && full === 0,
    accepted,
    passedOn,
    takenOver,
    kept,
    counts: requests.count !== undefined,
    requests: requests.count ?? 0,
    lag: lag.high ?? 0,
    moved: rebalance?.moved ?? 0,
  });
  const rebalance = seat.rebalance === undefined ? undefined : createRebalance({
    seat: seat.seat,
    webSockets: seat.rebalance === "websockets",
    now: senses.now,
    own: () => row(open()),
    others: scoreboard.others,
    taken: () => write(senses.now()),
  });
  /** Nobody need look where nobody asks. */
  const compare = (): void => {
    const { count } = requests;
    if (rebalance === undefined || !serving || resigned) return;
    if (count === counted && !rebalance.webSockets) return;
    counted = count;
    rebalance.look();
  };
  /** Tells those who go by it at once. */
  const tell = (now: number): void => {
    if (policy !== undefined) write(now);
    else if (!resigned) note(now);
  };
  const changed = (): void => {
    dirty = true;
    if (policy === undefined && steered === undefined) return;
    const now = senses.now();
    if (now - wroteAt >= fresh()) tell(now);
    if (lookIn > MAX_FRESH_MS) lookAgain(fresh());
  };
  /**
   * Nobody tells of a connection that ends. Where one has come another may end
   * soon, so it looks, less and less often, until the beat does as well.
   */
  const lookAgain = (ms: number): void => {
    lookIn = ms < BEAT_MS ? ms : Infinity;
    const number = ++looks;
    if (ms >= BEAT_MS) return;
    senses.after(ms, () => {
      if (number !== looks) return;
      const changes = dirty || open() + pending !== written;
      if (changes) tell(senses.now());
      lookAgain(changes ? fresh() : 2 * ms);
    });
  };
  const read = (now: number): void => {
    readAt = now;
    const others = scoreboard.others();
    limit = policy?.(own(open()), others) ?? Infinity;
    takenByOthers = 0;
    for (const each of others) takenByOthers += each.accepted + each.takenOver;
  };
  const beat = (): void => {
    const now = senses.now();
    const passed = now - beatAt;
    beatAt = now;
    busy += (utilisation() - busy) * Math.min(1, passed / LATELY_MS);
    recent *= 0.5 ** (passed / HALF_LIFE_MS);
    // What its program does to start delays no client.
    if (serving) lag.add(passed - BEAT_MS);
    if (serving && !resigned) {
      bias?.beat(own(open()), scoreboard.others());
      steered?.settle(holding());
    }
    write(now);
    compare();
  };
  senses.every(BEAT_MS, beat);
  // What it has come to since the last beat.
  senses.atExit(() => write(senses.now()));
  write(senses.now());

  return {
    rebalance,
    passes: seat.passes,
    steers: steered !== undefined,
    count(one, arrived) {
      counts = [...counts, one];
      if (arrived !== undefined) unsure = [...unsure, arrived];
      return {
        [Symbol.dispose]() {
          counts = counts.filter((each) => each !== one);
          unsure = unsure.filter((each) => each !== arrived);
        },
      };
    },
    takes() {
      takes = true;
      changed();
    },
    isOver() {
      if (!serving) return false;
      const present = open();
      if (unseen > 0 && present + 1 <= limit) return false;
      const now = senses.now();
      if (dirty && now - wroteAt >= fresh()) write(now);
      const age = now - readAt;
      if (age > VALID_MS || (present + 1 > limit && age >= FRESH_MS)) read(now);
      return present + 1 > limit;
    },
    get limit() {
      return limit;
    },
    othersTake: () => scoreboard.others().some((each) => each.takes),
    full(is) {
      full += is ? 1 : -1;
      steered?.full(full > 0 || !serving);
      write(senses.now());
    },
    get takenByOthers() {
      return takenByOthers;
    },
    turned() {
      if (steered !== undefined && unsure.length > 0) changed();
    },
    pending(count) {
      pending = count;
      changed();
    },
    accepted(count, told) {
      dirty = true;
      // The kernel has counted it, and nobody else looks before the beat.
      if (told === true) return accept(count);
      acceptUnseen(count);
      if (unseen * 1000 < ending.perSecond * UNSEEN_MS) return;
      unseen = 0;
      changed();
    },
    ended() {
      toldOver++;
      if (resigned) return;
      // One with TLS is seen to be over a moment later.
      const isSeen = ends(note(senses.now())) >= toldOver;
      if (!isSeen && lookIn > MAX_FRESH_MS) lookAgain(fresh());
    },
    passedOn() {
      passedOn++;
      dirty = true;
    },
    kept(id) {
      kept = id;
      write(senses.now());
    },
    tookOver() {
      takenOver++;
      recent++;
      changed();
    },
    serve() {
      serving = true;
      steered?.full(full > 0);
      steered?.announce();
      // What it has done to start says nothing of its load.
      utilisation();
      beatAt = senses.now();
      const others = scoreboard.others();
      recent = Math.max(recent, fairRecent(seat.weight, others));
      bias?.begin(own(open()), others);
      write(senses.now());
      rebalance?.look();
    },
    leave() {
      serving = false;
      rebalance?.rest();
      steered?.full(true);
      write(senses.now());
    },
    resign() {
      resigned = true;
    },
  };
}
