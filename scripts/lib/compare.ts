import type { Result } from "./junit.ts";
import { type Results, type Runner, THE_RUN } from "./runners.ts";

/** Stands between the name of a skipped test and the reason, as in the harness. */
const SKIPPED = " # skipped: ";

/**
 * What is wrong when the results of several runners are laid side by side:
 * each file has tests, and the same ones under every runner.
 */
export function differences(runs: ReadonlyMap<Runner, Results>): string[] {
  const problems: string[] = [];
  const files = new Set(
    [...runs.values()].flatMap((results) => [...results.keys()]),
  );
  for (const file of files) {
    if (file.startsWith(THE_RUN)) continue;
    const names = new Map<Runner, string[]>();
    for (const [runner, results] of runs) {
      const own = (results.get(file) ?? []).filter(isTest).map(comparable);
      if (own.length === 0) problems.push(`${file}: no test under ${runner}`);
      names.set(runner, own);
    }
    const counts = [...names].map(([runner, own]) => `${own.length} ${runner}`);
    const [first = [], ...others] = names.values();
    if (others.some((own) => own.length !== first.length)) {
      problems.push(`${file}: the counts differ: ${counts.join(", ")}`);
    }
    const all = new Set([...names.values()].flat());
    for (const name of all) {
      const lacking = [...names].filter(([, own]) => !own.includes(name));
      const where = lacking.map(([runner]) => runner).join(", ");
      if (lacking.length > 0) {
        problems.push(`${file}: "${name}" is missing under ${where}`);
      }
    }
  }
  return problems;
}

/** The skipped tests with their reasons, and those that give none. */
export function skips(
  runs: ReadonlyMap<Runner, Results>,
): { readonly listed: string[]; readonly unexplained: string[] } {
  const explained = new Map<string, Runner[]>();
  const unexplained: string[] = [];
  for (const [runner, results] of runs) {
    for (const [file, own] of results) {
      for (const { name, outcome } of own) {
        if (outcome !== "skipped") continue;
        const [test, reason] = name.split(SKIPPED);
        if (reason) {
          const skip = `${file}: ${test}: ${reason}`;
          explained.set(skip, [...explained.get(skip) ?? [], runner]);
        } else {
          unexplained.push(
            `${file}: "${name}" is skipped under ${runner} without a reason`,
          );
        }
      }
    }
  }
  const listed = [...explained].map(([skip, runners]) =>
    `${skip} (${runners.length === 3 ? "runs nowhere" : runners.join(", ")})`
  );
  return { listed, unexplained };
}

/** A name in which the runners agree, whether the test was skipped or not. */
function comparable({ name }: Result): string {
  return name.split(SKIPPED)[0] ?? name;
}

/** False for what is no test of a file but a failure of the run around it. */
function isTest({ file }: Result): boolean {
  return file !== undefined;
}
