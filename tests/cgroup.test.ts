/** Where the memory of a process counts, told from files of /proc and /sys. */

import assert from "node:assert/strict";
import { memoryGroupOf } from "../adapters/shared/cgroup.ts";
import { describe, test } from "./harness.ts";

const groupOf = (files: Record<string, string>, pid?: number) =>
  memoryGroupOf((file) => files[file], pid);

describe("the cgroup of a process", () => {
  test("version 2: the least limit on the way to the top, and its own count", () => {
    const files = {
      "/proc/7/cgroup": "0::/a.slice/b.service\n",
      "/sys/fs/cgroup/a.slice/b.service/memory.max": "max\n",
      "/sys/fs/cgroup/a.slice/b.service/memory.events":
        "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\noom_group_kill 0\n",
      "/sys/fs/cgroup/a.slice/memory.max": "536870912\n",
      "/sys/fs/cgroup/a.slice/memory.events": "oom_kill 8\n",
    };
    const group = groupOf(files, 7);
    assert.equal(group?.path, "/sys/fs/cgroup/a.slice/b.service");
    assert.equal(group.limit, 512 * 2 ** 20);
    assert.equal(group.kills(), 3);
    files["/sys/fs/cgroup/a.slice/b.service/memory.events"] = "oom_kill 4\n";
    assert.equal(group.kills(), 4);
  });

  test("version 1, where both are mounted", () => {
    const group = groupOf({
      "/proc/self/cgroup": "4:memory:/web\n1:name=systemd:/web\n0::/web\n",
      "/sys/fs/cgroup/memory/web/memory.limit_in_bytes": "1048576\n",
      "/sys/fs/cgroup/memory/web/memory.oom_control":
        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/web/memory.events": "oom_kill 70\n",
    });
    assert.equal(group?.path, "/sys/fs/cgroup/memory/web");
    assert.equal(group.limit, 2 ** 20);
    assert.equal(group.kills(), 1);
  });

  test("a container that sees its own group as the top, or a part of one", () => {
    const top = {
      "/sys/fs/cgroup/memory.max": "1000\n",
      "/sys/fs/cgroup/memory.events": "oom_kill 5\n",
    };
    for (const path of ["/", "/../../other", "/docker/0123"]) {
      const group = groupOf({ ...top, "/proc/self/cgroup": `0::${path}\n` });
      assert.equal(group?.path, "/sys/fs/cgroup");
      assert.equal(group.limit, 1000);
      assert.equal(group.kills(), 5);
    }
  });

  test("none: without a controller, or where nothing can be read", () => {
    assert.equal(groupOf({}), undefined);
    assert.equal(groupOf({ "/proc/self/cgroup": "0::/\n" }), undefined);
    const unlimited = groupOf({
      "/proc/self/cgroup": "0::/x\n",
      "/sys/fs/cgroup/x/memory.max": "max\n",
      "/sys/fs/cgroup/x/memory.events": "oom_kill 0\n",
    });
    assert.equal(unlimited?.limit, undefined);
    assert.equal(unlimited?.kills(), 0);
  });
});
