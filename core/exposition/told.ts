/**
 * The metrics that workers tell of themselves, made those of the pool: counters
 * and histograms are summed over all workers, also those that are gone, and
 * gauges stand for each slot.
 *
 * @module
 */

import type { Family, FamilyType, Sample } from "./family.ts";
import { keyOf, parseMetrics } from "./parse.ts";

/** The most series that are kept of workers that are gone. */
const MAX_PAST = 10_000;

/** Who tells: a worker, which may change its slot. */
interface Teller {
  /** The slot that it fills. */
  readonly slot: number;
}

/** Samples by family, suffix and labels. */
type Series = Map<string, { readonly of: Family; readonly sample: Sample }>;

/** What workers have told. */
export class Told {
  readonly #latest = new Map<Teller, Series>();
  /** What is added to what workers tell now, so that no sum falls. */
  readonly #past: Series = new Map();

  /** Takes what a worker tells; false when it cannot be read. */
  hear(worker: Teller, text: string): boolean {
    let families: readonly Family[];
    try {
      families = parseMetrics(text);
    } catch {
      return false;
    }
    const told: Series = new Map();
    for (const of of families) {
      for (const sample of of.samples) {
        told.set(`${of.name} ${sample.suffix} ${keyOf(sample.labels)}`, {
          of,
          sample,
        });
      }
    }
    // One that has fallen has begun anew.
    for (const [key, before] of this.#latest.get(worker) ?? []) {
      const now = told.get(key)?.sample.value ?? -Infinity;
      if (now < before.sample.value) this.#keep(key, before);
    }
    this.#latest.set(worker, told);
    return true;
  }

  /** A worker is gone: what it has counted stays. */
  lose(worker: Teller): void {
    for (const [key, each] of this.#latest.get(worker) ?? []) {
      this.#keep(key, each);
    }
    this.#latest.delete(worker);
  }

  /** All of it, as of one pool. */
  families(pool: string): readonly Family[] {
    const heads = new Map<string, Family>();
    const sums = new Map<string, Map<string, Sample>>();
    const tell = (
      { of, sample }: { of: Family; sample: Sample },
      slot?: string,
    ) => {
      const head = heads.get(of.name);
      // Of two programs the first one says what it is.
      if (head !== undefined && head.type !== of.type) return;
      if (head === undefined || head.help === "") heads.set(of.name, of);
      const adds = isSummed(of.type);
      const once = adds || of.type === "info";
      const labels = {
        pool,
        ...(!once && slot !== undefined && { slot }),
        ...sample.labels,
      };
      const samples = sums.get(of.name) ?? new Map<string, Sample>();
      sums.set(of.name, samples);
      const key = `${sample.suffix} ${keyOf(labels)}`;
      const before = adds ? samples.get(key)?.value ?? 0 : 0;
      samples.set(key, { ...sample, labels, value: before + sample.value });
    };
    for (const [worker, series] of this.#latest) {
      for (const each of series.values()) tell(each, String(worker.slot));
    }
    for (const each of this.#past.values()) tell(each);
    return [...heads.values()].map((head) => ({
      ...head,
      help: head.help || "Told by workers.",
      samples: inOrder([...sums.get(head.name)!.values()]),
    }));
  }

  #keep(
    key: string,
    { of, sample }: { readonly of: Family; readonly sample: Sample },
  ): void {
    if (!isSummed(of.type)) return;
    const before = this.#past.get(key);
    if (before === undefined && this.#past.size >= MAX_PAST) return;
    const value = sample.value + (before?.sample.value ?? 0);
    this.#past.set(key, { of, sample: { ...sample, value } });
  }
}

function isSummed(type: FamilyType): boolean {
  return type === "counter" || type === "histogram" || type === "summary";
}

/** The samples of one histogram stand together (OpenMetrics, section 4.5). */
function inOrder(samples: readonly Sample[]): readonly Sample[] {
  const group = ({ labels: { le: _, ...others } }: Sample): string =>
    keyOf(others);
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const own = groups.get(group(sample)) ?? [];
    groups.set(group(sample), own);
    own.push(sample);
  }
  return [...groups.values()].flatMap((own) =>
    own.sort((a, b) => bound(a) - bound(b))
  );
}

/** Buckets by their bound, and what has none behind them. */
function bound({ labels: { le } }: Sample): number {
  return le === undefined
    ? Number.MAX_VALUE
    : le === "+Inf"
    ? Number.MAX_VALUE / 2
    : Number(le);
}
