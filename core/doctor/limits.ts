/**
 * What a pool may take of a machine, against what it is to have.
 *
 * @module
 */

import { mib } from "../supervise/oom.ts";
import type { MachineFacts, PoolPlan } from "./facts.ts";
import type { Finding, Trouble } from "./finding.ts";

/** Less is too little for a worker on any runtime, in bytes. */
const LEAST_SHARE: number = 96 * 2 ** 20;

/**
 * What the supervisor has open beside its workers: its reserve of 32 for starts,
 * its own files and sockets (`adapters/shared/descriptors.ts`).
 */
const OWN_FILES = 96;

/** What it has open for a worker, and for one that is to replace it. */
const FILES_PER_WORKER = 16;

/** As many connections as a busy worker may well hold. */
const MANY_FILES = 4096;

/** How often there may be more workers than CPUs: some programs wait a lot. */
const CROWD = 4;

/** What is wrong with the memory that a pool was given. */
export function memoryTroubles(
  memory: number | "auto" | undefined,
  limit: number | undefined,
  share: number | undefined,
): readonly Trouble[] {
  if (memory === undefined) return [];
  if (memory === "auto" && limit === undefined) {
    return [{
      text:
        "the memory of the workers is not limited, because no cgroup of this process has a limit",
      mend: `set one, or give the number as "memory" (--memory 2G)`,
    }];
  }
  const troubles: Trouble[] = [];
  if (memory !== "auto" && limit !== undefined && memory > limit) {
    troubles.push({
      text: `the kernel ends processes of this cgroup before the pool has the ${
        mib(memory)
      } of "memory", because its limit is ${mib(limit)}`,
      mend: `give less, or "auto"`,
    });
  }
  if (share !== undefined && share < LEAST_SHARE) {
    troubles.push({
      text: `each worker has ${
        mib(share)
      } of the pool's memory, which is little for any runtime`,
      mend:
        `give more as "memory" (--memory), or have fewer workers, standbys or surge`,
    });
  }
  return troubles;
}

/** CPUs, memory and files. */
export function limitFindings(
  facts: MachineFacts,
  plan: PoolPlan,
): readonly Finding[] {
  const { range, workers: given, maxWorkers } = plan.config;
  const workers = range?.max ?? given ?? facts.cpus;
  return [
    cpuFinding(facts, workers, given ?? range?.max),
    ...memoryFindings(facts, plan),
    fileFinding(facts, Math.max(workers, maxWorkers ?? 0)),
  ];
}

function cpuFinding(
  { cpus }: MachineFacts,
  workers: number,
  given: number | undefined,
): Finding {
  const subject = "CPUs";
  const granted = `${cpus} granted by affinity and cgroup`;
  if (workers > cpus * CROWD) {
    return {
      verdict: "note",
      subject,
      text:
        `${granted}, for ${workers} workers: more than there are CPUs do not compute faster, and each takes memory`,
      mend: `-w ${cpus}`,
    };
  }
  return {
    verdict: "ok",
    subject,
    text: given === undefined
      ? `${granted}: as many workers unless -w says otherwise`
      : `${granted}, for ${workers} workers`,
  };
}

function memoryFindings(
  { memoryLimit: limit, memoryShare: share }: MachineFacts,
  { config: { memory } }: PoolPlan,
): readonly Finding[] {
  const subject = "memory";
  const troubles = memoryTroubles(memory, limit, share);
  if (troubles.length > 0) {
    return troubles.map((trouble) => ({
      verdict: "problem",
      subject,
      ...trouble,
    }));
  }
  if (memory === undefined && limit !== undefined) {
    const little = share !== undefined && share < LEAST_SHARE;
    return [{
      verdict: little ? "problem" : "note",
      subject,
      text: `the kernel ends a process of this cgroup at ${mib(limit)}${
        little ? `, ${mib(share)} for each worker` : ""
      }, and no worker is told to stay below its part`,
      mend: little
        ? "a higher limit of the cgroup, or fewer workers (-w), and --memory auto"
        : "--memory auto",
    }];
  }
  return [{
    verdict: "ok",
    subject,
    text: share === undefined
      ? "no cgroup limits it"
      : `${mib(share)} for each worker`,
  }];
}

function fileFinding(
  { openFiles }: MachineFacts,
  workers: number,
): Finding {
  const subject = "open files";
  if (openFiles === undefined) {
    return { verdict: "ok", subject, text: "their limit cannot be read here" };
  }
  const needed = OWN_FILES + FILES_PER_WORKER * workers;
  const mend = "ulimit -n 65536 (systemd: LimitNOFILE=65536)";
  if (openFiles < needed) {
    return {
      verdict: "problem",
      subject,
      text:
        `${openFiles} for each process, and a supervisor of ${workers} workers wants ${needed}`,
      mend,
    };
  }
  return openFiles < MANY_FILES
    ? {
      verdict: "note",
      subject,
      text:
        `${openFiles} for each process, so a worker holds fewer connections than that`,
      mend,
    }
    : {
      verdict: "ok",
      subject,
      text: `${openFiles} for each process, a connection is one`,
    };
}
