/**
 * Draws lines of a terminal as SVG: on a ground of its own, in the colour scheme
 * of the viewer, without a script or a font. Lines come up one after the other
 * as they were written, unless the viewer wants no motion.
 *
 * @module
 */

import { escape, round } from "../../bench/picture/svg.ts";
import { type Cell, type Look, type Row, textOf } from "./terminal.ts";

/** The size of a character, and the room around all. */
const WIDTH = 8.4;
const HEIGHT = 18;
const MARGIN = 14;

/** The longest pause between two lines, in ms; what happens at once is shown so. */
const PAUSE = 1_200;

/** The names of the colours as classes; bright ones look as the others. */
const COLOURS = ["k", "r", "g", "y", "b", "m", "c", "w"] as const;

const STYLE = `
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;fill:#1f2328;white-space:pre}
.ground{fill:#f6f8fa;stroke:#d0d7de}.bold{font-weight:700}.dim,.k,.w{fill:#59636e}
.r{fill:#cf222e}.g{fill:#116329}.y{fill:#7d4e00}.b{fill:#0550ae}.m{fill:#8250df}.c{fill:#1b7c83}
.block{fill:#d0d7de}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.ground{fill:#0d1117;stroke:#3d444d}.dim,.k,.w{fill:#9198a1}
.r{fill:#ff7b72}.g{fill:#56d364}.y{fill:#e3b341}.b{fill:#79c0ff}.m{fill:#d2a8ff}.c{fill:#76e3ea}
.block{fill:#3d444d}}
@media (prefers-reduced-motion:no-preference){
.line{opacity:0;animation:show .01s forwards}@keyframes show{to{opacity:1}}}`;

/** What is drawn. */
export interface Screen {
  readonly title: string;
  readonly lines: readonly Row[];
  readonly columns: number;
  /** True where lines come up one after the other. */
  readonly moves: boolean;
}

/** Draws it. */
export function screenSvg({ title, lines, columns, moves }: Screen): string {
  const last = lines.findLastIndex((line) => textOf(line) !== "");
  const shown = lines.slice(0, last + 1);
  const width = round(columns * WIDTH + 2 * MARGIN);
  const height = shown.length * HEIGHT + 2 * MARGIN - 4;
  const delays = delaysOf(shown);
  return `${
    [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t d">`,
      `<title id="t">${escape(title)}</title>`,
      `<desc id="d">${escape(shown.map(textOf).join("\n"))}</desc>`,
      `<style>${STYLE}</style>`,
      `<rect class="ground" x=".5" y=".5" width="${width - 1}" height="${
        height - 1
      }" rx="6"/>`,
      ...shown.flatMap((line, i) => {
        const y = MARGIN + i * HEIGHT;
        const runs = [
          ...blocksOf(line, y),
          ...runsOf(line).map((run) => draw(run, y)),
        ];
        if (runs.length === 0) return [];
        return moves
          ? [
            `<g class="line" style="animation-delay:${
              round(delays[i]! / 1000)
            }s">`,
            ...runs,
            "</g>",
          ]
          : runs;
      }),
      "</svg>",
    ].join("\n")
  }\n`;
}

/** When each line comes up. */
function delaysOf(lines: readonly Row[]): number[] {
  let now = 0;
  let before: number | undefined;
  return lines.map((line) => {
    const at = Math.max(0, ...line.map((cell) => cell?.at ?? 0));
    now += Math.min(PAUSE, Math.max(0, at - (before ?? at)));
    before = Math.max(at, before ?? at);
    return now;
  });
}

/** Characters side by side that look the same. */
interface Run {
  readonly column: number;
  readonly text: string;
  readonly look: Look;
}

/** Two spaces begin another run, so that columns stand where they stood. */
function runsOf(line: Row): Run[] {
  const runs: Run[] = [];
  let cells: Cell[] = [];
  let column = 0;
  const end = (): void => {
    const text = cells.map(({ char }) => char).join("");
    if (text.trim() !== "") {
      const skipped = text.search(/\S/);
      const { look } = cells[0]!;
      runs.push({ column: column + skipped, text: text.trim(), look });
    }
    cells = [];
  };
  for (const [i, cell] of Array.from(line).entries()) {
    const { look = {}, char = " " } = cell ?? {};
    const isSame = cells.length > 0 &&
      JSON.stringify(cells[0]!.look) === JSON.stringify(look);
    if (!isSame || cells.at(-1)?.char === " " && char === " ") {
      end();
      column = i;
    }
    cells.push(cell ?? { char, look, at: 0 });
  }
  end();
  return runs;
}

/** What is inverse in a line, as blocks behind its text. */
function blocksOf(line: Row, y: number): string[] {
  const inverse = Array.from(line, (cell) => cell?.look.inverse ? "#" : ".");
  return [...inverse.join("").matchAll(/#+/g)].map(({ 0: cells, index }) =>
    `<rect class="block" x="${round(MARGIN + index * WIDTH)}" y="${
      y - 1
    }" width="${round(cells.length * WIDTH)}" height="${HEIGHT}"/>`
  );
}

/** With its length, so that no font changes where the next one is. */
function draw({ column, text, look }: Run, y: number): string {
  const x = round(MARGIN + column * WIDTH);
  const length = round(text.length * WIDTH);
  const classes = [
    look.colour === undefined ? "" : COLOURS[look.colour % 8],
    look.bold ? "bold" : "",
    look.dim ? "dim" : "",
  ].filter(Boolean).join(" ");
  return `<text${classes === "" ? "" : ` class="${classes}"`} x="${x}" y="${
    y + 13
  }" textLength="${length}">${escape(text)}</text>`;
}
