/**
 * The help text and what the docs say of it.
 *
 * Runs once, under vitest: it compares texts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseCommandLine } from "../../cli/arguments.ts";
import { HELP } from "../../cli/help.ts";
import { VERSION } from "../../core/version.ts";
import { EXIT } from "../../core/errors.ts";
import { SHARE_MODES } from "../../core/options/share_mode.ts";
import { describe, test } from "../harness.ts";

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the version is that of package.json and deno.json", () => {
  assert.equal(JSON.parse(read("package.json")).version, VERSION);
  assert.equal(JSON.parse(read("deno.json")).version, VERSION);
});

test("the text fits a terminal of 80 columns and ends with a line end", () => {
  for (const line of HELP.split("\n")) assert.ok(line.length <= 80, line);
  assert.ok(HELP.endsWith("\n"));
});

/** The options that the help text describes, with an example value of each. */
const HELPED = [...HELP.matchAll(/^ {2}(?:-(\w),| {3}) (--[\w-]+)( [\w|]+)?/gm)]
  .map(([, short, long, value]) => ({ short, long: long!, value }));
const VALUES: Readonly<Record<string, string>> = {
  ADDRESS: ":80",
  MODE: "shared",
  WAY: "round-robin",
  NAME: "node",
  TIME: "5s",
  N: "4",
  ARG: "--smol",
  SIZE: "512M",
  PERCENT: "25%",
  DIR: "/srv/app",
  FILE: "/srv/.env",
  OCTAL: "027",
};
const FLAGS: readonly string[] = [
  "--wait-ready",
  "--private-ports",
  "--fd-store",
  "--ready-notify",
  "--watch",
];
const example = (value: string): string => {
  const [word = ""] = value.trim().split("|");
  return VALUES[word] ?? word;
};

describe("every option of the help text is understood", () => {
  for (const { short, long, value } of HELPED) {
    test(long, () => {
      const rest = value === undefined ? [] : [example(value)];
      const command = parseCommandLine([long, ...rest, "app.js"]);
      if (short !== undefined) {
        const brief = parseCommandLine([`-${short}`, ...rest, "app.js"]);
        assert.deepEqual(brief, command);
      }
      const isRun = value !== undefined || FLAGS.includes(long);
      assert.equal(command.kind === "run", isRun);
    });
  }
});

test("every option that is understood is in the help text", () => {
  const source = read("cli/options.ts");
  const names = [...source.matchAll(/^ {2}"?([a-z\d-]+)"?: \(draft, value/gm)]
    .map(([, name]) => `--${name}`);
  assert.ok(names.length >= 11, "the source has changed its form");
  assert.deepEqual(
    [...new Set([...names, ...FLAGS, "--help", "--version"])].sort(),
    HELPED.map(({ long }) => long).sort(),
  );
});

test("every share mode and every exit code is in the help text", () => {
  for (const mode of [...SHARE_MODES, "auto"]) {
    assert.match(HELP, new RegExp(`\\b${mode}\\b`));
  }
  const codes = HELP.slice(HELP.indexOf("Exit codes:")).match(/\d+/g);
  assert.deepEqual(codes?.map(Number), Object.values(EXIT));
});
