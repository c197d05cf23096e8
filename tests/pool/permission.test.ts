/**
 * What a Deno supervisor can do with fewer permissions.
 *
 * Runs once, under bun: the supervisor is Deno's under each runner.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { binary } from "../runtimes.ts";

const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
/** Deno without a prompt, with these permissions. */
function denoWith(
  permissions: readonly string[],
): readonly [string, ...string[]] {
  const flags = permissions.map((each) => `--allow-${each}`);
  return [binary("deno"), "run", "--no-prompt", "--no-check", ...flags, cli];
}

const command = denoWith(["read", "write", "net", "env", "sys", "run"]);

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
      ["-w", "2", "--probation", "0", ...LOCAL, fixture("pid.ts")],
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

describe("Deno with what README says a pool needs", () => {
  const ALL = ["read", "env", "run", "sys=uid", "ffi"];

  test("runs one, and each that is missing is named", async () => {
    await using running = prefork(
      ["-w", "1", ...LOCAL, fixture("pid.ts")],
      { command: denoWith(ALL) },
    );
    assert.equal((await ready(running)).share, "balanced");
    for (const missing of ALL) {
      await using refused = prefork(
        ["-w", "1", ...LOCAL, fixture("pid.ts")],
        { command: denoWith(ALL.filter((each) => each !== missing)) },
      );
      const { code } = await refused.ended;
      const flag = missing === "ffi" ? "net" : missing.split("=")[0];
      assert.match(
        refused.lines.at(-1)!,
        new RegExp(
          `^prefork: Cannot .* Deno does not allow .*add "--allow-${flag}"`,
        ),
      );
      assert.ok(code !== 0 && code !== 1, `${missing}: ${code}`);
    }
    await using path = prefork(
      ["-w", "1", "-l", "unix:/tmp/refused.sock", fixture("pid.ts")],
      { command: denoWith(ALL) },
    );
    assert.equal((await path.ended).code, 4);
    assert.match(path.lines.at(-1)!, /add "--allow-write"$/);
  });
});
