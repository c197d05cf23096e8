import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import process from "node:process";
import {
  type Command,
  fixture,
  isAlive,
  prefork,
  ready,
  readyPidOf,
  readyPids,
  until,
} from "../command.ts";
import { describe, test } from "../harness.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { commandOn, ownRuntime as runtime } from "../runtimes.ts";
import { within } from "../within.ts";

const WORKERS = 4;

/** Who helps has what the kernel gave to another one. */
const ALONE = ["--stuck-after", "0"];

/** A process that may not load programs into the kernel. */
const BOUND = ["setpriv", "--bounding-set", "-bpf,-net_admin,-sys_admin"];

const mayBind = process.platform === "linux" && process.getuid?.() === 0 &&
  spawnSync(BOUND[0]!, [...BOUND.slice(1), "true"]).status === 0;

/** A process that may, as one of a unit of systemd: root is nobody special. */
const AMBIENT = [
  ...["setpriv", "--securebits", "+noroot"],
  ...["--inh-caps", "-all,+bpf,+net_admin"],
  ...["--ambient-caps", "-all,+bpf,+net_admin"],
];

/** Bits of CAP_NET_ADMIN and CAP_BPF. */
const OWN = [12, 39];

/** Which of all capabilities a process has, by their bits (proc(5)). */
function capabilities(pid: string): number[] {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, bits] = /^CapPrm:\s+([\da-f]+)$/m.exec(status)!;
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (BigInt(`0x${bits}`) >> BigInt(bit) & 1n) === 1n);
}

function pool(
  kind: string,
  before: readonly string[] = [],
  more: readonly string[] = [],
): Command {
  const [file, ...rest] = commandOn(runtime, libraryFile("cli"));
  return prefork([
    ...["-w", String(WORKERS), "-s", "sharded", "-r", runtime, ...more],
    ...["-l", "127.0.0.1:0", fixture("gated.ts"), kind],
  ], { command: [...before, file, ...rest] as [string, ...string[]] });
}

async function portOf(command: Command): Promise<number> {
  return Number(/\d+$/.exec((await ready(command))["listen"]!)![0]);
}

/** Clients that stay, and what each worker has of them. */
async function burst(
  command: Command,
  port: number,
  count: number,
): Promise<
  { counts: number[]; by: ReadonlyMap<string, number>; end(): void }
> {
  const sockets: net.Socket[] = [];
  const workers = new Map<string, number>();
  const one = async (): Promise<void> => {
    const socket = net.connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let text = "";
    while (!/pid"?[ :]\d+/.test(text)) {
      const [bytes] = await once(socket, "data");
      text += String(bytes);
    }
    const [, pid] = /pid"?[ :](\d+)/.exec(text)!;
    workers.set(pid!, (workers.get(pid!) ?? 0) + 1);
  };
  await within(
    Promise.all(Array.from({ length: count }, one)),
    () => `answers, after\n${command.lines.join("\n")}`,
  );
  const counts = [...workers.values()].sort((a, b) => b - a);
  return {
    counts,
    by: workers,
    end: () => sockets.forEach((socket) => socket.destroy()),
  };
}

