import assert from "node:assert/strict";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { memoryCgroup } from "../memory_cgroup.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

/** More than a supervisor and a worker need, which one is to exceed. */
const LIMIT = 400 * 2 ** 20;

/** Whether it can be made is known once it was. */
const cgroup = memoryCgroup(LIMIT);
const noCgroup = typeof cgroup === "string" ? cgroup : false;

describe("a worker that runs out of memory", () => {
  test("of the heap that --memory leaves it", {
    skip: ownRuntime === "bun" && "Bun has no limit of its heap",
  }, async () => {
    await using pool = prefork([
      ...["-w", "1", "--memory", "400M", "--max-rss", "4G", ...LOCAL],
      fixture("hog.ts"),
    ]);
    const { listen } = await ready(pool);
    await get(listen!, "/heap");
    await pool.line(
      /^prefork worker-exited .* reason=oom signal=SIG(ABRT|TRAP) ms=\d+ why="its heap was full: .*out of memory/,
    );
    await pool.line(
      /^prefork worker-respawning .* reason="it ran out of memory /,
    );
  });

  test("of its cgroup", { skip: noCgroup }, async () => {
    assert.ok(typeof cgroup !== "string");
    await using _group = cgroup;
    await using pool = prefork(["-w", "1", ...LOCAL, fixture("hog.ts")], {
      command: cgroup.command(commandOn(ownRuntime, libraryFile("cli"))),
    });
    const { listen } = await ready(pool);
    await get(listen!, "/buffers");
    await pool.line(
      /^prefork worker-exited .* reason=oom signal=SIGKILL ms=\d+ why="the kernel has killed it for memory/,
    );
    await pool.line(
      /^prefork worker-respawning .* reason="it ran out of memory /,
    );
  });
});
