/**
 * The first steps of the README, typed as they stand there.
 *
 * Runs once, under vitest: its lines name Node.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../cli/arguments.ts";
import { PATH, prefork, ready, watch } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { freePort } from "../ports.ts";
import { binary, cleanEnv } from "../runtimes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const [, program] = /^```js\n(.*?)^```$/ms.exec(readme)!;
const [, session] = /^```console\n(.*?)^```$/ms.exec(readme)!;

/** The commands, and what a terminal shows of each. */
const steps = session!.split(/^\$ /m).slice(1).map((step) => {
  const [command = "", ...shown] = step.trimEnd().split("\n");
  return { command, shown };
});

/** Lines without what differs from run to run, and columns as wide as that. */
function alike(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line.replaceAll(/\d+s\b|\d{2,}/g, "N").replaceAll(/ +/g, " ").trimEnd()
      // Which worker has had the request is the kernel's choice.
      .replace(/^(\d N ready .*) [01]$/, "$1 N")
  );
}

/** curl(1) shows its progress where there is no terminal. */
function quiet(command: string): string {
  return command.replace(/^curl /, "curl -s ");
}

const dir = mkdtempSync(join(tmpdir(), "prefork-tour-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("the README", () => {
  test("shows what its first steps show", async () => {
    const port = String(await freePort());
    const local = (text: string): string => text.replaceAll("8080", port);
    mkdirSync(join(dir, "bin"));
    writeFileSync(join(dir, "app.js"), local(program!));
    const command = join(dir, "bin/prefork");
    writeFileSync(
      command,
      `#!/bin/sh\nexec "${binary("node")}" "${root}cli.ts" "$@"\n`,
    );
    chmodSync(command, 0o755);
    const env = { PATH: `${dir}/bin:${PATH}`, XDG_RUNTIME_DIR: dir };
    await using pool = prefork(["-w", "4", "app.js"], {
      cwd: dir,
      env,
      runtime: "node",
    });
    await ready(pool);
    assert.ok(steps.length >= 8);
    for (const { command, shown } of steps) {
      await using typed = watch(spawn(
        "sh",
        ["-c", `exec 2>&1\n${quiet(local(command))}`],
        {
          cwd: dir,
          env: cleanEnv({ NO_COLOR: "1", no_proxy: "*", ...env }),
          stdio: ["ignore", "pipe", "pipe"],
        },
      ));
      await typed.ended;
      assert.deepEqual(alike(typed.lines), alike(shown.map(local)), command);
    }
    assert.equal((await pool.ended).code, 0);
  });

  test("names commands for users of PM2 that there are", () => {
    const rows = readme.split("\n").filter((line) => /^\| `pm2 /.test(line));
    assert.ok(rows.length >= 5);
    for (const row of rows) {
      const [, , here = ""] = row.split("|");
      for (const [, words] of here.matchAll(/`prefork ([^`]*)`/g)) {
        const { kind } = parseCommandLine(words!.split(" "));
        assert.match(kind, /^(run|control)$/);
      }
    }
  });
});
