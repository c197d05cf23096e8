/** How a test ended. */
export interface Result {
  /** The test, with the names of its suites in front. */
  readonly name: string;
  /** The file, where the report says so. */
  readonly file: string | undefined;
  /** How it ended. */
  readonly outcome: "passed" | "failed" | "skipped";
  /** How long it took, in seconds. */
  readonly seconds: number;
}

/**
 * Reads the results out of a JUnit report: vitest 5, Deno 2.9 and Bun 1.4 agree
 * on `<testcase>` and on what is inside of one, and on little else.
 */
export function parseJunit(xml: string): Result[] {
  const results: Result[] = [];
  for (const [, head = "", body = ""] of xml.matchAll(TESTCASE)) {
    const attributes = new Map(
      [...head.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [
        key,
        unescape(value),
      ]),
    );
    const group = attributes.get("classname") ?? "";
    // Bun alone has a "file", and only Bun has the suites in "classname".
    const file = attributes.get("file");
    const suites = file === undefined || group === ""
      ? []
      : group.split(" > ").reverse();
    results.push({
      name: [...suites, attributes.get("name") ?? ""].join(" > "),
      file: file ?? group,
      outcome: /<(?:failure|error)\b/.test(body)
        ? "failed"
        : /<skipped\b/.test(body)
        ? "skipped"
        : "passed",
      seconds: Number(attributes.get("time") ?? 0),
    });
  }
  return results;
}

const TESTCASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescape(text: string): string {
  return text.replace(
    /&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi,
    (all, hex, decimal, name) => {
      if (hex !== undefined) {
        return String.fromCodePoint(
          Number.parseInt(hex, 16),
        );
      }
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return ENTITIES[name] ?? all;
    },
  );
}
