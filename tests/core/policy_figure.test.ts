/**
 * The figure of docs/BALANCE.md.
 *
 * Runs once, under vitest: the script is Node's, whatever runs it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { test } from "../harness.ts";
import { binary, cleanEnv } from "../runtimes.ts";

test("the figure of docs/BALANCE.md is what the model says", async () => {
  const script = ["scripts/balance_figure.ts", "--check"];
  const { stdout } = await promisify(execFile)(binary("node"), script, {
    env: cleanEnv(),
  });
  assert.match(stdout, /balance figure: ok/);
});
