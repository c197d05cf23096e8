/** Looks at the processes of the machine, in a /proc of the test's own. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { isThere } from "../adapters/shared/pid_file.ts";
import { until } from "./command.ts";
import { emptied } from "../adapters/shared/exit.ts";
import { statOf } from "../adapters/shared/proc.ts";
import { LivingProcesses } from "../adapters/shared/processes.ts";
import { describe, test } from "./harness.ts";

// Whether a group is there at all, the kernel is asked.
const group = statOf(process.pid)?.group ?? 0;
const skip = group > 0 ? false : "processes are not shown here";

/** Processes by their ids, each as "state group session"; counts the looks. */
function machine(initial: Readonly<Record<number, string>>) {
  const those = new Map(Object.entries(initial));
  let looks = 0;
  let reads = 0;
  const processes = new LivingProcesses({
    list: (path) => {
      assert.equal(path, "/proc");
      looks++;
      return ["uptime", ...those.keys()];
    },
    read: (path) => {
      reads++;
      const [state, own, session] =
        those.get(path.split("/")[2]!)?.split(" ") ?? [];
      return state && `1 (a) ${state} 1 ${own} ${session}${" 0".repeat(20)}`;
    },
  });
  const counted = (): { looks: number; reads: number } => {
    const now = { looks, reads };
    looks = reads = 0;
    return now;
  };
  return { those, processes, counted };
}

describe("one look at all processes", () => {
  test("serves those who ask for sessions, and is made anew for a group", {
    skip,
  }, () => {
    const { those, processes, counted } = machine({
      5: `S ${group} 70`,
      6: `R 9 80`,
      7: `Z ${group} 70`,
    });
    const pids = (found: readonly { pid: number }[]) =>
      found.map(({ pid }) => pid);
    assert.deepEqual(pids(processes.ofSession(70)), [5]);
    assert.deepEqual(pids(processes.ofSession(80)), [6]);
    assert.equal(counted().looks, 1);
    those.set("8", `S ${group} 90`);
    assert.deepEqual(pids(processes.ofSession(90)), [8]);
    assert.equal(counted().looks, 1);
    those.delete("5");
    assert.deepEqual(pids(processes.ofGroup(group)), [8]);
    assert.deepEqual(pids(processes.ofSession(80)), [6]);
    assert.equal(counted().looks, 1);
  });

  test("is enough while what is left of a group lives", { skip }, async () => {
    const { those, processes, counted } = machine({
      5: `S ${group} 70`,
      6: `S 9 80`,
      7: `S 9 80`,
    });
    const left = Promise.withResolvers<void>();
    let asked = 0;
    const ofThose: LivingProcesses["ofThose"] = (before) => {
      // The last one starts another one, which is not missed.
      if (++asked === 4) {
        those.delete("5");
        those.set("8", `S ${group} 70`);
      }
      if (asked === 6) those.delete("8");
      return processes.ofThose(before);
    };
    const ended = emptied(group, left.resolve, {
      ofGroup: (one) => processes.ofGroup(one),
      ofThose,
    });
    await left.promise;
    await ended;
    // Three looks at all, and one process at a time in between.
    assert.deepEqual(counted(), { looks: 3, reads: 3 + 3 + 1 + 3 + 2 + 2 });
    assert.equal(asked, 6);
  });
});

test("a process that nobody has looked after is gone", { skip }, async () => {
  // Its parent becomes something that never asks how it has ended.
  const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const [line] = await once(parent.stdout, "data");
    const pid = Number(String(line));
    await until(() => statOf(pid)?.state === "Z", "it has ended");
    process.kill(pid, 0);
    assert.equal(isThere(pid), false);
    assert.equal(isThere(parent.pid!), true);
  } finally {
    process.kill(parent.pid!, "SIGKILL");
  }
});
