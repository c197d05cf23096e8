/** What the slot table does step by step, for a whole pool and without haste. */
import {
  type Counts,
  grant,
  measure,
  type Need,
  plan,
  type PoolView,
  type SlotView,
  type Step,
} from "../../core/supervise/reconcile.ts";

const NEEDS: readonly Need[] = ["refill", "place", "dismissal", "renewal"];

/** What the slots count for together. */
export function count(slots: Iterable<SlotView>, pool: PoolView): Counts {
  const sum: Record<string, number> = {};
  for (const view of slots) {
    for (const [name, part] of Object.entries(measure(view, pool))) {
      sum[name] = (sum[name] ?? 0) + part;
    }
  }
  return sum as unknown as Counts;
}

/** Every step that can be taken now, or the first of them only. */
export function planAll(
  slots: readonly SlotView[],
  pool: PoolView,
  most: number = Infinity,
): readonly Step[] {
  const steps: Step[] = [];
  const counts: { -readonly [K in keyof Counts]: number } = count(slots, pool);
  const wishes = [...slots].sort((a, b) => a.slot - b.slot).map((view) => ({
    view,
    wish: plan(view, pool),
  }));
  for (const { view: { slot }, wish } of wishes) {
    if (wish !== undefined && "do" in wish) steps.push({ do: wish.do, slot });
  }
  for (const need of NEEDS) {
    for (const { view, wish } of wishes) {
      if (wish === undefined || "do" in wish || wish.need !== need) continue;
      const step = grant(need, view, counts, pool);
      if (step === undefined) break;
      steps.push({ do: step, slot: view.slot });
      if (step === "replace" || need === "place") counts.alive++;
      if (step === "vacate" || step === "drain") counts.ready--;
      if (step === "vacate") counts.holes++;
      if (need === "place") counts.holes--;
      if (step !== "drain") counts.begun++;
    }
  }
  return steps.slice(0, most);
}
