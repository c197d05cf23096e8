import os from "node:os";

/** What is done in one piece. */
export interface Job {
  /** What a person calls it. */
  readonly name: string;
  /** Seconds that it is expected to take; undefined when it never ran. */
  readonly expected: number | undefined;
  /** What it needs for itself: no two jobs with the same run at once. */
  readonly holds?: string | undefined;
  /** Does it. */
  run(): Promise<void>;
}

/** What happens to the jobs of a queue, for whoever shows it. */
export interface QueueEvents {
  /** A job begins. */
  began(job: Job): void;
  /** A job is over. */
  ended(job: Job): void;
}

/**
 * Longest first, so that no core is left alone with a long job at the end; what
 * never ran may be long, and comes before all. Jobs that have to wait for each
 * other count as long as all of them together.
 */
export function longestFirst<J extends Job>(jobs: readonly J[]): J[] {
  const own = ({ expected }: Job): number => expected ?? Infinity;
  const together = new Map<string, number>();
  for (const job of jobs) {
    if (job.holds === undefined) continue;
    together.set(job.holds, (together.get(job.holds) ?? 0) + own(job));
  }
  const seconds = (job: Job): number =>
    job.holds === undefined ? own(job) : together.get(job.holds)!;
  // Infinity less Infinity is no number.
  const compare = (a: number, b: number): number => a === b ? 0 : b - a;
  return jobs.toSorted((a, b) =>
    compare(seconds(a), seconds(b)) || compare(own(a), own(b))
  );
}

/** The machine, as far as the queue asks for it. */
export interface Machine {
  /** How many cores there are for the jobs. */
  readonly cores: number;
  /** How many of them had nothing to do since it was asked before. */
  idle(): number;
}

/** The cores of this machine, whoever keeps them busy. */
export function thisMachine(cores: number): Machine {
  const busyTime = (): number =>
    os.cpus().reduce(
      (sum, { times: { user, nice, sys, irq } }) =>
        sum + user + nice + sys + irq,
      0,
    );
  let before = busyTime();
  let since = performance.now();
  return {
    cores,
    idle() {
      const now = performance.now();
      const busy = busyTime();
      const idle = cores - (busy - before) / (now - since);
      before = busy;
      since = now;
      return idle;
    },
  };
}

/** How often is looked whether the cores are idle, in ms. */
const LOOK_MS = 500;

/** What has to be idle for one more job, in cores. */
const ROOM = 0.3;

/** The most jobs at a time, for each core: many wait for most of their time. */
const MOST = 3;

/**
 * Does all jobs, as many at a time as there are cores, in the order in which
 * they come. Whenever the cores have had too little to do for a moment one more
 * begins, from the other end: short ones are soon over when they turn out to be
 * too many.
 */
export async function runQueue(
  jobs: readonly Job[],
  { cores, idle }: Machine,
  events: QueueEvents,
  look: number = LOOK_MS,
): Promise<void> {
  const left = [...jobs];
  const running = new Map<Job, Promise<void>>();
  const work = async (job: Job): Promise<void> => {
    events.began(job);
    await job.run();
    running.delete(job);
    events.ended(job);
  };
  /** Begins the next job that nothing else stands in the way of. */
  const begin = (way: "findIndex" | "findLastIndex"): boolean => {
    const held = new Set([...running.keys()].map(({ holds }) => holds));
    const next = left[way](({ holds }) =>
      holds === undefined || !held.has(holds)
    );
    if (next < 0) return false;
    const [job] = left.splice(next, 1);
    running.set(job!, work(job!));
    return true;
  };
  const timer = setInterval(() => {
    const room = idle();
    if (room >= ROOM && running.size < MOST * cores) begin("findLastIndex");
  }, look);
  while (left.length + running.size > 0) {
    if (running.size >= cores || !begin("findIndex")) {
      await Promise.race(running.values());
    }
  }
  clearInterval(timer);
}
