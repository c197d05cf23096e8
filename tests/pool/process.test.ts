import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import {
  fixture,
  isAlive,
  LOCAL,
  PATH,
  prefork,
  readyPids,
} from "../command.ts";
import { test } from "../harness.ts";
import { ownRuntime } from "../runtimes.ts";

/** A line of /proc/PID/status (proc_pid_status(5)). */
function status(pid: number | "self", name: string): string {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return new RegExp(`^${name}:\\s+(.*)$`, "m").exec(text)![1]!;
}

/** The niceness of each thread of a process, each value once. */
function nices(pid: number | "self"): number[] {
  const each = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8");
      // The 19th field, of which the second may hold spaces (proc_pid_stat(5)).
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    } catch {
      // A thread that has ended meanwhile.
      return [];
    }
  });
  return [...new Set(each)];
}

/** The CPUs of this process, one by one. */
const CPUS = status("self", "Cpus_allowed_list").split(",").flatMap((range) => {
  const [from = 0, to = from] = range.split("-").map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
});

const there = (command: string): boolean =>
  PATH.split(":").some((directory) => {
    try {
      return readdirSync(directory).includes(command);
    } catch {
      return false;
    }
  });
const skip = !there("taskset") && "there is no taskset";

const OPTIONS = ["--umask", "027", "--nice", "3", "--cpu-affinity", "auto"];
const [before = 0] = nices("self");

for (
  const [what, program] of [
    ["workers", ["--chdir", tmpdir(), fixture("pid.ts")]],
    // It listens nowhere, and counts as ready after the soak time.
    ["a program in another language", [
      "--soak",
      "100ms",
      "--chdir",
      tmpdir(),
      "sleep",
      "600",
    ]],
  ] as const
) {
  test(
    `${what} have the mask, niceness, CPUs and directory that are asked for, the supervisor its own`,
    { skip },
    async () => {
      await using command = prefork([
        "-w",
        "2",
        ...LOCAL,
        ...OPTIONS,
        ...program,
      ]);
      await command.line(/^prefork ready /);
      const seen = readyPids(command).map((pid) => ({
        umask: status(pid, "Umask"),
        cpu: status(pid, "Cpus_allowed_list"),
        cwd: readlinkSync(`/proc/${pid}/cwd`),
      }));
      const [umask, cwd] = ["0027", realpathSync(tmpdir())];
      const cpus = [CPUS[0], CPUS[1 % CPUS.length]].map(String);
      assert.deepEqual(
        new Set(seen.map((each) => JSON.stringify(each))),
        new Set(cpus.map((cpu) => JSON.stringify({ umask, cpu, cwd }))),
      );
      for (const pid of readyPids(command)) {
        assert.deepEqual(nices(pid), [Math.min(before + 3, 19)]);
      }
      const { pid } = command;
      assert.deepEqual(nices(pid), [before]);
      for (const name of ["Umask", "Cpus_allowed_list"]) {
        assert.equal(status(pid, name), status("self", name));
      }
    },
  );
}

test("what cannot be had is said at the start", async () => {
  const [cpu] = ["65000"];
  for (
    const [args, sentence] of [
      [["--cpu-affinity", `0,${cpu}`], `CPU ${cpu} for "--cpu-affinity": this`],
      [
        ["--chdir", "/missing/place"],
        '"/missing/place": there is no such directory',
      ],
    ] as const
  ) {
    await using command = prefork([...LOCAL, ...args, fixture("pid.ts")]);
    const { code } = await command.ended;
    assert.ok(code === 2 || code === 3, String(code));
    assert.ok(
      command.lines.some((line) => line.includes(sentence)),
      command.lines.join("\n"),
    );
  }
});

test("a reload reads files of variables anew, and fails where one cannot be read", async () => {
  const directory = mkdtempSync(join(tmpdir(), "prefork-env-"));
  try {
    const file = join(directory, "a.env");
    /** What the last worker was started with. */
    const started = (): string | undefined =>
      readFileSync(`/proc/${readyPids(command).at(-1)}/environ`, "utf8")
        .split("\0").find((each) => each.startsWith("WHAT="));
    writeFileSync(file, "WHAT='one'\n");
    const own = ["--soak", "0", "--env-file", "a.env"];
    await using command = prefork([
      ...["-w", "1", ...LOCAL, ...own, fixture("pid.ts")],
    ], { cwd: directory });
    await command.line(/^prefork ready /);
    assert.equal(started(), "WHAT=one");
    writeFileSync(file, "WHAT='two'\n");
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    assert.equal(started(), "WHAT=two");
    rmSync(file);
    command.signal("SIGHUP");
    const [line] = await command.line(/^prefork reload-failed .*$/);
    assert.ok(
      line.includes(`Cannot read the variables in \\"${file}\\": `),
      line,
    );
    assert.equal(readyPids(command).length, 2);
    assert.ok(isAlive(readyPids(command).at(-1)!));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("processes of a pool with a name are told apart where they are listed", async () => {
  const name = "a-name-that-is-long";
  await using command = prefork([
    ...[
      "-w",
      "2",
      ...LOCAL,
      "--name",
      name,
      fixture("pid.ts"),
      "--an-argument",
    ],
  ]);
  await command.line(/prefork ready /);
  const comm = (pid: number): string =>
    readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  assert.equal(comm(command.pid), "prefork:a-name-");
  assert.deepEqual(
    readyPids(command).map(comm).sort(),
    ["a-name-that-i:0", "a-name-that-i:1"],
  );
  for (const pid of readyPids(command)) {
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const slot = comm(pid).at(-1)!;
    // Bun keeps a title to itself.
    if (ownRuntime === "bun") assert.match(line, /pid\.ts\0--an-argument/);
    else assert.ok(line.startsWith(`prefork: ${name} worker ${slot} /`), line);
  }
  assert.match(
    readFileSync(`/proc/${command.pid}/cmdline`, "utf8"),
    /\0--name\0a-name-that-is-long\0/,
  );
});
