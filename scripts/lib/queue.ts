/** What is done in one piece, on one lane. */
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
 * Longest first, so that no lane is left alone with a long job at the end;
 * what never ran may be long, and comes before all.
 */
export function longestFirst<J extends Job>(jobs: readonly J[]): J[] {
  const seconds = ({ expected }: Job): number => expected ?? Infinity;
  // Infinity less Infinity is no number.
  return jobs.toSorted((a, b) =>
    seconds(a) === seconds(b) ? 0 : seconds(b) - seconds(a)
  );
}

/** Does all jobs, so many at a time, in the order in which they come. */
export async function runQueue(
  jobs: readonly Job[],
  lanes: number,
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
  while (left.length + running.size > 0) {
    const held = new Set([...running.keys()].map(({ holds }) => holds));
    const next = left.findIndex(({ holds }) =>
      holds === undefined || !held.has(holds)
    );
    if (running.size < lanes && next >= 0) {
      const [job] = left.splice(next, 1);
      running.set(job!, work(job!));
    } else await Promise.race(running.values());
  }
}
