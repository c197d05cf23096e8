/** `prefork init` where somebody is: its files, and what stands in them. */
import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prefork } from "../command.ts";
import { VERSION } from "../../core/version.ts";
import { test } from "../harness.ts";

test("prefork init writes files of this program, once", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "prefork-shop-"));
  const init = (...flags: readonly string[]) =>
    prefork(["init", ...flags, "--name", "shop", "-w", "2", "server.js"], {
      cwd,
      verb: true,
      env: { PWD: cwd },
    });
  try {
    writeFileSync(join(cwd, "package.json"), "{}");
    writeFileSync(join(cwd, "server.js"), "");
    await using first = init();
    assert.equal((await first.ended).code, 0, first.lines.join("\n"));
    assert.deepEqual(readdirSync(cwd).sort(), [
      ...[".dockerignore", "Dockerfile", "compose.yaml", "kubernetes.yaml"],
      ...["package.json", "server.js", "shop.service"],
    ]);
    const unit = readFileSync(join(cwd, "shop.service"), "utf8");
    assert.ok(unit.includes(`WorkingDirectory=${cwd}\n`), unit);

    // What is in the unit starts this prefork, wherever that is called.
    const [, line = ""] = /^ExecReload=(\/.*) reload \S+$/m.exec(unit) ?? [];
    const [file = "", ...args] = line.split(" ");
    await using found = prefork(["--version"], {
      command: [file, ...args],
      cwd: "/",
    });
    assert.equal((await found.ended).code, 0, found.lines.join("\n"));
    assert.deepEqual(found.lines, [VERSION]);

    writeFileSync(join(cwd, "Dockerfile"), "FROM mine\n");
    await using second = init();
    assert.equal((await second.ended).code, 1);
    await second.line(/^prefork unchanged file=shop\.service$/);
    await second.line(/^prefork: Dockerfile is there and was left as it is; /);
    const text = readFileSync(join(cwd, "Dockerfile"), "utf8");
    assert.equal(text, "FROM mine\n");
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
