/**
 * Judges a pool that runs: what it has against what it may have.
 *
 * @module
 */

import type { PoolStatus } from "../status_types.ts";
import { mib } from "../supervise/oom.ts";
import type { Finding } from "./finding.ts";

/** The part of a limit from which on it is nearly reached. */
const NEARLY = 0.8;

/** The files of a process. */
export interface OpenFiles {
  /** Which process, as in "the supervisor". */
  readonly whose: string;
  /** How many it has open. */
  readonly open: number;
  /** How many it may have. */
  readonly limit: number;
}

/** What was seen of a pool. */
export interface PoolFacts {
  /** Its name. */
  readonly name: string;
  /** Its supervisor. */
  readonly pid: number;
  /** How it is. */
  readonly status: PoolStatus;
  /** The files of its processes, of those that can be seen. */
  readonly files: readonly OpenFiles[];
  /** The least memory limit of its cgroups, in bytes. */
  readonly memoryLimit: number | undefined;
  /** What the supervisor holds, in bytes. */
  readonly rss: number | undefined;
}

/** Every finding, those that are well too. */
export function poolFindings(facts: PoolFacts): readonly Finding[] {
  return [
    stateFinding(facts),
    ...reloadFindings(facts),
    ...crashFindings(facts),
    ...queueFindings(facts),
    ...fileFindings(facts),
    ...memoryFindings(facts),
  ];
}

function stateFinding({ name, pid, status }: PoolFacts): Finding {
  const { state, ready, wanted, generation } = status;
  const text =
    `"${name}" (pid ${pid}) is ${state}, ${ready} of ${wanted} workers are ready, generation ${generation}`;
  if (state === "degraded" || state === "down") {
    const mend = `prefork logs -n 100 ${name}, which says what ends them`;
    return { verdict: "problem", subject: "pool", text, mend };
  }
  if (wanted === 0) {
    const mend = `prefork reload ${name}, which brings its workers back`;
    return { verdict: "note", subject: "pool", text, mend };
  }
  const verdict = ready < wanted ? "note" : "ok";
  return { verdict, subject: "pool", text };
}

function reloadFindings({ name, status: { reload } }: PoolFacts): Finding[] {
  if (reload?.state !== "failed" && reload?.state !== "mixed") return [];
  return [{
    verdict: reload.state === "mixed" ? "problem" : "note",
    subject: "reload",
    text: `the last one ${
      reload.state === "mixed" ? "left two versions" : "was taken back"
    }: ${reload.reason}`,
    mend: `prefork reload ${name}, when the program is mended`,
  }];
}

function crashFindings({ name, status: { workers } }: PoolFacts): Finding[] {
  const crashed = workers.filter(({ restarts }) => restarts > 0);
  if (crashed.length === 0) return [];
  const text = crashed.map(({ slot, restarts }) =>
    `slot ${slot} ${restarts} time${restarts === 1 ? "" : "s"}`
  ).join(", ");
  return [{
    verdict: "note",
    subject: "crashes",
    text: `workers were started anew after one: ${text}`,
    mend: `prefork logs -n 1000 ${name}`,
  }];
}

function queueFindings({ name, status: { listeners } }: PoolFacts): Finding[] {
  return listeners.flatMap(({ address, queue }): Finding[] => {
    if (queue === undefined) return [];
    const { length, limit } = queue;
    const text = `${length} of ${limit} wait to be accepted on ${address}`;
    if (length < limit * NEARLY) {
      return [{ verdict: "ok", subject: "accept queue", text }];
    }
    return [{
      verdict: "problem",
      subject: "accept queue",
      text: `${text}: who comes when it is full is not let in`,
      mend: `prefork scale +1 ${name}, or ?backlog= and net.core.somaxconn`,
    }];
  });
}

function fileFindings({ files }: PoolFacts): Finding[] {
  const part = ({ open, limit }: OpenFiles): number => open / limit;
  const most = files.toSorted((a, b) => part(b) - part(a))[0];
  if (most === undefined) return [];
  const text = `${most.whose} has ${most.open} of ${most.limit}`;
  return part(most) < NEARLY
    ? [{
      verdict: "ok",
      subject: "open files",
      text: `${text}, the most of all`,
    }]
    : [{
      verdict: "problem",
      subject: "open files",
      text,
      mend: "ulimit -n, or LimitNOFILE= of the unit, and start it anew",
    }];
}

function memoryFindings(
  { status: { workers }, memoryLimit: limit, rss }: PoolFacts,
): Finding[] {
  if (limit === undefined || rss === undefined) return [];
  const held = workers.reduce((sum, each) => sum + (each.rss ?? 0), rss);
  const text = `supervisor and workers hold ${
    mib(held)
  }, the cgroup's limit is ${mib(limit)}`;
  return held < limit * NEARLY
    ? [{ verdict: "ok", subject: "memory", text }]
    : [{
      verdict: "problem",
      subject: "memory",
      text,
      mend: "--memory auto, fewer workers, or a higher limit",
    }];
}
