/**
 * Reads the metrics of a worker's program: the text format of Prometheus (0.0.4)
 * or OpenMetrics 1.0, as its library writes them.
 *
 * @module
 */

import type { Family, FamilyType, Sample } from "./family.ts";

/** The longest text that a worker may tell, in UTF-16 units. */
export const MAX_PAGE: number = 256 * 1024;

/** What stands at the front of the pool's own names. */
const RESERVED = "prefork_";

/** What follows the name of a family in its samples. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total", "_created"],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  summary: ["_sum", "_count", "_created"],
  info: ["_info"],
};

const TYPES: readonly string[] = [
  ...["counter", "gauge", "histogram", "summary", "info", "unknown"],
  ...["untyped", "stateset", "gaugehistogram"],
];

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*?)\})?[ \t]+(\S+)(?:[ \t]+\S+)?$/;
const LABEL = /^\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/;

/** A family while it is read. */
interface Draft {
  readonly name: string;
  readonly type: FamilyType;
  unit?: string;
  help: string;
  readonly samples: Sample[];
}

/**
 * Reads a text. What cannot be summed is left out: the quantiles of summaries,
 * times and exemplars.
 *
 * @throws {RangeError} when it is too long
 * @throws {TypeError} that names the first line that cannot be used
 */
export function parseMetrics(text: string): readonly Family[] {
  if (text.length > MAX_PAGE) {
    throw new RangeError(
      `Cannot use the metrics: they have ${text.length} characters and may have ${MAX_PAGE}, leave some out`,
    );
  }
  const families = new Map<string, Draft>();
  const seen = new Set<string>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const problem = line.trim() === ""
      ? undefined
      : line.startsWith("#")
      ? readComment(line, families)
      : readSample(line, families, seen);
    if (problem === undefined) continue;
    const shown = line.length > 80 ? `${line.slice(0, 78)}..` : line;
    throw new TypeError(
      `Cannot use the metrics: line ${at + 1} (${shown}) ${problem}`,
    );
  }
  return [...families.values()].filter(({ samples }) => samples.length > 0);
}

/** HELP, TYPE and UNIT; other comments mean nothing. Returns what is wrong. */
function readComment(
  line: string,
  families: Map<string, Draft>,
): string | undefined {
  const [, word, name = "", rest = ""] =
    /^#\s+(HELP|TYPE|UNIT)\s+(\S+)[ \t]*(.*)$/.exec(line) ?? [];
  if (word === undefined) return undefined;
  if (word === "TYPE") {
    const type = rest.trim();
    if (!TYPES.includes(type)) {
      return `has the type "${type}", which is none of ${TYPES.join(", ")}`;
    }
    return declare(name, typeOf(type), families);
  }
  // They may stand before the type, under the name that it will have.
  const draft = families.get(name) ?? families.get(bare(name, "counter"));
  if (word === "HELP") pending.set(families, { name, help: unescape(rest) });
  if (draft !== undefined) {
    if (word === "HELP") draft.help = unescape(rest);
    // A name that does not end with it would make the whole page unreadable.
    else if (draft.name.endsWith(`_${rest}`)) draft.unit = rest;
  }
  return undefined;
}

/** The help that stood before its type. */
const pending = new WeakMap<object, { name: string; help: string }>();

function typeOf(type: string): FamilyType {
  switch (type) {
    case "untyped":
    case "gaugehistogram":
      return "unknown";
    case "stateset":
      return "gauge";
    default:
      return type as FamilyType;
  }
}

function declare(
  shown: string,
  type: FamilyType,
  families: Map<string, Draft>,
): string | undefined {
  const name = bare(shown, type);
  if (families.has(name)) return "declares a family that is there already";
  const before = pending.get(families);
  const help = before?.name === shown ? before.help : "";
  families.set(name, { name, type, help, samples: [] });
  return undefined;
}

/** The name of a counter, or an info, without its ending. */
function bare(name: string, type: FamilyType): string {
  return type === "counter"
    ? name.replace(/_total$/, "")
    : type === "info"
    ? name.replace(/_info$/, "")
    : name;
}

function readSample(
  line: string,
  families: Map<string, Draft>,
  seen: Set<string>,
): string | undefined {
  // An exemplar of OpenMetrics stands behind; labels may hold the same.
  const [, sample = line] = /^([^"]*(?:"(?:[^"\\]|\\.)*"[^"]*?)*?) # \{/
    .exec(line) ?? [];
  const parts = SAMPLE.exec(sample.trim());
  if (parts === null) return 'is no sample: name{label="value"} number';
  const [, name = "", list = "", digits = ""] = parts;
  if (name.startsWith(RESERVED)) {
    return `begins with "${RESERVED}", as the pool's own do`;
  }
  const value = numberIn(digits);
  if (value === undefined) return `has "${digits}" where a number has to be`;
  const labels = labelsIn(list);
  if (typeof labels === "string") return labels;
  const key = `${name} ${keyOf(labels)}`;
  if (seen.has(key)) return "is there twice";
  seen.add(key);
  const { draft, suffix } = familyOf(name, families);
  if (suffix === "_created") return undefined;
  // No two quantiles can be made one.
  if (draft.type === "summary" && suffix === "") return undefined;
  draft.samples.push({ suffix: endingOf(draft.type, suffix), labels, value });
  return undefined;
}

function endingOf(type: FamilyType, suffix: string): string {
  return type === "counter" ? "_total" : type === "info" ? "_info" : suffix;
}

/** The family of a sample; one that nobody has declared is of unknown type. */
function familyOf(
  name: string,
  families: Map<string, Draft>,
): { readonly draft: Draft; readonly suffix: string } {
  const [suffix = ""] = /_[a-z]+$/.exec(name) ?? [];
  const stem = name.slice(0, name.length - suffix.length);
  const longer = families.get(stem);
  if (longer !== undefined && SUFFIXES[longer.type]?.includes(suffix)) {
    return { draft: longer, suffix };
  }
  const known = families.get(name);
  if (known !== undefined) return { draft: known, suffix: "" };
  const made: Draft = { name, type: "unknown", help: "", samples: [] };
  families.set(name, made);
  return { draft: made, suffix: "" };
}

function numberIn(text: string): number | undefined {
  if (/^[+-]?inf$/i.test(text)) {
    return text.startsWith("-") ? -Infinity : Infinity;
  }
  if (/^nan$/i.test(text)) return NaN;
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text);
  return isNumber ? Number(text) : undefined;
}

/** The labels, or what is wrong with them. */
function labelsIn(list: string): Readonly<Record<string, string>> | string {
  const labels: Record<string, string> = {};
  for (let rest = list; rest.trim() !== "";) {
    const label = LABEL.exec(rest);
    if (label === null) return `has labels that cannot be read: {${list}}`;
    const [whole, name = "", value = ""] = label;
    if (name === "pool" || name === "slot") {
      return `has the label "${name}", which the pool adds`;
    }
    if (Object.hasOwn(labels, name)) return `has the label "${name}" twice`;
    labels[name] = unescape(value);
    rest = rest.slice(whole.length);
  }
  return labels;
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, one) => one === "n" ? "\n" : one);
}

/** Labels as a key, whatever their order. */
export function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort());
}
