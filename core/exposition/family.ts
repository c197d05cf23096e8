/**
 * Metrics as they are told: families of numbers.
 *
 * @module
 */

/** What a family can be, as far as it is used here. */
export type FamilyType =
  | "counter"
  | "gauge"
  | "histogram"
  | "summary"
  | "info"
  | "unknown";

/** One number. */
export interface Sample {
  /** What follows the name of the family, as in `_total`; often nothing. */
  readonly suffix?: string;
  /** Its labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The number. */
  readonly value: number;
}

/** Numbers of one kind. */
export interface Family {
  /** The name; of a counter without `_total`, of an info without `_info`. */
  readonly name: string;
  /** What its numbers are. */
  readonly type: FamilyType;
  /** The unit, with which the name then ends. */
  readonly unit?: string | undefined;
  /** A sentence. */
  readonly help: string;
  /** The numbers. */
  readonly samples: readonly Sample[];
}
