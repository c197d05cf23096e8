/**
 * Draws the figure of docs/BALANCE.md from what the model of a pool says, or
 * checks that what is there was drawn so.
 *
 *     node scripts/balance_figure.ts [--check]
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SLACK_MS } from "../core/balance/policy.ts";
import {
  MODES,
  studySlack,
  tailOf,
  unevennessOf,
} from "../tests/core/queueing_study.ts";
import { conclude, read } from "./lib/problems.ts";

const FILE = "docs/balance.svg";

/** The slacks that are looked at, in ms. */
const SLACKS = [2, 5, 10, 20, 50, 100, 200, 500];

/** Where a panel and its axes are, in the units of the figure. */
const TOP = 50;
const BOTTOM = 250;
const WIDTH = 270;

/** Maps a value to a coordinate. */
type Scale = (value: number) => number;

function logarithmic(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
): Scale {
  const part = (value: number) => Math.log(value / low) / Math.log(high / low);
  return (value) => Math.round(from + (to - from) * part(value));
}

function linear(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
): Scale {
  return (value) =>
    Math.round(from + (to - from) * (value - low) / (high - low));
}

function text(
  x: number,
  y: number,
  words: string,
  { anchor = "start", kind = "" }: { anchor?: string; kind?: string } = {},
): string {
  const named = kind === "" ? "" : ` class="${kind}"`;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${named}>${words}</text>`;
}

/** The axes of a panel, with marks at some values. */
function axes(
  left: number,
  x: Scale,
  y: Scale,
  [xs, ys]: readonly [readonly number[], readonly number[]],
  unit = "",
): string[] {
  return [
    `<path class="axis" d="M${left} ${TOP}V${BOTTOM}H${left + WIDTH}"/>`,
    ...xs.map((at) => text(x(at), BOTTOM + 16, `${at}`, { anchor: "middle" })),
    ...ys.map((at) =>
      `<path class="grid" d="M${left} ${y(at)}h${WIDTH}"/>` +
      text(left - 6, y(at) + 4, `${at}${unit}`, { anchor: "end" })
    ),
  ];
}

/** One point for each mode: how even it is, and how long its tail. */
function modes(left: number): string[] {
  const x = logarithmic([1, 8], [left + 12, left + WIDTH - 12]);
  const y = logarithmic([4, 130], [BOTTOM, TOP]);
  const optimum = tailOf(MODES["single queue"]!, 250);
  const points = Object.entries(MODES)
    .filter(([name]) => name !== "single queue")
    .map(([name, mode]) => {
      const [at, tail] = [x(unevennessOf(mode)), y(tailOf(mode, 250))];
      const kind = name === "balanced" ? "own" : "";
      const last = name === "shared";
      return `<circle cx="${at}" cy="${tail}" r="4"${
        kind && ` class="${kind}"`
      }/>` + text(at + (last ? -9 : 9), tail + (kind ? 15 : 4), name, {
        anchor: last ? "end" : "start",
        kind,
      });
    });
  return [
    text(left, 20, "Where the modes stand", { kind: "title" }),
    text(left, 36, "p99 of cheap requests beside long ones, in ms"),
    ...axes(left, x, y, [[1, 2, 4, 8], [5, 10, 20, 50, 100]]),
    text(left + WIDTH, BOTTOM + 34, "most open connections / mean", {
      anchor: "end",
    }),
    `<path class="bound" d="M${left} ${y(optimum)}h${WIDTH}"/>`,
    text(left + WIDTH / 2, y(optimum) - 6, "single queue, the optimum", {
      anchor: "middle",
    }),
    ...points,
  ];
}

/** What a slack costs and what it spares. */
function slacks(left: number): string[] {
  const studies = SLACKS.map(studySlack);
  const x = logarithmic([2, 500], [left + 8, left + WIDTH - 8]);
  const y = linear([0, 100], [BOTTOM, TOP]);
  const curves: [string, string, (study: typeof studies[number]) => number][] =
    [
      ["passed", "bursts passed on", ({ passed }) => passed],
      ["tail", "p99 above optimum", ({ tail }) => Math.max(0, tail - 1)],
      ["uneven", "most above the mean", ({ unevenness }) => unevenness - 1],
    ];
  return [
    text(left, 20, "Which slack", { kind: "title" }),
    ...axes(left, x, y, [[2, 5, 20, 50, 200, 500], [0, 50, 100]], " %"),
    text(left + WIDTH, BOTTOM + 34, "slack, in ms", { anchor: "end" }),
    `<path class="bound" d="M${x(SLACK_MS)} ${TOP}V${BOTTOM}"/>`,
    ...curves.flatMap(([kind, name, value], i) => [
      `<polyline class="${kind}" points="${
        studies.map((each) => `${x(each.slack)},${y(100 * value(each))}`)
          .join(" ")
      }"/>`,
      text(left + 166, TOP + 10 + 16 * i, name, { kind: `${kind} name` }),
    ]),
  ];
}

const figure = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 300">
<title>How even and how quick the share modes are, and what the slack does</title>
<style>
text { font: 11px system-ui, sans-serif; fill: #57606a }
.title { font-weight: 600; font-size: 13px; fill: #1f2328 }
.own { fill: #1a7f37; font-weight: 600 }
circle { fill: #57606a }
.axis, .grid, .bound, polyline { fill: none; stroke: #8c959f }
.grid { opacity: .25 }
.bound { stroke-dasharray: 4 4 }
polyline { stroke-width: 2 }
.passed { stroke: #0969da }
.tail { stroke: #bc4c00 }
.uneven { stroke: #8250df }
.name { stroke: none }
.passed.name { fill: #0969da }
.tail.name { fill: #bc4c00 }
.uneven.name { fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 }
.title { fill: #f0f6fc }
.own { fill: #3fb950 }
circle { fill: #9198a1 }
.passed { stroke: #4493f8 }
.tail { stroke: #f0883e }
.uneven { stroke: #ab7df8 }
.name { stroke: none }
.passed.name { fill: #4493f8 }
.tail.name { fill: #f0883e }
.uneven.name { fill: #ab7df8 }
}
circle.own { fill: #2da44e }
</style>
${[...modes(45), ...slacks(405)].join("\n")}
</svg>
`;

const { values } = parseArgs({
  options: { check: { type: "boolean", default: false } },
});
if (values.check) {
  const same = read(FILE) === figure;
  conclude(
    "balance figure",
    same ? [] : [
      `${FILE} is not what the model says, run node scripts/balance_figure.ts`,
    ],
  );
} else writeFileSync(new URL(`../${FILE}`, import.meta.url), figure);
