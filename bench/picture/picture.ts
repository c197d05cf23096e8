/**
 * The picture of the trade, as SVG: a panel per runtime, a dot per mode. It
 * stands on a ground of its own and asks the viewer's colour scheme, so that it
 * can be read on light and on dark pages; it needs no script and no font.
 *
 * @module
 */

import { nameOf, NAMES, panel, radius } from "./panel.ts";
import { logScale, type Scale } from "./scale.ts";
import { circle, escape, round, text } from "./svg.ts";
import type { RuntimeTrades } from "./trade.ts";

/** The room around the panels. */
const LEFT = 74;
const RIGHT = 14;
const TOP = 40;
const BOTTOM = 92;

/** A panel, and the space between two. */
const WIDTH = 238;
const HEIGHT = 256;
const GAP = 14;

/** The room between the frame of a panel and the ends of its axes. */
const PADDING = 22;

/** The room below the lowest evenness, for names: many modes are there. */
const FLOOR = 46;

/** The room between the highest evenness and what is beyond it. */
const BEYOND = 24;

/** What can stand at the axes. */
const MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const EVENNESS = [1, 1.2, 1.5, 2, 3, 5, 10];

const STYLE = `
svg{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.ground{fill:#fff}.panel{fill:none;stroke:#d0d7de}
.grid{stroke:#eaeef2}.lead{stroke:#8c959f}
text{fill:#1f2328}.minor{fill:#59636e}.title{font-weight:600;font-size:14px}
.dot{fill:#8c959f;fill-opacity:.45;stroke:#59636e}
.best{fill:#1a7f37;fill-opacity:.75;stroke:#116329}
.best-name{fill:#116329;font-weight:600}
.arrow{fill:none;stroke:#59636e;stroke-width:1.5}
@media (prefers-color-scheme:dark){
.ground{fill:#0d1117}.panel{stroke:#3d444d}.grid{stroke:#21262d}
.lead{stroke:#9198a1}text{fill:#f0f6fc}.minor{fill:#9198a1}
.dot{fill:#9198a1;stroke:#b7bdc8}.best{fill:#3fb950;stroke:#56d364}
.best-name{fill:#56d364}.arrow{stroke:#9198a1}}`;

/** Draws it. */
export function picture(runtimes: readonly RuntimeTrades[]): string {
  const trades = runtimes.flatMap((each) => each.trades);
  const width = LEFT + runtimes.length * (WIDTH + GAP) - GAP + RIGHT;
  const height = TOP + HEIGHT + BOTTOM;
  const narrow = runtimes.length === 1;
  const evenness = evennessScale();
  const beyond = `> ${evenness.ticks.at(-1)} : 1`;
  const below = TOP + HEIGHT;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">Rate, evenness and tail of each share mode</title>`,
    `<desc id="d">${escape(describe(runtimes))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}" rx="6"/>`,
    ...evenness.ticks.map((tick) =>
      text("minor", LEFT - 8, evenness.at(tick) + 4, `${tick} : 1`, "end")
    ),
    text("minor", LEFT - 8, evenness.at(Infinity) + 4, beyond, "end"),
    `<text class="minor" text-anchor="middle" transform="translate(16 ${
      TOP + HEIGHT / 2
    }) rotate(-90)">most : fewest connections</text>`,
    ...runtimes.map((each, i) => {
      const x = LEFT + i * (WIDTH + GAP);
      const ms = logScale(
        trades.map(({ p99 }) => p99),
        MS,
        x + PADDING,
        x + WIDTH - PADDING,
      );
      const frame = { x, y: TOP, width: WIDTH, height: HEIGHT };
      return panel(each, frame, ms, evenness);
    }),
    text(
      "minor",
      LEFT + (width - LEFT - RIGHT) / 2,
      below + 38,
      narrow
        ? "p99 of cheap requests, ms"
        : "p99 of cheap requests while 6 % burn 60 ms of CPU, ms",
    ),
    legend(width, below + 66, narrow),
    `</svg>`,
  ];
  return `${parts.join("\n")}\n`;
}

/** The axis that all panels share; what is beyond it is above its end. */
function evennessScale(): Scale {
  const { ticks, at } = logScale(
    EVENNESS,
    EVENNESS,
    TOP + HEIGHT - FLOOR,
    TOP + PADDING - 4 + BEYOND,
  );
  return {
    ticks,
    at: (value) => value > EVENNESS.at(-1)! ? TOP + PADDING - 4 : at(value),
  };
}

function legend(width: number, y: number, narrow: boolean): string {
  const what = narrow
    ? "1x, 2x, 4x: new connections/s"
    : "1x, 2x, 4x: new connections/s, against node:cluster round-robin on the same runtime";
  const left = (width - 92 - what.length * 5.8) / 2;
  return [
    ...[1, 2, 4].map((rate, i) =>
      circle("dot", left + i * 34, y, round(radius(rate)))
    ),
    text("minor", left + 92, y + 4, what, "start"),
  ].join("\n");
}

/** The same in words. */
function describe(runtimes: readonly RuntimeTrades[]): string {
  return runtimes.map(({ runtime, trades }) =>
    `${NAMES[runtime]}: ${
      trades.map((trade) =>
        `${nameOf(trade)}, ${
          Number.isFinite(trade.evenness)
            ? `${trade.evenness.toFixed(2)} to 1`
            : "a worker without connections"
        }, ${trade.p99.toFixed(1)} ms`
      ).join("; ")
    }`
  ).join(". ");
}
