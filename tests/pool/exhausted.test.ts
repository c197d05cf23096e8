/** What the machine has no more of: processes, and room on a disk. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import process from "node:process";
import {
  type Command,
  fixture,
  LOCAL,
  prefork,
  ready,
  readyPids,
} from "../command.ts";
import { temporaryDirectory } from "../conformance_tools.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { fillDisk, noDisk, onSmallDisk } from "../namespace.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

/** Root has no limit on processes: a user who has no others does. */
const SOMEBODY = process.getuid?.() === 0
  ? ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
  : [];

/** Runs prlimit(1) on a process, as the user whose it is. */
function prlimit(...args: readonly string[]): boolean {
  const [file, ...rest] = [...SOMEBODY, "prlimit", ...args];
  return spawnSync(file!, rest, { stdio: "ignore" }).status === 0;
}

const COMMAND = commandOn(ownRuntime, libraryFile("cli"));

async function stop(command: Command): Promise<void> {
  command.signal("SIGTERM");
  assert.equal((await command.ended).code, 0);
}

/** Why a limit on processes cannot be tried. */
const noLimit = ownRuntime === "bun"
  ? "Bun starts threads as it goes, and ends where it may not (1.4.4)"
  : !prlimit("--nproc") && "no prlimit(1) here";

describe("a machine that has no more", () => {
  test(
    "processes: the pool keeps what it has, says why, and goes on when there are some",
    {
      skip: noLimit,
    },
    async () => {
      using directory = temporaryDirectory();
      const { path } = directory;
      chmodSync(path, 0o777);
      const [file, ...rest] = [...SOMEBODY, ...COMMAND];
      await using command = prefork(
        ["-w", "2", "-r", ownRuntime, ...LOCAL, fixture("pid.ts")],
        {
          command: [file!, ...rest],
          env: { HOME: path, DENO_DIR: `${path}/deno`, XDG_RUNTIME_DIR: path },
        },
      );
      const address = (await ready(command))["listen"]!;
      const [first, second] = readyPids(command);
      const own = ["--pid", String(command.pid)];
      const limits = readFileSync(`/proc/${command.pid}/limits`, "utf8");
      const [, before] = /^Max processes +(\w+)/m.exec(limits)!;
      assert.ok(prlimit(...own, "--nproc=1:"));
      process.kill(first!, "SIGKILL");
      await command.line(
        /^prefork worker-respawning .* crashes=3 reason="Cannot start .*(EAGAIN|Resource temporarily unavailable).*limits on processes/,
      );
      assert.match((await get(address)).body, new RegExp(`\\b${second}\\b`));
      const from = command.lines.length;
      assert.ok(prlimit(...own, `--nproc=${before}:`));
      await command.line(/^prefork worker-ready /, from);
      await stop(command);
    },
  );

  test(
    "room on a disk: a pid file that is there stays, and an upgrade goes back",
    {
      skip: noDisk,
    },
    async () => {
      using directory = temporaryDirectory();
      const { path } = directory;
      await using command = prefork([
        ...["--pid-file", `${path}/pid`, "--status-file", `${path}/state`],
        ...["--probation", "0", "-w", "1", ...LOCAL, fixture("pid.ts")],
      ], { command: onSmallDisk(path, COMMAND) });
      const address = (await ready(command))["listen"]!;
      const full = fillDisk(command.pid, path);
      command.signal("SIGHUP");
      await command.line(/^prefork reload-finished /);
      command.signal("SIGUSR2");
      await command.line(
        /^prefork: Cannot write the (pid|status) file .*(ENOSPC|No space left)/,
      );
      await command.line(/^prefork upgrade-failed /);
      assert.ok(existsSync(`/proc/${command.pid}/root${path}/pid`));
      assert.match((await get(address)).body, /^pid \d+/);
      full[Symbol.dispose]();
      const from = command.lines.length;
      command.signal("SIGHUP");
      await command.line(/^prefork reload-finished /, from);
      await stop(command);
    },
  );
});
