/**
 * What a pool does that nobody has told how to share an address: where that can
 * be the kernel picks among shards, elsewhere all workers have one queue, and a
 * line says why. Nothing is lost by either, nor on the way from one to the other.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type Command,
  type CommandOptions,
  fixture,
  IDLE_GRACE,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import type { Finding } from "../../core/doctor/finding.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { patience } from "../pace.ts";
import { commandOn, ownRuntime, type Runtime, RUNTIMES } from "../runtimes.ts";
import { load, type LoadReport } from "../strict_client.ts";
import { upgraded } from "../upgraded.ts";

const WORKERS = 3;

/** A process that may not load programs into the kernel. */
const BOUND = ["setpriv", "--bounding-set", "-bpf,-net_admin,-sys_admin"];

/** One of another user, who has no capability at all. */
const OTHER_USER = [
  "setpriv",
  "--reuid=54321",
  "--regid=54321",
  "--clear-groups",
];

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const works = ([file, ...args]: readonly string[]): boolean =>
  isRoot && spawnSync(file!, [...args, "true"]).status === 0;

const dir = mkdtempSync(join(tmpdir(), "prefork-default-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const STEERED =
  "balanced: the kernel picks the least loaded worker, and idle ones help who is held up";
const ONE_QUEUE = "one queue for all workers, and the least loaded go first";

function pool(
  args: readonly string[],
  before: readonly string[] = [],
  options: CommandOptions = {},
): Command {
  const [file, ...rest] = commandOn(ownRuntime, libraryFile("cli"));
  return prefork(
    ["--probation", "0", "-w", String(WORKERS), ...IDLE_GRACE, ...args],
    {
      ...options,
      untold: true,
      command: [...before, file, ...rest] as [string, ...string[]],
    },
  );
}

/** How the pool shares its address, and the reason. */
async function said(
  command: Command,
  from = 0,
): Promise<{ share: string; reason: string }> {
  const line = /^prefork listening .* share=(\w+) reason="(.*)"$/;
  const [, share = "", reason = ""] = await command.line(line, from);
  return { share, reason };
}

/** True where this supervisor can have the kernel pick among such workers. */
const canSteer = (runtime: Runtime): boolean =>
  isRoot && (runtime !== "node" || ownRuntime === "node");

/** Waits until what comes at once lies evenly on the workers. */
async function even(address: string): Promise<void> {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  const seen: number[][] = [];
  // One that a busy machine gave no time counts for more than it holds.
  await until(async () => {
    const counts = new Map<string, number>();
    const sockets = Array.from(
      { length: 8 * WORKERS },
      () => net.connect(port, address.slice(0, colon)),
    );
    await Promise.all(sockets.map(async (socket) => {
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      let text = "";
      while (!/pid \d+/.test(text)) text += String(await once(socket, "data"));
      const [pid] = /pid \d+/.exec(text)!;
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
    }));
    for (const socket of sockets) socket.destroy();
    const all = [...counts.values()];
    seen.push(all);
    return all.length === WORKERS && Math.max(...all) - Math.min(...all) <= 2;
  }, "they are even").catch(() => assert.fail(seen.join("\n")));
}

function lost({ failed, cut }: LoadReport): readonly string[] {
  return [...failed, ...cut];
}

describe("a pool that nobody has told how", () => {
  for (const runtime of RUNTIMES) {
    test(
      `loses and cuts nothing on ${runtime} while workers are replaced, added, taken away and die, and in an upgrade`,
      {
        timeout: 120_000,
      },
      async () => {
        const pidFile = join(dir, `${runtime}.pid`);
        const command = pool([
          ...["-r", runtime, "--soak", "0", "--pid-file", pidFile, ...LOCAL],
          fixture("pid.ts"),
        ]);
        await using following = upgraded(command, pidFile);
        const { listen: address = "" } = await ready(command);
        const { share, reason } = await said(command);
        if (canSteer(runtime)) {
          assert.deepEqual({ share, reason }, {
            share: "sharded",
            reason: STEERED,
          });
          await command.line(/^prefork steering by=ebpf /);
        } else {
          assert.equal(share, "balanced");
          assert.ok(reason.startsWith(`${ONE_QUEUE}; no steered shards: `));
        }
        const kinds = ["connect", "keepalive"] as const;
        const loads = kinds.map((kind) => ({ kind, address, loops: 4 }));
        await using running = await load(loads);
        const enough = async (): Promise<void> => {
          const seen = new Set<string>();
          // A change may be over before a slow client has asked anything.
          await until(async () => {
            const report = await running.take();
            assert.deepEqual(lost(report), [], command.lines.join("\n"));
            for (const kind of kinds) {
              if (report.done[kind]! > 0) seen.add(kind);
            }
            return seen.size === kinds.length;
          }, "both kinds were answered");
        };
        const after = async (
          signal: NodeJS.Signals,
          line: RegExp,
        ): Promise<void> => {
          const from = command.lines.length;
          following.signal(signal);
          await command.line(line, from);
          await enough();
        };
        for (let i = 0; i < 3; i++) {
          await after("SIGHUP", /^prefork reload-finished /);
        }
        await after("SIGTTIN", /^prefork worker-ready slot=3 /);
        await after("SIGTTOU", /^prefork worker-exited slot=3 /);
        const before = command.lines.length;
        await following.upgrade();
        await enough();
        assert.deepEqual(await said(command, before), { share, reason });
        await after("SIGHUP", /^prefork reload-finished /);
        const report = await running.stop();
        assert.deepEqual(lost(report), [], command.lines.join("\n"));
        if (canSteer(runtime)) await even(address);

        // One that stands still has accepted nothing when it is killed: whoever
        // waits for it is answered by others.
        const [victim = 0] = readyPids(command).filter(isAlive);
        process.kill(victim, "SIGSTOP");
        await using meanwhile = await load([{
          kind: "connect",
          address,
          loops: 4,
        }]);
        let done = 0;
        await until(async () => {
          const report = await meanwhile.take();
          assert.deepEqual(lost(report), [], command.lines.join("\n"));
          return (done += report.done.connect ?? 0) > 50;
        }, "the others answer");
        const from = command.lines.length;
        process.kill(victim, "SIGKILL");
        await command.line(/^prefork worker-ready /, from);
        assert.deepEqual(lost(await meanwhile.stop()), []);
        await distinct(address, WORKERS);
        const workers = readyPids(command).filter(isAlive);
        following.signal("SIGTERM");
        await until(
          () => ![following.pid, ...workers].some(isAlive),
          "all have gone",
          patience(15_000),
        );
        const bad = /worker-noise|worker-killed|boot-failed|steering by=off/;
        assert.deepEqual(command.lines.filter((line) => bad.test(line)), []);
      },
    );
  }

  for (
    const [what, before, why] of [
      [
        "without the capabilities",
        BOUND,
        /^this process lacks CAP_BPF and CAP_NET_ADMIN/,
      ],
      [
        "as another user",
        OTHER_USER,
        /^this process lacks CAP_BPF and CAP_NET_ADMIN/,
      ],
    ] as const
  ) {
    test(`has one queue ${what}, and says why`, {
      skip: !works(before) && "this takes root and setpriv",
    }, async () => {
      const args = ["-r", ownRuntime, ...LOCAL, fixture("pid.ts")];
      await using command = pool(args, before);
      const { listen } = await ready(command);
      const { share, reason } = await said(command);
      assert.equal(share, "balanced");
      const [first, second = ""] = reason.split("; no steered shards: ");
      assert.equal(first, ONE_QUEUE);
      assert.match(second, why);
      const [file, ...rest] = commandOn(ownRuntime, libraryFile("cli"));
      await using doctor = prefork(["doctor", "--json", ...LOCAL], {
        verb: true,
        command: [...before, file, ...rest] as [string, ...string[]],
      });
      await doctor.ended;
      const findings = JSON.parse(doctor.of("stdout").join("")) as Finding[];
      assert.deepEqual(findings.find((one) => one.subject === "steering"), {
        verdict: "note",
        subject: "steering",
        text: `the kernel does not pick the least loaded worker: ${second}`,
      });
      await distinct(listen!, WORKERS);
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    });
  }

  test("steers again after clients were refused, while nobody listened", {
    timeout: 120_000,
    skip: !canSteer(ownRuntime) && "the kernel cannot be made to pick here",
  }, async () => {
    const broken = join(dir, "broken");
    const program = join(dir, "refused.mjs");
    writeFileSync(
      program,
      `
import { existsSync } from "node:fs";
import http from "node:http";
import process from "node:process";
if (existsSync(${JSON.stringify(broken)})) process.exit(1);
http.createServer((_, response) => response.end("pid " + process.pid)).listen(0);
`,
    );
    await using command = pool(["--down", "refuse", ...LOCAL, program]);
    const { listen: address = "" } = await ready(command);
    await even(address);
    writeFileSync(broken, "");
    for (const pid of readyPids(command)) process.kill(pid, "SIGKILL");
    await command.line(/^prefork listener-down .* answer=refuse$/);
    const refused = (): Promise<boolean> =>
      get(address).then(() => false, ({ code }) => code === "ECONNREFUSED");
    await until(refused, "clients are refused");
    rmSync(broken);
    await command.line(/^prefork listener-up /);
    await distinct(address, WORKERS);
    await even(address);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    const steering = command.lines.filter((line) => / steering by=/.test(line));
    assert.equal(steering.length, 1, steering.join("\n"));
  });

  test(
    "keeps its sockets in an upgrade: one queue where it had one, shards where it had those",
    {
      timeout: 120_000,
      skip: !canSteer(ownRuntime) && "the kernel cannot be made to pick here",
    },
    async () => {
      for (const first of ["off", "auto"] as const) {
        const config = join(dir, `${first}.json`);
        const write = (steer: string): void =>
          writeFileSync(
            config,
            JSON.stringify({
              program: fixture("pid.ts"),
              listen: "127.0.0.1:0",
              steer,
              soak: 0,
            }),
          );
        write(first);
        const pidFile = join(dir, `turn-${first}.pid`);
        const command = pool(["--config", config, "--pid-file", pidFile]);
        await using following = upgraded(command, pidFile);
        const { listen: address = "" } = await ready(command);
        const { share } = await said(command);
        assert.equal(share, first === "off" ? "balanced" : "sharded");
        const kinds = ["connect", "keepalive"] as const;
        await using running = await load(
          kinds.map((kind) => ({ kind, address, loops: 4 })),
        );
        write(first === "off" ? "auto" : "off");
        const from = command.lines.length;
        await following.upgrade();
        const next = await said(command, from);
        assert.equal(next.share, share);
        assert.match(
          next.reason,
          first === "off"
            ? /; no steered shards: the supervisor before has one queue$/
            : /^shards, as the supervisor before has them$/,
        );
        const more = command.lines.length;
        following.signal("SIGHUP");
        await command.line(/^prefork reload-finished /, more);
        assert.deepEqual(
          lost(await running.stop()),
          [],
          command.lines.join("\n"),
        );
        following.signal("SIGTERM");
        await until(() => !isAlive(following.pid), "it has gone");
      }
    },
  );
});
