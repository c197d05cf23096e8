/**
 * How long clients wait under each policy, in a model.
 *
 * Runs once, under vitest: its numbers come out of a seeded generator, so that
 * each engine computes the same.
 */
import assert from "node:assert/strict";
import { SLACK_MS } from "../../core/balance/policy.ts";
import { describe, test } from "../harness.ts";
import { quantile } from "./queueing.ts";
import { balanced } from "./queueing_balanced.ts";
import {
  churn,
  closedChurn,
  type Load,
  mixed,
  type Outcome,
  placing,
  play,
  type PlayOptions,
  sessions,
  spread,
} from "./queueing_loads.ts";
import {
  leastConnections,
  type MakePlacement,
  random,
  roundRobin,
  shared,
  singleQueue,
} from "./queueing_placements.ts";
import { studySlack, tailOf } from "./queueing_study.ts";

const p99 = ({ waits }: Outcome): number => quantile(waits["all"]!, 0.99);

describe("connections that stay", () => {
  for (const apart of [0, 5]) {
    const when = apart === 0 ? "at once" : `${apart} ms apart`;
    test(`200 over 8 workers, ${when}: most to fewest at most 1.15`, () => {
      for (const seed of [1, 2, 3]) {
        const load = placing(200, apart);
        const even = play(balanced(), 8, load, { until: 3000, seed });
        assert.ok(spread(even) <= 1.15, `seed ${seed}: ${spread(even)}`);
        assert.ok(spread(play(random, 8, load, { seed })) > 1.3);
      }
    });
  }

  test("200 at once, accepted by all workers: most to fewest at most 1.15", () => {
    for (const seed of [1, 2, 3]) {
      const mode = balanced({ herd: true });
      const even = play(mode, 8, placing(200, 0), { until: 40, seed });
      assert.ok(spread(even) <= 1.15, `seed ${seed}: ${spread(even)}`);
    }
  });

  test("servers that yield are as even, unless all come at once", () => {
    const mode = balanced({ by: "yielding" });
    const even = play(mode, 8, placing(200, 5), { until: 3000 });
    assert.ok(spread(even) <= 1.15, String(spread(even)));
    const once = play(mode, 8, placing(200, 0), { until: 3000 });
    assert.equal(spread(once), Infinity);
  });

  test("5,000 over 64 workers, at once: nobody has 10 % above the mean", () => {
    const { workers } = play(balanced(), 64, placing(5000, 0));
    const open = workers.map((each) => each.open);
    assert.equal(open.reduce((a, b) => a + b), 5000);
    assert.ok(Math.max(...open) <= 86, open.join(" "));
  });

  test("light requests on them do not make a pool uneven", () => {
    for (const seed of [1, 2, 3]) {
      const load = sessions({
        clients: 200,
        requests: Infinity,
        think: 1000,
        cost: 0.3,
        sigma: 1,
        within: 1000,
      });
      const even = play(balanced(), 8, load, { until: 2000, seed });
      assert.ok(spread(even) <= 1.15, `seed ${seed}: ${spread(even)}`);
    }
  });
});

describe("churn of short connections", () => {
  const cases: [string, number, Load, PlayOptions][] = [
    ["half busy", 4, churn(4000, 0.5), { until: 4000 }],
    ["87 % busy", 4, churn(7000, 0.5), { until: 3000 }],
    ["64 workers, 90 % busy", 64, churn(57_600, 1), { until: 600 }],
    ["64 clients in a closed loop", 4, closedChurn(64, 0.3), { until: 2000 }],
    ["four workers on one core", 4, closedChurn(64, 0.1), {
      until: 2000,
      cores: 1,
    }],
  ];
  for (const [name, workers, load, options] of cases) {
    test(`${name}: fewer than 2 % are passed on, the tail is that of one socket`, () => {
      const even = play(balanced(), workers, load, options);
      assert.ok(even.passed < 0.02, `passed on: ${even.passed}`);
      const one = p99(play(shared, workers, load, options));
      assert.ok(p99(even) <= 1.2 * one, `p99: ${p99(even)}, ${one}`);
    });
  }

  test("bursts of 20: as quick as one socket, and not one in ten is passed on", () => {
    const load = churn(1600, 1, { batch: 20 });
    const even = play(balanced(), 8, load, { until: 5000 });
    const one = play(shared, 8, load, { until: 5000 });
    assert.ok(even.passed < 0.1, `passed on: ${even.passed}`);
    assert.ok(p99(even) <= 1.1 * p99(one), `${p99(even)}, ${p99(one)}`);
  });
});

