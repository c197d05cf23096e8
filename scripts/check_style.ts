/** House rules that no linter knows. */

import { codeOnly, lineOf } from "./lib/source.ts";
import { conclude, read } from "./lib/problems.ts";
import { filesBelow } from "./lib/tree.ts";

/**
 * A file has one subject, which takes about 300 lines unless sense says
 * otherwise. One outside of tests and benchmarks with more lines than this has
 * two subjects, most likely.
 */
const MAX_LINES = 400;

/** Files with one subject that are longer, and why. */
const LONGER: Readonly<Record<string, string>> = {
  "core/pool.ts": "every method of the library, with what it promises",
};

const LIBRARY =
  /^(?:core|handles|libc|tls|adapters|worker|cli)\/|^(?:mod|worker|cli)\.ts$/;
const TEXT = /\.(?:[cm]?[jt]s|json|md|toml|ya?ml|sh|rb|py|txt)$|^[.]ci\/run$/;
const NO_PROSE = new Set(["package-lock.json", "scripts/check_style.ts"]);

/** What may not stand in any text of ours, comments included. */
const ANYWHERE: readonly (readonly [RegExp, string])[] = [
  [/\b(?:TODO|FIXME|XXX|HACK)\b/g, "is a note to do something, do it"],
  [
    /(?<![\w.])\/(?:work|root|home\/\w+|Users\/\w+)\//g,
    "is a path of one machine",
  ],
  [/\bregistry\.[a-z-]+\.[a-z]{2,}/g, "is the host of a registry"],
];

/** What may not stand in the library's code. */
const IN_LIBRARY: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w$.])console\s*\./g, "prints, but the library's log is injected"],
  [/(?<![\w$.])debugger\b/g, "stops a debugger"],
];

/** What may not stand in the library's code outside of the command. */
const OUTSIDE_COMMAND: readonly (readonly [RegExp, string])[] = [
  [/\bprocess\s*\.\s*(?:abort|reallyExit)\b/g, "ends the user's process"],
];

/** What reads the clock that an administrator may turn. */
const CALENDAR: readonly (readonly [RegExp, string])[] = [
  [
    /(?<![\w$.])(?:Date\.now|new Date)\b/g,
    "jumps when the machine's clock is set, judge by the adapter's clock",
  ],
];

/**
 * Files that have to: what others write, files and dates of certificates, and
 * the date that a response tells.
 */
const MAY_READ_CALENDAR: ReadonlySet<string> = new Set([
  "adapters/shared/pid_file.ts",
  "cli/log_time.ts",
  "core/balance/passing.ts",
  "core/balance/traffic.ts",
  "core/monitor/metrics.ts",
  "core/status_file.ts",
  "tls/certificates.ts",
  "worker/balance/balancer.ts",
  "worker/balance/help.ts",
  "worker/balance/scoreboard.ts",
  "worker/fetch/response_head.ts",
]);

const problems: string[] = [];

function refuse(
  file: string,
  text: string,
  rules: readonly (readonly [RegExp, string])[],
): void {
  for (const [pattern, why] of rules) {
    for (const { 0: found, index } of text.matchAll(pattern)) {
      problems.push(`${file}:${lineOf(text, index)}: "${found}" ${why}`);
    }
  }
}

for (const file of filesBelow("").filter((f) => TEXT.test(f))) {
  if (NO_PROSE.has(file)) continue;
  const text = read(file);
  refuse(file, text, ANYWHERE);
  if (!file.endsWith(".ts")) continue;
  const lines = text.split("\n").length - 1;
  const limited = !/^(?:tests|bench)\//.test(file);
  if (limited && lines > MAX_LINES && LONGER[file] === undefined) {
    problems.push(
      `${file}: ${lines} lines, the limit is ${MAX_LINES}: split it by subject`,
    );
  }
  if (!LIBRARY.test(file)) continue;
  const code = codeOnly(text);
  refuse(file, code, IN_LIBRARY);
  if (!/^cli/.test(file)) refuse(file, code, OUTSIDE_COMMAND);
  if (!MAY_READ_CALENDAR.has(file)) refuse(file, code, CALENDAR);
}
for (const file of Object.keys(LONGER)) {
  if (read(file).split("\n").length - 1 <= MAX_LINES) {
    problems.push(`${file}: short enough by now, take it off the list`);
  }
}
conclude("style", problems);
