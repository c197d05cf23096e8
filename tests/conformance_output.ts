/** What workers print. */

import assert from "node:assert/strict";
import process from "node:process";
import type { Adapter } from "../core/adapter.ts";
import { start } from "./conformance_tools.ts";
import { test } from "./harness.ts";

/** Adds the tests. */
export function addOutputTests(adapter: Adapter): void {
  const run = async (script: string): Promise<string[]> => {
    const child = start(adapter, ["sh", "-c", script]);
    await child.exit;
    return child.lines;
  };

  test("every line before the exit, the last one without its end too", async () => {
    const lines = await run("seq 1 20000; printf 'the last'");
    assert.equal(lines.length, 20001);
    assert.equal(lines[19999], "stdout: 20000");
    assert.equal(lines[20000], "stdout: the last");
  });

  test("both streams, empty lines and carriage returns", async () => {
    const lines = await run("printf 'a\\n\\nb\\r\\n'; printf 'c\\n' >&2");
    assert.deepEqual(lines.filter((line) => line.startsWith("stdout")), [
      "stdout: a",
      "stdout: ",
      "stdout: b",
    ]);
    assert.ok(lines.includes("stderr: c"));
  });

  test("a character that arrives in two parts", async () => {
    const lines = await run(
      "printf '\\303'; sleep 0.05; printf '\\274\\342\\202'; sleep 0.05; printf '\\254\\n'",
    );
    assert.deepEqual(lines, ["stdout: ü€"]);
  });

  test("a line of a megabyte is whole", async () => {
    const lines = await run(
      "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end",
    );
    assert.equal(lines[0], `stdout: ${"x".repeat(1_000_000)}`);
    assert.equal(lines.length, 2);
    assert.equal(lines.at(-1), "stdout: end");
  });

  test("a grandchild that keeps the output open is not waited for", async () => {
    const child = start(adapter, ["sh", "-c", "sleep 600 & echo $!"]);
    try {
      assert.deepEqual(await child.exit, { code: 0, signal: null });
      assert.equal(child.lines.length, 1);
    } finally {
      process.kill(Number(child.lines[0]?.slice(8)), "SIGKILL");
    }
  });
}
