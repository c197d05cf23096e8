/**
 * The few shapes of SVG that the picture is made of.
 *
 * @module
 */

/** Where a text is held. */
export type Anchor = "start" | "middle" | "end";

/** A straight line. */
export function line(
  kind: string,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
): string {
  return `<path class="${kind}" d="M${round(x1)} ${round(y1)}L${round(x2)} ${
    round(y2)
  }"/>`;
}

/** A circle. */
export function circle(kind: string, x: number, y: number, r: number): string {
  return `<circle class="${kind}" cx="${round(x)}" cy="${round(y)}" r="${
    round(r)
  }"/>`;
}

/** A line of text. */
export function text(
  kind: string,
  x: number,
  y: number,
  content: string,
  anchor: Anchor = "middle",
): string {
  return `<text class="${kind}" x="${round(x)}" y="${
    round(y)
  }" text-anchor="${anchor}">${escape(content)}</text>`;
}

/** Text as XML can have it. */
export function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** A tenth of a unit is finer than any screen. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
