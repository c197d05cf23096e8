/** What the tests that compare a page of `docs/` with the code read of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The text of a page. */
export function docsPage(name: string): string {
  const url = new URL(`../../docs/${name}`, import.meta.url);
  return readFileSync(fileURLToPath(url), "utf8");
}

/** The cells of each row of the first table below a heading, without its head. */
export function rowsBelow(
  page: string,
  heading: string,
): readonly (readonly string[])[] {
  return tableBelow(page, heading).rows;
}

/** The first table below a heading: its head, and the cells of each row. */
export function tableBelow(
  page: string,
  heading: string,
): {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const [, section = ""] = page.split(`${heading}\n`);
  const lines = section.split(/^#/m)[0]!.split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const table = lines.slice(first, lines.indexOf("", first));
  const cells = table.map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  const [head = [], , ...rows] = cells;
  for (const row of rows) assert.equal(row.length, head.length, row.join());
  return { head, rows };
}