describe("cheap requests while 6 % burn 60 ms of CPU", () => {
  for (const perSecond of [100, 250]) {
    test(`${perSecond} a second: p99 as with a single queue, an eighth of random and round-robin`, () => {
      const optimum = tailOf(singleQueue, perSecond);
      const even = tailOf(balanced(), perSecond);
      const yields = tailOf(balanced({ by: "yielding" }), perSecond);
      assert.ok(even <= 1.2 * optimum, `${even}, ${optimum}`);
      assert.ok(yields <= 1.2 * optimum, `${yields}, ${optimum}`);
      for (const mode of [random, roundRobin]) {
        const dealt = tailOf(mode, perSecond);
        assert.ok(dealt >= 8 * even, `${dealt}, ${even}`);
      }
    });
  }
});

describe("sessions of unequal cost", () => {
  /** The mean, over seeds, of the logarithm of the 99th percentile. */
  const tail = (mode: MakePlacement): number => {
    let sum = 0;
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const load = sessions({
        clients: 64,
        requests: 100,
        think: 50,
        cost: 2.2,
        sigma: 1,
      });
      sum += Math.log(p99(play(mode, 4, load, { until: 20_000, seed })));
    }
    return Math.exp(sum / 6);
  };

  test("p99 is better than round-robin's and least connections'", () => {
    const even = tail(balanced());
    const [least, dealt] = [tail(leastConnections), tail(roundRobin)];
    assert.ok(even < 0.92 * least, `${even}, ${least}`);
    assert.ok(even < 0.85 * dealt, `${even}, ${dealt}`);
  });

  test("no placement of connections is as good as a queue of requests", () => {
    assert.ok(tail(singleQueue) < tail(balanced()));
  });
});

describe("the slack", () => {
  test("shorter passes more on, longer is less even, as it is there is neither", () => {
    const chosen = studySlack(SLACK_MS);
    assert.ok(chosen.passed < 0.1, JSON.stringify(chosen));
    assert.ok(chosen.unevenness < 1.1, JSON.stringify(chosen));
    assert.ok(chosen.tail < 1.2, JSON.stringify(chosen));
    const shorter = studySlack(SLACK_MS / 10);
    assert.ok(shorter.passed > 3 * chosen.passed, JSON.stringify(shorter));
    assert.ok(shorter.tail > chosen.tail, JSON.stringify(shorter));
    const longer = studySlack(SLACK_MS * 10);
    assert.ok(longer.unevenness > 1.3, JSON.stringify(longer));
  });
});

describe("a canary at 5 %", () => {
  const weights = [1, 1, 1, 0.158];
  const shareOf = (
    { workers }: Pick<Outcome, "workers">,
    index: number,
    before: readonly number[] = [0, 0, 0, 0],
  ): number => {
    const taken = workers.map((each, i) => each.taken - before[i]!);
    return taken[index]! / taken.reduce((a, b) => a + b);
  };
  const loads: [string, Load][] = [
    ["short connections, few", churn(1000, 0.5)],
    ["short connections, many", churn(5000, 0.5)],
    ["connections that stay", placing(400, 5)],
    ["connections that stay, at once", placing(400, 0)],
    ["long requests among short ones", mixed(100)],
  ];
  for (const [name, load] of loads) {
    test(`${name}: it gets 4 to 6 %, woken first or last`, () => {
      for (const index of [0, 3]) {
        const order = index === 0 ? weights.toReversed() : weights;
        const mode = balanced({ weights: order });
        const share = shareOf(play(mode, 4, load, { until: 4000 }), index);
        assert.ok(share > 0.04 && share < 0.06, `${index}: ${share}`);
      }
    });
  }

  test("few are passed on for it, when it is woken last", () => {
    for (const load of [churn(1000, 0.5), mixed(100)]) {
      const { passed } = play(balanced({ weights }), 4, load);
      assert.ok(passed > 0.03 && passed < 0.15, String(passed));
    }
  });

  test("a server that yields has its share too", () => {
    const mode = balanced({ weights, by: "yielding" });
    for (const load of [churn(1000, 0.5), placing(400, 5)]) {
      const share = shareOf(play(mode, 4, load, { until: 4000 }), 3);
      assert.ok(share > 0.04 && share < 0.06, String(share));
    }
  });

  test("a new one is not flooded, and gets its share from the start", () => {
    const restart = { index: 3, at: 3000 };
    for (const load of [churn(1000, 0.5), placing(800, 5)]) {
      const mode = balanced({ weights, restart });
      const { workers } = play(mode, 4, load, { until: 2999 });
      const before = workers.map(({ taken }) => taken);
      const after = play(mode, 4, load, { until: 4000 });
      const share = shareOf(after, 3, before);
      assert.ok(share > 0.04 && share < 0.06, String(share));
    }
  });
});