describe("shards that the kernel chooses among", () => {
  for (const kind of ["http", "serve"]) {
    test(`are even with ${kind}, of what comes at once`, {
      timeout: 60_000,
    }, async () => {
      await using command = pool(kind);
      const port = await portOf(command);
      const [line, by] = await command.line(/steering by=(\w+)/);
      // Elsewhere a reason says why, and another test looks at that.
      if (by !== "ebpf") {
        assert.match(line, /by=off/);
        return;
      }
      const seen: number[][] = [];
      // One that a busy machine gave no time counts for more than it holds, until
      // the next beats.
      await until(async () => {
        if (seen.length > 0) await new Promise((go) => setTimeout(go, 250));
        const { counts, end } = await burst(command, port, 10 * WORKERS);
        end();
        seen.push(counts);
        return counts.length === WORKERS && counts[0]! - counts.at(-1)! <= 1;
      }, "they are even").catch((error) =>
        assert.fail(`${error.message}:\n${seen.join("\n")}`)
      );
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    });
  }

  /** Three, and one that is to have a tenth. */
  const WEIGHTS = ["-w", "4", "--weights", "1,1,1,0.333"];
  /** With nobody who helps, this mode has one queue. */
  const LATE = ["--stuck-after", "1h"];

  for (const kind of ["http", "serve"]) {
    test(`go by weights, with ${kind}, at once and one after the other`, {
      timeout: 60_000,
    }, async () => {
      await using command = prefork([
        ...[...WEIGHTS, ...LATE, "-s", "balanced", "--steer", "ebpf"],
        ...["-r", runtime, "-l", "127.0.0.1:0", fixture("gated.ts"), kind],
      ]);
      const port = await portOf(command);
      const [, share] = await command.line(/^prefork listening .*share=(\w+)/);
      if (share !== "sharded") {
        assert.ok(!mayBind, command.lines.join("\n"));
        return;
      }
      const { by, end } = await burst(command, port, 1000);
      end();
      const light = String(readyPidOf(command, 3));
      const held = by.get(light) ?? 0;
      // A fourth, where weights did not count.
      assert.ok(held > 25 && held < 200, `${held} of 1000 at once`);
      let [had, of] = [held, 1000];
      // What it got too many or too few then, it gets less or more now.
      await until(async () => {
        for (let i = 0; i < 100; i++) {
          const { by, end } = await burst(command, port, 1);
          end();
          had += by.get(light) ?? 0;
          of++;
        }
        return Math.abs(had / of - 0.1) < 0.01;
      }, "a tenth").catch((error) =>
        assert.fail(`${error.message}: ${had} of ${of}`)
      );
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    });
  }

  for (const kind of ["http", "serve"]) {
    test(`have as many each of a thousand that come at once, with ${kind}`, {
      timeout: 60_000,
    }, async () => {
      await using command = pool(kind, [], ALONE);
      const port = await portOf(command);
      const [line, by] = await command.line(/steering by=(\w+)/);
      if (by !== "ebpf") {
        assert.match(line, /by=off/);
        return;
      }
      const { counts, end } = await burst(command, port, 250 * WORKERS);
      end();
      assert.deepEqual(counts.map((count) => Math.round(count / 5)), [
        ...Array<number>(WORKERS).fill(50),
      ], String(counts));
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    });
  }

  test(
    "give no worker the capabilities that load the programs, and a successor has them",
    {
      timeout: 120_000,
      skip: !mayBind && "this takes root and setpriv",
    },
    async () => {
      await using command = pool("http", AMBIENT);
      await portOf(command);
      const [line, by] = await command.line(/steering by=(\w+)/);
      // Elsewhere a reason says why, and the next test looks at that.
      if (by !== "ebpf") {
        assert.match(line, /by=off/);
        return;
      }
      const [, first] = await command.line(/^prefork ready .* pid=(\d+)/);
      assert.deepEqual(capabilities(first!), OWN);
      const workers = readyPids(command);
      for (const pid of workers) {
        assert.deepEqual(capabilities(String(pid)), []);
      }
      const from = command.lines.length;
      command.signal("SIGUSR2");
      const [, next] = await command.line(/^prefork ready .* pid=(\d+)/, from);
      await command.line(/steering by=ebpf/, from);
      assert.deepEqual(capabilities(next!), OWN);
      for (const pid of readyPids(command).slice(workers.length)) {
        assert.deepEqual(capabilities(String(pid)), []);
      }
      await command.line(/^prefork upgrade-finished /, from);
      process.kill(Number(next), "SIGTERM");
      await until(() => !isAlive(Number(next)), "the successor ends");
    },
  );

  test("are the hash's without the capabilities, and a line says which", {
    timeout: 60_000,
    skip: !mayBind && "this takes root and setpriv",
  }, async () => {
    await using command = pool("http", BOUND);
    const port = await portOf(command);
    const [, reason] = await command.line(/steering by=off reason="(.*)"$/);
    assert.match(
      reason!,
      /^no eBPF: this process lacks CAP_BPF and CAP_NET_ADMIN; systemd .*AmbientCapabilities/,
    );
    const { counts, end } = await burst(command, port, 20);
    end();
    assert.equal(counts.reduce((a, b) => a + b), 20);
  });
});
