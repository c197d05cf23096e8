import type { Job, QueueEvents } from "./queue.ts";

/** Where a run stands. */
export interface Standing {
  /** How many jobs there are. */
  readonly all: number;
  /** How many are over. */
  readonly done: number;
  /** How many tests have failed. */
  readonly failed: number;
  /** Milliseconds since the run began. */
  readonly elapsed: number;
  /** Seconds that what is not over yet took the last time. */
  readonly expected: number;
  /** What runs. */
  readonly running: readonly string[];
}

/** One line about a run, as wide as it needs to be. */
export function progressLine(standing: Standing): string {
  const { all, done, failed, elapsed, expected, running } = standing;
  return [
    `${done} of ${all} done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    `${clock(elapsed / 1000)} passed, about ${clock(expected)} left`,
    ...(running.length > 0 ? [running.join(", ")] : []),
  ].join("; ");
}

/** Seconds as minutes and seconds: 0:07, 12:30. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Seconds for a job that never ran. */
const UNKNOWN = 10;

/** Milliseconds between two lines where no line can be written over. */
const ON_A_PIPE = 30_000;
const ON_A_TERMINAL = 500;

/** Where lines go, as far as it matters here. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The progress of a run. */
export interface Progress extends QueueEvents {
  /** Prints something above the line that moves. */
  print(text: string): void;
  /** Counts failed tests. */
  failed(count: number): void;
  /** Takes the line away. */
  end(): void;
}

/**
 * Shows a run as it goes: one line that moves on a terminal, a line every half
 * minute anywhere else.
 */
export function showProgress(
  jobs: readonly Job[],
  cores: number,
  screen: Screen,
): Progress {
  const began = performance.now();
  /** What runs, and since when. */
  const running = new Map<Job, number>();
  const waiting = new Set(jobs);
  let failed = 0;
  /** What was expected of the jobs that are over, and what they took. */
  let foreseen = 0;
  let taken = 0;

  const secondsOf = ({ expected = UNKNOWN }: Job): number => expected;
  const line = (): string => {
    const now = performance.now();
    // This machine may be a slower or a busier one than the last.
    const pace = foreseen > 0 ? taken / foreseen : 1;
    const lefts = [...running].map(([job, since]) =>
      Math.max(0, secondsOf(job) * pace - (now - since) / 1000)
    );
    const all = [...running.values()].reduce(
      (sum, since) => sum + (now - since) / 1000,
      taken,
    );
    // As many at a time as there have been on average.
    const atATime = Math.max(cores, all / ((now - began) / 1000));
    const waits = [...waiting].map((job) => secondsOf(job) * pace);
    const sum = [...lefts, ...waits].reduce((sum, each) => sum + each, 0);
    return progressLine({
      all: jobs.length,
      done: jobs.length - waiting.size - running.size,
      failed,
      elapsed: now - began,
      expected: Math.max(sum / atATime, ...lefts, ...waits),
      running: [...running.keys()].map(({ name }) => name),
    });
  };
  const moves = screen.isTTY === true;
  const clear = (): void => void (moves && screen.write("\r\x1b[K"));
  const show = (): void => {
    const text = line();
    if (!moves) return void screen.write(`${text}\n`);
    clear();
    screen.write(text.slice(0, (screen.columns ?? 80) - 1));
  };
  const timer = setInterval(show, moves ? ON_A_TERMINAL : ON_A_PIPE);

  return {
    began(job) {
      waiting.delete(job);
      running.set(job, performance.now());
    },
    ended(job) {
      foreseen += secondsOf(job);
      taken += (performance.now() - running.get(job)!) / 1000;
      running.delete(job);
    },
    print(text) {
      clear();
      screen.write(`${text}\n`);
    },
    failed(count) {
      failed += count;
    },
    end() {
      clearInterval(timer);
      clear();
    },
  };
}
