/**
 * What workers tell of themselves: read, and summed.
 *
 * Runs once, under bun: it is all in memory.
 */
import assert from "node:assert/strict";
import type { TextAnswer } from "../../core/control/socket.ts";
import { MAX_PAGE, parseMetrics } from "../../core/exposition/parse.ts";
import { Told } from "../../core/exposition/told.ts";
import { exposition } from "../../core/monitor/exposition.ts";
import { describe, test } from "../harness.ts";
import { running, settle } from "./world.ts";

/** The samples of all families, as they are written. */
const shown = (told: Told): string[] =>
  exposition(told.families("web"), "").text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/pool="web",?/, "").replace("{}", ""));

describe("a text that is read", () => {
  test("in the older format, and in OpenMetrics", () => {
    const older = parseMetrics(
      `# HELP a_total Some "a".\n# TYPE a_total counter\na_total{x="1",} 5 1700000000\n\n# a remark\nb 1e3\n`,
    );
    assert.deepEqual(older, [
      {
        ...{ name: "a", type: "counter", help: 'Some "a".' },
        samples: [{ suffix: "_total", labels: { x: "1" }, value: 5 }],
      },
      {
        ...{ name: "b", type: "unknown", help: "" },
        samples: [{ suffix: "", labels: {}, value: 1000 }],
      },
    ]);
    const [open] = parseMetrics(
      `# TYPE a_seconds counter\r\n# UNIT a_seconds seconds\n# HELP a_seconds A.\na_seconds_total{p="# {"} 1 # {trace="x"} 0.5\na_seconds_created 17\n# EOF\n`,
    );
    assert.deepEqual(open, {
      ...{ name: "a_seconds", type: "counter", help: "A.", unit: "seconds" },
      samples: [{ suffix: "_total", labels: { p: "# {" }, value: 1 }],
    });
  });

  test("labels hold what they hold", () => {
    const [family] = parseMetrics('a{b="x\\"y\\\\n\\n}{",c="é, =\\"1"} NaN');
    assert.deepEqual(family?.samples[0]?.labels, {
      b: 'x"y\\n\n}{',
      c: 'é, ="1',
    });
    assert.ok(Number.isNaN(family?.samples[0]?.value));
  });

  for (
    const [text, problem] of [
      ["a 1\nb", /line 2 \(b\) is no sample/],
      ["a x", /line 1 \(a x\) has "x" where a number/],
      ["a 0x10", /has "0x10" where a number/],
      ["a{b=1} 1", /line 1 .* has labels that cannot be read/],
      ['a{b="1" c="2"} 1', /has labels that cannot be read/],
      ['a{b="1",b="2"} 1', /has the label "b" twice/],
      ["a 1\na 2", /line 2 \(a 2\) is there twice/],
      ['a{x="1",y="2"} 1\na{y="2",x="1"} 2', /line 2 .* is there twice/],
      ["# TYPE a number", /line 1 .* has the type "number"/],
      ["# TYPE a gauge\n# TYPE a gauge", /line 2 .* is there already/],
      ["prefork_workers 1", /line 1 .* begins with "prefork_"/],
      ['a{slot="1"} 1', /has the label "slot", which the pool adds/],
      ['a{pool="1"} 1', /has the label "pool", which the pool adds/],
      ["{} 1", /is no sample/],
      [`a${"x".repeat(100)} y`, /line 1 \(ax{77}\.\.\) has/],
      ["a 1\n".repeat(MAX_PAGE / 4) + "x", /262145 characters and may have/],
    ] as const
  ) {
    test(`${JSON.stringify(text.slice(0, 40))} is refused`, () => {
      assert.throws(() => parseMetrics(text), problem);
    });
  }

  test("takes no time for what is meant to take some", () => {
    const labels = Array.from({ length: 9_000 }, (_, i) => `l${i}="\\\\"`);
    parseMetrics(`a{${labels.join()}} 1`);
    assert.throws(() => parseMetrics(`a{${"b".repeat(200_000)} 1`));
    assert.throws(() => parseMetrics(`a${'"\\'.repeat(100_000)} # {`));
  });
});

