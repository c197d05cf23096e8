/**
 * One runtime in the picture.
 *
 * @module
 */

import {
  type Box,
  boxOf,
  type Dot,
  nearest,
  overlap,
  placeLabels,
} from "./labels.ts";
import type { Scale } from "./scale.ts";
import { circle, line, round, text } from "./svg.ts";
import type { RuntimeTrades, Trade } from "./trade.ts";

/** The names of the runtimes. */
export const NAMES = { node: "Node", deno: "Deno", bun: "Bun" } as const;

/** Modes that are not called as their rows. */
const MODE_NAMES = new Map([
  ["balanced-queue", "balanced, one queue"],
  ["cluster-rr", "node:cluster"],
]);

/** The width of a letter at most, and the height of a line of text. */
const LETTER = 6.4;
const LINE = 13;

/** Dots as near as this share a name. */
const NEAR = 8;

/** A dot of a mode. */
interface ModeDot extends Dot {
  readonly trade: Trade;
}

/** Draws a panel. */
export function panel(
  { runtime, trades }: RuntimeTrades,
  frame: Box,
  ms: Scale,
  evenness: Scale,
): string {
  const { x, y, width, height } = frame;
  const bottom = y + height;
  // From the left, so that names find the same places in every run; the large
  // ones first, so that they do not hide the others.
  const dots = trades.map((trade): ModeDot => ({
    trade,
    x: ms.at(trade.p99),
    y: evenness.at(trade.evenness),
    r: radius(trade.rate),
  })).sort((a, b) => a.x - b.x || b.r - a.r);
  const groups = together(dots);
  const boxes = dots.map(boxOf);
  const corner = betterCorner(frame, boxes);
  const labels = placeLabels(
    groups.map(([first, ...others]) => ({
      ...first,
      width: Math.max(...[first, ...others].map(widthOf)),
      height: (1 + others.length) * LINE,
    })),
    frame,
    [...boxes, corner],
  );
  return [
    ...ms.ticks.map((tick) =>
      line("grid", ms.at(tick), y, ms.at(tick), bottom)
    ),
    ...[...evenness.ticks, Infinity].map((tick) => {
      const at = evenness.at(tick);
      return line("grid", x, at, x + width, at);
    }),
    `<rect class="panel" x="${x}" y="${y}" width="${width}" height="${height}"/>`,
    text("title", x + width / 2, y - 14, NAMES[runtime]),
    ...apart(ms).map((tick) =>
      text("minor", ms.at(tick), bottom + 16, String(tick))
    ),
    better(corner),
    ...groups.flatMap(([first], i) => lead(first, labels[i])),
    ...dots.map(({ trade, x, y, r }) => circle(kindOf(trade), x, y, r)),
    ...groups.flatMap((group, i) => names(group, labels[i])),
  ].join("\n");
}

/** The radius of a dot, whose area is the rate. */
export function radius(rate: number): number {
  return 5 * Math.sqrt(rate);
}

/** What a mode is called. */
export function nameOf({ mode, rate }: Trade): string {
  const name = MODE_NAMES.get(mode) ?? mode;
  return `${name} ${rate.toFixed(1)}x`;
}

function kindOf({ mode }: Trade): "best" | "dot" {
  return mode === "balanced" ? "best" : "dot";
}

function widthOf({ trade }: ModeDot): number {
  return nameOf(trade).length * LETTER;
}

/** The ticks that have room for their number. */
function apart(scale: Scale): number[] {
  const kept: number[] = [];
  for (const tick of scale.ticks) {
    const last = kept.at(-1);
    const room = (String(tick).length + 1) * LETTER;
    if (last === undefined || scale.at(tick) - scale.at(last) > room) {
      kept.push(tick);
    }
  }
  return kept;
}

/** Dots that lie on one another, in one group each. */
function together(dots: readonly ModeDot[]): [ModeDot, ...ModeDot[]][] {
  const groups: [ModeDot, ...ModeDot[]][] = [];
  for (const dot of dots) {
    const group = groups.find(([first]) =>
      Math.hypot(first.x - dot.x, first.y - dot.y) < NEAR
    );
    if (group === undefined) groups.push([dot]);
    else group.push(dot);
  }
  return groups;
}

/** A line to a name that is not next to its dot. */
function lead(dot: Dot, label: Box | undefined): string[] {
  if (label === undefined) return [];
  const [x, y] = nearest(dot, label);
  const far = Math.hypot(x - dot.x, y - dot.y) > dot.r + LINE;
  return far ? [line("lead", dot.x, dot.y, x, y)] : [];
}

/** One below the other, and next to the dot. */
function names(group: readonly ModeDot[], label: Box | undefined): string[] {
  if (label === undefined) return [];
  const { x } = group[0]!;
  const [at, anchor] = x < label.x
    ? [label.x, "start"] as const
    : x > label.x + label.width
    ? [label.x + label.width, "end"] as const
    : [label.x + label.width / 2, "middle"] as const;
  return group.map(({ trade }, i) =>
    text(
      `${kindOf(trade)}-name`,
      at,
      label.y + (i + 1) * LINE - 3,
      nameOf(trade),
      anchor,
    )
  );
}

/** Room for the word in the corner it is about, or above where a dot is. */
function betterCorner({ x, y, height }: Box, dots: readonly Box[]): Box {
  const at = (up: number): Box => ({
    x: x + 6,
    y: y + height - 5 - up,
    width: 58,
    height: LINE,
  });
  let up = LINE;
  while (up < height && dots.some((dot) => overlap(dot, at(up)))) up += LINE;
  return at(up);
}

/** An arrow to the lower left, and what is there. */
function better({ x, y }: Box): string {
  return `<path class="arrow" d="M${round(x + 11)} ${
    round(y + 1)
  }l-9 9m0-6v6h6"/>${text("minor", x + 17, y + LINE - 3, "better", "start")}`;
}
