/**
 * Metrics as text: OpenMetrics 1.0 where a scraper asks for it, else the older
 * format of Prometheus (text, 0.0.4).
 *
 * @module
 */

import type { TextAnswer } from "../control/socket.ts";
import type { Family } from "../exposition/family.ts";

/** The media type of OpenMetrics, without its version. */
const OPEN_METRICS = "application/openmetrics-text";

/** Writes families as a scraper wants them by its `Accept`. */
export function exposition(
  families: readonly Family[],
  accept: string,
): TextAnswer {
  // Whoever names it can read it; Prometheus puts it first.
  const open = accept.toLowerCase().includes(OPEN_METRICS);
  const type = open
    ? `${OPEN_METRICS}; version=1.0.0; charset=utf-8`
    : "text/plain; version=0.0.4; charset=utf-8";
  return {
    status: 200,
    text: families.map((each) => writeFamily(each, open)).join("") +
      (open ? "# EOF\n" : ""),
    headers: { "content-type": type },
  };
}

/** A family in either format: the older one knows no unit, and no info. */
function writeFamily(
  { name, type, unit, help, samples }: Family,
  open: boolean,
): string {
  if (samples.length === 0) return "";
  const ending = type === "counter" ? "_total" : type === "info" ? "_info" : "";
  const known = open ? name : `${name}${ending}`;
  const older = type === "info"
    ? "gauge"
    : type === "unknown"
    ? "untyped"
    : type;
  const lines = [
    `# HELP ${known} ${escape(help, open)}`,
    `# TYPE ${known} ${open ? type : older}`,
    ...(open && unit !== undefined ? [`# UNIT ${known} ${unit}`] : []),
    ...samples.map(({ suffix = ending, labels, value }) =>
      `${name}${suffix}${written(labels)} ${number(value)}`
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function written(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) =>
    `${name}="${escape(value, true)}"`
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escape(text: string, quotes: boolean): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quotes ? escaped.replaceAll('"', '\\"') : escaped;
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
