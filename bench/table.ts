/**
 * Tables in Markdown.
 *
 * @module
 */

/** A table; the first column is left-aligned, the others right-aligned. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((title, i) =>
    Math.max(3, title.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (cells: readonly string[]): string =>
    `| ${
      cells.map((cell, i) =>
        i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, i) =>
    i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** 12,345; a dash where there is no number. */
export function count(value: number): string {
  return Number.isFinite(value)
    ? Math.round(value).toLocaleString("en-US")
    : "-";
}

/** A number with decimals; a dash where there is none. */
export function decimal(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value)
    ? "-"
    : value.toFixed(digits);
}
