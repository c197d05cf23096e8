/**
 * Upgrades of the supervisor by SIGUSR2 under load from a client that never
 * retries: every share mode, over TCP and Unix sockets.
 */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  fixture,
  IDLE_GRACE,
  isAlive,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";
import { type Load, load, type LoadKind } from "../strict_client.ts";
import { upgraded } from "../upgraded.ts";

const UPGRADES = Number(process.env["TEST_UPGRADES"] ?? 2);
const MODES = ["balanced", "shared", "sharded", "handoff"] as const;
/** Not handoff: what is on its way to a worker in that moment can be lost. */
const GONE_BACK = MODES.filter((share) => share !== "handoff");
const KINDS: readonly LoadKind[] = ["connect", "keepalive"];

/** What those hear who wait in a queue of `reuseport` that is closed. */
const OWN_QUEUE = Number(
    readFileSync("/proc/sys/net/ipv4/tcp_migrate_req", "utf8"),
  ) === 1
  ? /^keepalive .*: end$/
  : /: (ECONNRESET|end)$/;

/** The runtime of the last supervisor. */
const OTHER = { node: "bun", bun: "deno", deno: "node" } as const;

const dir = mkdtempSync(join(tmpdir(), "prefork-upgrade-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The listeners of a mode, over TCP and a Unix socket. */
function listenersOf(share: typeof MODES[number]): string[] {
  const unix = share === "sharded" ? "shared" : share;
  return [
    `${share}-http=127.0.0.1:0?share=${share}`,
    `${share}-unix-http=unix:${dir}/${share}.sock?share=${unix}`,
  ];
}

describe("upgrades under load", () => {
  test("lose and cut nothing in all modes at once, and leave no descriptor", {
    timeout: 60_000 + UPGRADES * 20_000,
    skip: process.platform !== "linux" && "a command line is read in /proc",
  }, async () => {
    const listeners = [
      ...MODES.flatMap(listenersOf),
      "own-http=127.0.0.1:0?share=reuseport",
    ];
    const env = { XDG_RUNTIME_DIR: dir };
    const command = prefork([
      ...["-w", "2", "--soak", "0", "-r", ownRuntime],
      ...["--pid-file", `${dir}/pid`],
      ...IDLE_GRACE,
      ...listeners.flatMap((listener) => ["-l", listener]),
      fixture("everything.ts"),
    ], { env });
    await using pool = upgraded(command, `${dir}/pid`, env);
    const { listen } = await ready(command);
    const addresses = listen!.split(",");
    const own = addresses.pop()!;
    const loadsOf = (address: string): Load[] =>
      KINDS.map((kind) => ({ kind, address, loops: 1, pause: 50 }));
    await using running = await load(addresses.flatMap(loadsOf));
    await using ownRunning = await load(loadsOf(own));
    const open: number[] = [];
    for (let i = 0; i < UPGRADES; i++) {
      await pool.upgrade();
      open.push(readdirSync(`/proc/${pool.pid}/fd`).length);
    }
    // And once to another runtime, whose supervisor has the same.
    await pool.upgrade(OTHER[ownRuntime]);
    assert.equal(readFileSync(`${dir}/pid`, "utf8"), `${pool.pid}\n`);
    const report = await running.stop();
    const text = JSON.stringify(report) + command.lines.join("\n");
    assert.deepEqual(report.failed, [], text);
    assert.deepEqual(report.cut, [], text);
    for (const kind of KINDS) assert.ok(report.done[kind]! > 10, text);
    assert.equal(new Set(readyPids(command)).size, 2 * (2 + UPGRADES));
    // Who leaves resets what is in its own queue, and idle connections are
    // ended: no more than that.
    const { failed, cut, done } = await ownRunning.stop();
    for (const each of [...failed, ...cut]) assert.match(each, OWN_QUEUE, text);
    for (const kind of KINDS) assert.ok(done[kind]! > 10, text);
    assert.equal((await get(own)).status, 200);
    if (UPGRADES > 2) console.log(report.done, open);
    // Those that wait for a worker that leaves differ by a few.
    const more = open.at(-1)! - open[0]!;
    assert.ok(more < 8, `descriptors: ${open}`);

    const workers = readyPids(command).filter(isAlive);
    assert.equal(workers.length, 2);
    pool.signal("SIGTERM");
    await until(() => ![pool.pid, ...workers].some(isAlive), "all have gone");
    for (const share of MODES) {
      assert.equal(existsSync(`${dir}/${share}.sock`), false, share);
    }
    assert.deepEqual(readdirSync(dir).sort(), ["pid.upgrade", "prefork"]);
    rmSync(`${dir}/pid.upgrade`);
  });

  test("are gone back from: HUP to the one that stays, QUIT to the new one", {
    timeout: 60_000,
    skip: process.platform !== "linux" && "a command line is read in /proc",
  }, async () => {
    const pidFile = `${dir}/kept.pid`;
    const command = prefork([
      ...["-w", "2", "--soak", "0", "-r", ownRuntime],
      ...["--pid-file", pidFile, "--keep-old", "10m"],
      ...IDLE_GRACE,
      ...GONE_BACK.flatMap(listenersOf).flatMap((listener) => ["-l", listener]),
      fixture("everything.ts"),
    ]);
    await using pool = upgraded(command, pidFile);
    const { pid } = pool;
    const named = (file = pidFile): string => readFileSync(file, "utf8");
    const { listen } = await ready(command);
    const loads = listen!.split(",").flatMap((address) =>
      KINDS.map((kind) => ({ kind, address, loops: 1, pause: 50 }))
    );
    await using running = await load(loads);
    /** Upgrades, and waits until the old one has no workers. */
    const replace = async (): Promise<number> => {
      const from = command.lines.length;
      const old = readyPids(command).filter(isAlive);
      process.kill(pid, "SIGUSR2");
      const kept = /^prefork (?:kept pid=(\d+)|.*Cannot upgrade )/;
      const [text, next] = await command.line(kept, from);
      assert.ok(next !== undefined, text);
      await until(() => !old.some(isAlive), "the old workers have gone");
      assert.equal(named(), `${next}\n`);
      assert.equal(named(`${pidFile}.old`), `${pid}\n`);
      return Number(next);
    };

    const next = await replace();
    const workers = readyPids(command).filter(isAlive);
    assert.equal(workers.length, 2);
    process.kill(pid, "SIGHUP");
    await until(
      () => readyPids(command).filter(isAlive).length === 4,
      "both have workers",
    );
    process.kill(next, "SIGQUIT");
    await command.line(new RegExp(`^prefork taken-back from=${next}$`));
    await until(() => !workers.some(isAlive), "the new workers have gone");
    assert.equal(named(), `${pid}\n`);
    assert.equal(existsSync(`${pidFile}.old`), false);
    // And forth: nobody has lost anything.
    await replace();
    const report = await running.stop();
    const text = JSON.stringify(report) + command.lines.join("\n");
    assert.deepEqual(report.failed, [], text);
    assert.deepEqual(report.cut, [], text);
    for (const kind of KINDS) assert.ok(report.done[kind]! > 10, text);

    // The one that stays serves again by itself where the new one is killed.
    const from = command.lines.length;
    process.kill(Number(named()), "SIGKILL");
    await command.line(/^prefork taken-back /, from);
    for (const slot of [0, 1]) {
      await command.line(
        new RegExp(`^prefork worker-ready slot=${slot} `),
        from,
      );
    }
    for (const address of listen!.split(",")) await get(address);
    assert.equal(named(), `${pid}\n`);
    // And ends with one that is stopped.
    process.kill(await replace(), "SIGTERM");
    const { code } = await command.ended;
    assert.equal(code, 0, command.lines.join("\n"));
    assert.ok(!readyPids(command).some(isAlive));
    for (const share of MODES) {
      assert.equal(existsSync(`${dir}/${share}.sock`), false, share);
    }
    assert.equal(existsSync(pidFile), false);
  });
});
