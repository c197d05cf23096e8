/** What the machine has no more of: processes, and room on a disk. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

/** Root has no limit on processes: a user who has no others does. */
const SOMEBODY = process.getuid?.() === 0
  ? ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
  : [];

/** Sets the limit of a process on how many its user may have (prlimit(1)). */
function limit(pid: number, processes: string): number | null {
  const [file, ...args] = [
    ...[...SOMEBODY, "prlimit", "--pid", `${pid}`],
    `--nproc=${processes}:`,
  ];
  return spawnSync(file!, args, { stdio: "ignore" }).status;
}

function can(...[file, ...args]: readonly string[]): boolean {
  return spawnSync(file!, args, { stdio: "ignore" }).status === 0;
}

async function stop(command: Command): Promise<void> {
  command.signal("SIGTERM");
  assert.equal((await command.ended).code, 0);
}

test(
  "no process can be started: the pool keeps what it has, says why, and goes on when one can",
  {
    skip: can(...SOMEBODY, "prlimit", "--nproc") ? false : "no prlimit(1) here",
  },
  async () => {
    using directory = temporaryDirectory();
    chmodSync(directory.path, 0o777);
    await using command = prefork(
      ["-w", "2", "-r", ownRuntime, ...LOCAL, fixture("pid.ts")],
      {
        command: [
          ...SOMEBODY,
          ...commandOn(ownRuntime, libraryFile("cli")),
        ] as unknown as readonly [string, ...string[]],
        env: {
          HOME: directory.path,
          DENO_DIR: `${directory.path}/deno`,
          XDG_RUNTIME_DIR: directory.path,
        },
      },
    );
    const address = (await ready(command))["listen"]!;
    const [first, second] = readyPids(command);
    const limits = readFileSync(`/proc/${command.pid}/limits`, "utf8");
    const [, before] = /^Max processes +(\w+)/m.exec(limits)!;
    assert.equal(limit(command.pid, "1"), 0);
    process.kill(first!, "SIGKILL");
    await command.line(
      /^prefork worker-respawning .* crashes=3 reason="Cannot start .*(EAGAIN|Resource temporarily unavailable).*limits on processes/,
    );
    assert.match((await get(address)).body, new RegExp(`\\b${second}\\b`));
    const from = command.lines.length;
    assert.equal(limit(command.pid, before!), 0);
    await command.line(/^prefork worker-ready /, from);
    await stop(command);
  },
);

const MOUNT = ["unshare", "--mount"];

test(
  "the disk is full: a pid file that is there stays, an upgrade goes back, and a start says so",
  {
    skip: can(...MOUNT, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
      ? false
      : "unshare(1) may not mount here",
  },
  async () => {
    using directory = temporaryDirectory();
    const { path } = directory;
    const files = [
      ...["--pid-file", `${path}/pid`, "--status-file", `${path}/state`],
    ];
    const args = [
      ...files,
      "--probation",
      "0",
      "-w",
      "1",
      ...LOCAL,
      fixture("pid.ts"),
    ];
    const script = `mount -t tmpfs -o size=16k tmpfs ${path} && exec "$0" "$@"`;
    const on = [...MOUNT, "sh", "-c", script];
    await using command = prefork(args, {
      command: [
        ...on,
        ...commandOn(ownRuntime, libraryFile("cli")),
      ] as unknown as readonly [string, ...string[]],
    });
    const address = (await ready(command))["listen"]!;
    // The same disk, seen from out here.
    const disk = `/proc/${command.pid}/root${path}`;
    assert.throws(() => writeFileSync(`${disk}/fill`, "x".repeat(100_000)), {
      code: "ENOSPC",
    });
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    command.signal("SIGUSR2");
    await command.line(
      /^prefork: Cannot write the (pid|status) file .*(ENOSPC|No space left)/,
    );
    await command.line(/^prefork upgrade-failed /);
    assert.ok(existsSync(`${disk}/pid`));
    assert.match((await get(address)).body, /^pid \d+/);
    rmSync(`${disk}/fill`);
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /, command.lines.length);
    await stop(command);
  },
);
