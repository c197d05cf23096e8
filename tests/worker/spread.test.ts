import assert from "node:assert/strict";
import {
  GAP_MS,
  type Pace,
  spreadOver,
  WINDOW_PART,
} from "../../worker/drain/spread.ts";
import { test } from "../harness.ts";

interface Clock extends Pace {
  /** Lets time pass until nothing is due any more. */
  run(until?: number): void;
}

function clock(dice: () => number): Clock {
  let time = 1000;
  let due: { at: number; call: () => void }[] = [];
  return {
    now: () => time,
    random: dice,
    after(ms, call) {
      const timer = { at: time + ms, call };
      due.push(timer);
      return () => due = due.filter((each) => each !== timer);
    },
    run(until = Infinity) {
      while (due.length > 0) {
        due.sort((a, b) => a.at - b.at);
        if (due[0]!.at > until) break;
        const timer = due.shift()!;
        time = timer.at;
        timer.call();
      }
      if (until !== Infinity) time = until;
    },
  };
}

/** The numbers from 0, and when each was ended. */
function scene(
  count: number,
  window: number,
  dice: () => number = () => 0.5,
) {
  const pace = clock(dice);
  const ends: { item: number; at: number }[] = [];
  const spread = spreadOver(
    Array.from({ length: count }, (_, item) => item),
    window,
    (item) => ends.push({ item, at: pace.now() - 1000 }),
    pace,
  );
  return { pace, ends, spread };
}

/** Small, fast and the same in every run. */
function dice(): () => number {
  let seed = 7;
  return () => (seed = seed * 16807 % 2147483647) / 2147483647;
}

test("few are ended a gap apart, the first at once, in order", () => {
  const { pace, ends } = scene(5, 30_000);
  assert.deepEqual(ends, [{ item: 0, at: 0 }]);
  pace.run();
  assert.deepEqual(
    ends,
    [0, 1, 2, 3, 4].map((item) => ({ item, at: item * GAP_MS })),
  );
});

test("the gaps have a jitter of half, whatever the dice say", () => {
  const { pace, ends } = scene(200, 60_000, dice());
  pace.run();
  const gaps = ends.slice(1).map(({ at }, index) => at - ends[index]!.at);
  for (const gap of gaps) {
    assert.ok(gap >= GAP_MS * 0.499 && gap < GAP_MS * 1.501, `${gap}`);
  }
  assert.ok(new Set(gaps.map(Math.round)).size > 20, `${gaps}`);
});

for (const count of [1, 2, 50, 1000, 50_000]) {
  for (const window of [0, 1, 300, 2500, 30_000]) {
    test(`${count} in a window of ${window} ms are all ended in their share of it`, () => {
      for (const random of [() => 0, () => 0.999999, dice()]) {
        const { pace, ends } = scene(count, window, random);
        pace.run();
        assert.deepEqual(
          ends.map(({ item }) => item),
          Array.from({ length: count }, (_, item) => item),
        );
        const last = ends.at(-1)!.at;
        // Half a gap of jitter, or one turn.
        const limit = window * WINDOW_PART +
          Math.min(GAP_MS / 2, window * WINDOW_PART) + 5;
        assert.ok(last <= limit && limit <= window + 55, `${last}`);
      }
    });
  }
}

test("many are spread evenly, not left to the end of the window", () => {
  const { pace, ends } = scene(10_000, 30_000, dice());
  pace.run();
  for (const part of [0.25, 0.5, 0.75]) {
    const done = ends.filter(({ at }) => at <= 24_000 * part).length;
    assert.ok(Math.abs(done - 10_000 * part) < 500, `${part}: ${done}`);
  }
});

test("one that is added waits for its turn, at the end, and never ends at once", () => {
  const { pace, ends, spread } = scene(3, 30_000);
  spread.add(9);
  pace.run();
  assert.deepEqual(ends.map(({ item }) => item), [0, 1, 2, 9]);
  spread.add(10);
  assert.equal(ends.length, 4);
  pace.run();
  assert.deepEqual(ends.at(-1), { item: 10, at: 4 * GAP_MS });
});

test("one that is added after the share of the window ends within a gap", () => {
  const { pace, ends, spread } = scene(0, 1000);
  pace.run(1990);
  spread.add(1);
  pace.run();
  assert.ok(ends[0]!.at > 990 && ends[0]!.at < 1000, `${ends[0]!.at}`);
});

test("one that is put back at its end is asked again later, also past the window", () => {
  const pace = clock(() => 0.5);
  let asked = 0;
  const spread = spreadOver<number>([], 0, () => {
    if (++asked < 5) spread.add(1);
  }, pace);
  spread.add(1);
  pace.run();
  assert.equal(asked, 5);
});

test("what ended by itself is not ended, and after stop() nothing is", () => {
  const { pace, ends, spread } = scene(5, 30_000);
  spread.delete(1);
  spread.delete(7);
  pace.run(1000 + GAP_MS);
  assert.deepEqual(ends.map(({ item }) => item), [0, 2]);
  spread.stop();
  pace.run();
  assert.equal(ends.length, 2);
});
