/**
 * What is around the supervisor's process: who starts it and who looks after
 * it, what it can see, where it can be asked.
 *
 * @module
 */

import type { MachineFacts, PoolPlan } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** A shell that has more to do than to be talked to. */
const SHELL = /^(?:\S*\/)?\w*sh (?:-\w+ )*[^-\s]/;

/** Who is around the process, and what it can see. */
export function processFindings(
  facts: MachineFacts,
  { config: { control } }: PoolPlan,
): readonly Finding[] {
  return [
    firstFinding(facts),
    managerFinding(facts),
    ...packageFindings(facts),
    procFinding(facts),
    ...(control === "auto" ? [controlFinding(facts)] : []),
  ];
}

/** Process 1 of a container inherits orphans, and is sent SIGTERM to end it. */
function firstFinding({ pid, first, noLibc }: MachineFacts): Finding {
  const subject = "process 1";
  if (pid === 1) {
    return noLibc === undefined
      ? {
        verdict: "ok",
        subject,
        text: "it is this one, and reaps what it inherits: no init is needed",
      }
      : {
        verdict: "problem",
        subject,
        text:
          `it is this one, and cannot reap what it inherits, because ${noLibc}`,
        mend: "docker run --init (or tini in front)",
      };
  }
  if (first !== undefined && SHELL.test(first)) {
    return {
      verdict: "problem",
      subject,
      text:
        `it is the shell that has started this, and hands on no SIGTERM ("${first}")`,
      mend: `exec prefork .. in it, or CMD ["prefork", ..] without a shell`,
    };
  }
  return {
    verdict: "ok",
    subject,
    text: "not this one; where it is, it needs no init",
  };
}

function managerFinding(
  { notifies, notifyCommand, noLibc, packageManager }: MachineFacts,
): Finding {
  const subject = "service manager";
  if (!notifies) {
    return {
      verdict: "ok",
      subject,
      text:
        "none wants to hear of this process; a unit with Type=notify hears when the pool is ready, and how it is",
    };
  }
  if (noLibc !== undefined && notifyCommand) {
    return {
      verdict: "note",
      subject,
      text:
        `it is told by systemd-notify, a process for each word, because ${noLibc}: no upgrades, no --fd-store`,
      mend: "NotifyAccess=all in the unit, unless it runs as root",
    };
  }
  if (noLibc !== undefined) {
    return {
      verdict: "problem",
      subject,
      text: `it wants to hear READY=1, and cannot, because ${noLibc}`,
      mend: "Type=exec in the unit, without WatchdogSec= and upgrades",
    };
  }
  return packageManager === undefined
    ? {
      verdict: "ok",
      subject,
      text: "it hears when the pool is ready, how it is, and of upgrades",
    }
    : {
      verdict: "problem",
      subject,
      text:
        `it hears its main process alone, and that is not prefork but "${packageManager}"`,
      mend:
        "ExecStart=.../node_modules/.bin/prefork .. (or NotifyAccess=all, without upgrades)",
    };
}

function packageFindings(
  { packageManager, notifies }: MachineFacts,
): readonly Finding[] {
  if (packageManager === undefined || notifies) return [];
  return [{
    verdict: "note",
    subject: "package manager",
    text:
      `"${packageManager}" stays in front: one more process, which ends with its own code (130, 143) and not with the pool's`,
    mend: "node_modules/.bin/prefork ..",
  }];
}

function procFinding(
  { platform, proc, procHides }: MachineFacts,
): Finding {
  const subject = "/proc";
  if (platform === "linux" && !proc) {
    return {
      verdict: "note",
      subject,
      text:
        "it cannot be read: what workers hold and what a hung one does is not known",
      mend: "mount -t proc proc /proc (Deno: --allow-ffi or --allow-all)",
    };
  }
  return procHides
    ? {
      verdict: "note",
      subject,
      text:
        "it hides the processes of others: who holds an address that is taken cannot be named",
      mend: "mount -o remount,hidepid=0 /proc",
    }
    : {
      verdict: "ok",
      subject,
      text: proc ? "it can be read" : "this system has none",
    };
}

function controlFinding({ control }: MachineFacts): Finding {
  const subject = "control";
  const usable = control.find(({ problem }) => problem === undefined);
  if (usable !== undefined) {
    return {
      verdict: "ok",
      subject,
      text: `a pool can be asked by a socket in ${usable.directory}`,
    };
  }
  return {
    verdict: "note",
    subject,
    text: `a pool cannot be asked: ${
      control.map(({ directory, problem }) => `"${directory}" ${problem}`)
        .join(", ")
    }`,
    mend: "--control PATH in a directory of this user alone",
  };
}