describe("what several tell", () => {
  const counter = (value: number): string =>
    `# TYPE a counter\na_total ${value}`;

  test("counters are summed, gauges are each slot's", () => {
    const told = new Told();
    for (const slot of [0, 1]) {
      const text = `${counter(2)}\n# TYPE g gauge\ng{x="y"} ${slot + 5}\nu 1`;
      assert.ok(told.hear({ slot }, text));
    }
    assert.deepEqual(shown(told), [
      ...["a_total 4", 'g{slot="0",x="y"} 5', 'g{slot="1",x="y"} 6'],
      ...['u{slot="0"} 1', 'u{slot="1"} 1'],
    ]);
  });

  test("nothing falls when a worker ends, begins anew, or forgets", () => {
    const told = new Told();
    const [one, two] = [{ slot: 0 }, { slot: 0 }];
    told.hear(one, counter(7));
    told.lose(one);
    assert.deepEqual(shown(told), ["a_total 7"]);
    told.hear(two, counter(3));
    assert.deepEqual(shown(told), ["a_total 10"]);
    told.hear(two, counter(1));
    assert.deepEqual(shown(told), ["a_total 11"]);
    told.hear(two, "");
    assert.deepEqual(shown(told), ["a_total 11"]);
    told.lose(two);
    told.lose(two);
    assert.deepEqual(shown(told), ["a_total 11"]);
  });

  test("the gauges of a worker go with it, and a slot has one of each", () => {
    const told = new Told();
    const [old, next] = [{ slot: 3 }, { slot: 3 }];
    told.hear(old, "# TYPE g gauge\ng 1");
    told.hear(next, "# TYPE g gauge\ng 2");
    told.hear(old, "# TYPE g gauge\ng 3");
    assert.deepEqual(shown(told), ['g{slot="3"} 2']);
    told.lose(next);
    told.lose(old);
    assert.deepEqual(shown(told), []);
  });

  test("histograms are summed bucket by bucket, summaries without quantiles", () => {
    const told = new Told();
    const text = (n: number) =>
      `# TYPE h histogram\nh_bucket{le="+Inf"} ${n}\nh_bucket{le="0.5"} ${n}\nh_sum ${n}\nh_count ${n}\n` +
      `# TYPE s summary\ns{quantile="0.9"} 1\ns_sum ${n}\ns_count ${n}`;
    for (const slot of [0, 1]) told.hear({ slot }, text(slot + 1));
    assert.deepEqual(shown(told), [
      ...['h_bucket{le="0.5"} 3', 'h_bucket{le="+Inf"} 3', "h_sum 3"],
      ...["h_count 3", "s_sum 3", "s_count 3"],
    ]);
  });

  test("of two programs that disagree one is told", () => {
    const told = new Told();
    told.hear({ slot: 0 }, counter(1));
    told.hear({ slot: 1 }, "# TYPE a gauge\na 5");
    assert.deepEqual(shown(told), ["a_total 1"]);
  });

  test("what cannot be read changes nothing", () => {
    const told = new Told();
    const worker = { slot: 0 };
    told.hear(worker, counter(1));
    assert.equal(told.hear(worker, "a b c d"), false);
    assert.deepEqual(shown(told), ["a_total 1"]);
  });
});

test("a worker's text is on the page of its pool, and stays when it is gone", async () => {
  const { world } = await running({ metrics: ":9000" });
  const page = async (): Promise<string> => {
    const asked = { method: "GET", path: "/metrics", accept: "" };
    const query = new URLSearchParams();
    const [answer] = world.answers;
    return ((await answer!({ ...asked, query })) as TextAnswer).text;
  };
  const [first] = world.processes;
  first!.say({ type: "metrics", text: "# TYPE jobs counter\njobs_total 4" });
  assert.match(await page(), /^jobs_total\{pool="127.0.0.1-8080"\} 4$/m);
  first!.exit({ code: 1 });
  await settle();
  assert.match(await page(), /^jobs_total\{pool="127.0.0.1-8080"\} 4$/m);
  world.processes[1]!.say({ type: "metrics", text: "jobs" });
  await settle();
  assert.match(await page(), /^jobs_total\{pool="127.0.0.1-8080"\} 4$/m);
});
