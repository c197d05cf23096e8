/**
 * What was found on a machine that a pool is to run on.
 *
 * @module
 */

/** How bad it is: as it should be, worth knowing, or in the way of the pool. */
export type Verdict = "ok" | "note" | "problem";

/** One finding. */
export interface Finding {
  /** How bad it is. */
  readonly verdict: Verdict;
  /** What was looked at, in a word or two. */
  readonly subject: string;
  /** What was found, as one sentence. */
  readonly text: string;
  /** What mends it: a command, an option or a setting of a unit. */
  readonly mend?: string;
}

/** What is wrong, and what mends it. */
export interface Trouble {
  /** What is wrong, as one sentence. */
  readonly text: string;
  /** What mends it. */
  readonly mend: string;
}

/** Both as one sentence, for a line of the log. */
export function warningOf({ text, mend }: Trouble): string {
  return `${text}: ${mend}`;
}
