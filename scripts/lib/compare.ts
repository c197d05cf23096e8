import type { Result } from "./junit.ts";
import { type Results, type Runner, THE_RUN } from "./runners.ts";

/** Stands between the name of a skipped test and the reason, as in the harness. */
const SKIPPED = " # skipped: ";

/**
 * What is wrong when the results of several runners are laid side by side:
 * each file has tests, and the same ones under every runner.
 *
 * @param once the files that run under one runner alone
 */
export function differences(
  runs: ReadonlyMap<Runner, Results>,
  once: ReadonlyMap<string, Runner> = new Map(),
): string[] {
  const problems: string[] = [];
  const files = new Set(
    [...runs.values()].flatMap((results) => [...results.keys()]),
  );
  for (const file of files) {
    if (file.startsWith(THE_RUN)) continue;
    const names = new Map<Runner, readonly string[]>();
    for (const [runner, results] of runs) {
      if ((once.get(file) ?? runner) !== runner) continue;
      const own = (results.get(file) ?? []).filter(isTest).map(comparable);
      if (own.length === 0) problems.push(`${file}: no test under ${runner}`);
      names.set(runner, own);
    }
    const counts = [...names].map(([runner, own]) => `${own.length} ${runner}`);
    const [first = [], ...others] = names.values();
    if (others.some((own) => own.length !== first.length)) {
      problems.push(`${file}: the counts differ: ${counts.join(", ")}`);
    }
    problems.push(...missing(names).map((problem) => `${file}: ${problem}`));
  }
  return problems;
}

/** The runtime that a runner tests, and whose name its tests may begin with. */
const OWN: Readonly<Record<Runner, string>> = {
  vitest: "node ",
  deno: "deno ",
  bun: "bun ",
};

/** Names that some runners have and others have not. */
function missing(names: ReadonlyMap<Runner, readonly string[]>): string[] {
  const runners = new Map<string, Set<Runner>>();
  const known = (name: string): Set<Runner> => {
    const found = runners.get(name) ?? new Set();
    runners.set(name, found);
    return found;
  };
  const neutral = (runner: Runner, name: string): string =>
    name.startsWith(OWN[runner]) ? name.slice(OWN[runner].length) : name;
  for (const [runner, own] of names) {
    for (const name of own) {
      known(name).add(runner);
      known(neutral(runner, name)).add(runner);
    }
  }
  const problems = new Set<string>();
  for (const [runner, own] of names) {
    for (const name of own) {
      const where = known(name).union(known(neutral(runner, name)));
      const lacking = [...names.keys()].filter((other) => !where.has(other));
      if (lacking.length > 0) {
        problems.add(`"${name}" is missing under ${lacking.join(", ")}`);
      }
    }
  }
  return [...problems];
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
