import type { Cost } from "./times.ts";

/** What is done in one piece. */
export interface Job {
  /** What a person calls it. */
  readonly name: string;
  /** What it is expected to take; undefined when it never ran. */
  readonly expected: Cost | undefined;
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

/** The least part of a core that a job counts for, however long it sleeps. */
const LEAST = 1 / 4;

/** How many cores a job keeps busy on average; one when it never ran. */
export function coresOf({ expected }: Job): number {
  if (expected === undefined) return 1;
  const { cpu, seconds } = expected;
  return seconds > 0 ? Math.max(LEAST, cpu / seconds) : LEAST;
}

/**
 * Longest first, so that no core is left alone with a long job at the end;
 * what never ran may be long, and comes before all.
 */
export function longestFirst<J extends Job>(jobs: readonly J[]): J[] {
  const seconds = ({ expected }: Job): number => expected?.seconds ?? Infinity;
  // Infinity less Infinity is no number.
  return jobs.toSorted((a, b) =>
    seconds(a) === seconds(b) ? 0 : seconds(b) - seconds(a)
  );
}

/**
 * Does all jobs in the order in which they come: the next one begins as soon as
 * there is room for it on the cores, or for one core's worth of it. Many tests
 * wait for most of their time, and what is starved fails.
 */
export async function runQueue(
  jobs: readonly Job[],
  cores: number,
  events: QueueEvents,
): Promise<void> {
  const left = [...jobs];
  const running = new Map<Job, Promise<void>>();
  const work = async (job: Job): Promise<void> => {
    events.began(job);
    await job.run();
    running.delete(job);
    events.ended(job);
  };
  const hasRoom = (job: Job): boolean => {
    const used = [...running.keys()].reduce(
      (sum, one) => sum + coresOf(one),
      0,
    );
    return running.size === 0 || used + Math.min(1, coresOf(job)) <= cores;
  };
  while (left.length + running.size > 0) {
    const held = new Set([...running.keys()].map(({ holds }) => holds));
    const next = left.findIndex(({ holds }) =>
      holds === undefined || !held.has(holds)
    );
    if (next >= 0 && hasRoom(left[next]!)) {
      const [job] = left.splice(next, 1);
      running.set(job!, work(job!));
    } else await Promise.race(running.values());
  }
}
