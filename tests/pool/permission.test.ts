/** What a Deno supervisor can do with fewer permissions. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { binary } from "../runtimes.ts";

const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const command = [
  binary("deno"),
  "run",
  "--no-prompt",
  "--no-check",
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env",
  "--allow-sys",
  "--allow-run",
  cli,
] as const;

describe("Deno without --allow-ffi", () => {
  for (const share of ["balanced", "shared", "sharded", "handoff"]) {
    test(`${share} is refused, naming the flag and the mode that works`, async () => {
      await using refused = prefork(
        ["-s", share, ...LOCAL, fixture("pid.ts")],
        { command },
      );
      assert.equal((await refused.ended).code, 2, refused.lines.join("\n"));
      assert.equal(refused.lines.length, 1);
      assert.match(refused.lines[0]!, /--allow-ffi/);
      assert.match(refused.lines[0]!, /reuseport/);
    });
  }

  test("auto takes reuseport, says why, and works", async () => {
    await using running = prefork(
      ["-w", "2", ...LOCAL, fixture("pid.ts")],
      { command },
    );
    const { share, listen } = await ready(running);
    assert.equal(share, "reuseport");
    await running.line(
      /^prefork listening .*share=reuseport reason=.*--allow-ffi/,
    );
    await distinct(listen!, 2);
    running.signal("SIGHUP");
    await running.line(/^prefork reload-finished /);
    running.signal("SIGTERM");
    assert.equal((await running.ended).code, 0, running.lines.join("\n"));
  });
});
