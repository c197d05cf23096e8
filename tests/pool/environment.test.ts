/**
 * What the environment says stays there.
 *
 * Runs once, under bun: what is told comes from the core alone.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork } from "../command.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { freePort } from "../ports.ts";

test("no line, status or metric has a secret of the environment in it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "prefork-secret-"));
  const [own, filed] = ["planted-in-the-environment", "planted-in-a-file"];
  const path = (name: string) => join(directory, name);
  try {
    writeFileSync(path("a.env"), `FILED=${filed}\n`);
    const metrics = `127.0.0.1:${await freePort()}`;
    await using pool = prefork([
      ...["-w", "1", ...LOCAL, "--metrics", metrics, "--log", "json"],
      ...["--env-file", path("a.env"), "--control", path("control.sock")],
      ...["--status-file", path("status.json"), fixture("pid.ts")],
    ], { env: { SECRET: own } });
    await pool.line(/"event":"ready"/);
    const pid = Number(
      /"pid":(\d+)/.exec((await pool.line(/"event":"worker-ready".*/))[0])![1],
    );
    // They are there, where they belong.
    const inside = readFileSync(`/proc/${pid}/environ`, "utf8");
    assert.ok(inside.includes(own) && inside.includes(filed));
    const told: string[] = [(await get(metrics, "/metrics")).body];
    for (const words of [["status", "--json"], ["status"], ["doctor"]]) {
      await using verb = prefork([...words, path("control.sock")], {
        verb: true,
        env: { SECRET: undefined },
      });
      await verb.ended;
      assert.ok(verb.lines.length > 0, words.join(" "));
      told.push(...verb.lines);
    }
    // A crash, a reload, one that fails for what a file says, and the end.
    process.kill(pid, "SIGKILL");
    await pool.line(/"event":"worker-exited"/);
    pool.signal("SIGHUP");
    await pool.line(/"event":"reload-finished"/);
    writeFileSync(path("a.env"), `FILED=${filed}\0\n`);
    pool.signal("SIGHUP");
    await pool.line(/"event":"reload-failed"/);
    pool.signal("SIGCONT");
    await pool.line(/"event":"worker-status"/);
    told.push(readFileSync(path("status.json"), "utf8"));
    pool.signal("SIGTERM");
    await pool.ended;
    for (const text of [...told, ...pool.lines]) {
      assert.ok(!text.includes(own) && !text.includes(filed), text);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
