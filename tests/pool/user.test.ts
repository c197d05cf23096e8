import assert from "node:assert/strict";
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type Command,
  fixture,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { cacheDirectory } from "../../adapters/shared/cache_directory.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { noNotifySocket } from "../notify_socket.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";
import { GROUP, lineOf, noOtherUser as skip, USER } from "../user.ts";

/** What the kernel says of a process: who it is, and what it may do. */
function standing(pid: number): Record<string, string> {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Object.fromEntries(
    ["Uid", "Gid", "Groups", "NoNewPrivs", "CapInh", "CapEff", "CapPrm"]
      .concat("CapBnd", "CapAmb")
      .map((name) => [
        name,
        new RegExp(`^${name}:\\s+(.*?)\\s*$`, "m").exec(text)![1]!
          .replaceAll("\t", " "),
      ]),
  );
}

/** The workers of which an event has told, from a line on. */
const pids = ({ lines }: Command, event: string, from = 0): number[] =>
  lines.slice(from).flatMap((line) => {
    const pattern = new RegExp(`^prefork worker-${event} .*pid=(\\d+)`);
    return pattern.exec(line)?.[1] ?? [];
  }).map(Number);

const NO_CAPABILITY = "0".repeat(16);

function expected() {
  const [, , uid, own, , home] = lineOf("/etc/passwd", USER);
  const gid = lineOf("/etc/group", GROUP)[2]!;
  const groups = readFileSync("/etc/group", "utf8").split("\n")
    .map((line) => line.split(":"))
    .filter(([, , , members = ""]) => members.split(",").includes(USER))
    .map(([, , id]) => Number(id));
  const all = [...new Set([Number(own), ...groups])].sort((a, b) => a - b);
  const four = (id: string): string => Array(4).fill(id).join(" ");
  const caps = ["CapInh", "CapEff", "CapPrm", "CapBnd", "CapAmb"];
  return {
    started: `started as ${uid}:${gid}`,
    home,
    standing: {
      Uid: four(uid!),
      Gid: four(gid),
      Groups: all.join(" "),
      NoNewPrivs: "1",
      ...Object.fromEntries(caps.map((name) => [name, NO_CAPABILITY])),
    },
  };
}

test(
  "workers of every runtime run as another user from the start and after a reload, and get no more than that user may have",
  { skip },
  async () => {
    const { started, standing: wanted, home } = expected();
    const directory = mkdtempSync(join(tmpdir(), "prefork-user-"));
    // What root's groups may do is none of the worker's business.
    const command = [
      ...["setpriv", "--groups", "0,4,20", "--"],
      ...commandOn(ownRuntime, libraryFile("cli")),
    ] as const as [string, ...string[]];
    const control = join(directory, "control.sock");
    const options = ["--user", USER, "--group", GROUP, "--control", control];
    try {
      await using pool = prefork([
        ...["-r", "node=1,deno=1,bun=1", "--probation", "0", ...options],
        ...["--standby", "1", fixture("user.ts")],
      ], { command });
      const { listen } = await ready(pool);
      await until(() => pids(pool, "standby").length === 3, "all stand by");
      const first = Number(
        readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"),
      );
      const port = Math.max(first - 1, 1);
      const path = join(directory, "taken.sock");
      const query = new URLSearchParams({ port: `${port}`, path, control });
      const { body } = await get(listen!, `/?${query}`);
      const { pid, ...said } = JSON.parse(body);
      assert.ok(readyPids(pool).includes(pid));
      assert.deepEqual(said, {
        root: "EPERM",
        variables: { HOME: home, USER, LOGNAME: USER },
        port: first > 1 ? "EACCES" : "done",
        path: "EACCES",
        control: "EACCES",
      });
      const place = join(directory, "cache");
      const uid = Number(wanted["Uid"]!.split(" ")[0]);
      assert.equal(cacheDirectory(place, uid), place);
      const { uid: owner, mode } = statSync(place);
      assert.deepEqual([owner, mode & 0o777], [uid, 0o700]);
      assert.throws(() => cacheDirectory(place), /belongs to the user \d+$/);
      assert.throws(() => cacheDirectory(directory, uid), /belongs to the /);
      const from = pool.lines.length;
      pool.signal("SIGHUP");
      await pool.line(/^prefork reload-finished /);
      const next = (event: string) => pids(pool, event, from);
      await until(() => next("standby").length >= 3, "new ones stand by");
      const fresh = next("ready");
      assert.equal(fresh.length, 3);
      for (const each of new Set([...fresh, ...next("standby")])) {
        assert.deepEqual(standing(each), wanted);
      }
      assert.equal(standing(pool.pid).CapEff, standing(process.pid).CapEff);
      // Each start: the one that shows the port, workers, those that stand by.
      const starts = pool.lines.filter((line) => line.includes("started as"));
      assert.ok(starts.length >= 10, pool.lines.join("\n"));
      for (const line of starts) assert.ok(line.endsWith(started), line);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);

test(
  "so do programs in other languages, and workers after an upgrade",
  { skip },
  async () => {
    await using pool = prefork([
      ...["-w", "1", "--ready-line", "up", ...LOCAL, "--user", USER],
      ...["--group", GROUP, "sh", "-c", "echo up; exec sleep 600"],
    ]);
    await ready(pool);
    const { standing: wanted } = expected();
    assert.deepEqual(standing(readyPids(pool)[0]!), wanted);
    pool.signal("SIGUSR2");
    const [, next] = await pool.line(/^prefork upgrade-started pid=(\d+)/);
    await pool.line(/^prefork stopped /);
    assert.deepEqual(standing(readyPids(pool)[1]!), wanted);
    process.kill(Number(next), "SIGTERM");
    await until(() => !isAlive(Number(next)), "the successor has ended");
  },
);

test(
  "a program in another language says READY=1 as that user",
  { skip: skip || noNotifySocket },
  async () => {
    const say = `use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0);
      send($s, "READY=1", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!;
      sleep 600`;
    await using pool = prefork([
      ...["-w", "1", "--ready-notify", ...LOCAL, "--user", USER],
      ...["perl", "-e", say],
    ]);
    await ready(pool);
    assert.equal(standing(readyPids(pool)[0]!).Uid, expected().standing.Uid);
  },
);

test(
  "a program that the user cannot read is said to be one",
  { skip },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "prefork-user-"));
    try {
      const file = join(directory, "app.mjs");
      writeFileSync(file, "");
      await using pool = prefork([
        ...["-w", "1", "-r", ownRuntime, ...LOCAL, "--user", USER, file],
      ]);
      assert.equal((await pool.ended).code, 3);
      const last = pool.lines.at(-1)!;
      assert.match(
        last,
        /; workers run as "nobody", who has to be able to read/,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);

test("a user that cannot be is said before anything starts", async () => {
  const cases: [readonly string[], string][] = [
    [["--user", "no-such-user"], '"no-such-user" for "--user": there is no'],
    [["--group", "0"], '"0" for "--group" without "user"'],
  ];
  if (process.getuid?.() !== 0) {
    const sentence = '"root" for "--user": this process runs as user ';
    cases.push([["--user", "root"], sentence]);
  }
  for (const [args, sentence] of cases) {
    await using pool = prefork([...LOCAL, ...args, fixture("pid.ts")]);
    assert.equal((await pool.ended).code, 2);
    assert.equal(pool.lines.length, 1);
    assert.ok(pool.lines[0]!.includes(sentence), pool.lines.join("\n"));
  }
});
