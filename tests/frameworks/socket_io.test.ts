/**
 * Real clients of socket.io and an unmodified server in four workers, which
 * keep their sessions in memory: a client that comes to another worker is told
 * that its session is unknown.
 *
 * Runs once, under vitest: its workers are of each runtime, and who gets a
 * connection is decided by the core, which is the same on each.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { patience } from "../pace.ts";
import { binary, cleanEnv, RUNTIMES } from "../runtimes.ts";
import { within } from "../within.ts";

/** Clients of each kind. */
const COUNT = 6;

/** What one client saw since it was asked before. */
interface Seen {
  readonly kind: "polling" | "websocket" | "both";
  readonly transport: string;
  /** How often its connection was ended and it came back. */
  readonly left: number;
  readonly errors: readonly string[];
  readonly question: string;
  readonly slot: number;
  readonly generation: number;
  readonly pid: number;
}

interface Clients extends AsyncDisposable {
  /** Has each ask something, once it is connected. */
  ask(question: string): Promise<readonly Seen[]>;
}

function connect(address: string): Clients {
  const child = spawn(
    binary("node"),
    [fixture("socket_io_client.mjs"), address, String(COUNT)],
    { stdio: ["pipe", "pipe", "inherit"], env: cleanEnv() },
  );
  const ended = once(child, "close");
  const lines = createInterface({ input: child.stdout! })
    [Symbol.asyncIterator]();
  return {
    async ask(question) {
      child.stdin!.write(`${question}\n`);
      const line = await within(lines.next(), () => `answers to "${question}"`);
      assert.ok(line.done !== true, "the clients are there");
      const seen = JSON.parse(line.value) as readonly Seen[];
      assert.equal(seen.length, 3 * COUNT);
      for (const one of seen) {
        assert.deepEqual(one.errors, [], `${one.kind}, ${question}`);
        assert.equal(one.question, question);
      }
      return seen;
    },
    async [Symbol.asyncDispose]() {
      child.stdin!.end();
      child.kill("SIGKILL");
      await ended;
    },
  };
}

for (const runtime of RUNTIMES) {
  describe(`socket.io on ${runtime}`, () => {
    for (const balance of ["sticky", "sticky=query:sid"]) {
      test(`${balance}: clients stay, through a reload and a crash`, {
        timeout: 120_000,
      }, async () => {
        await using command = prefork([
          ...["-w", "4", "-r", runtime, "-s", "handoff", "--balance", balance],
          ...["--soak", "0", "--grace", `${patience(10)}s`, ...LOCAL],
          fixture("socket_io.mjs"),
        ]);
        const { listen: address } = await ready(command);
        await using clients = connect(address!);

        const first = await clients.ask("first");
        const second = await clients.ask("second");
        for (const [i, { kind, pid, left }] of second.entries()) {
          assert.deepEqual([pid, left], [first[i]!.pid, 0], kind);
        }
        assert.ok(new Set(first.map(({ pid }) => pid)).size > 1);

        const from = command.lines.length;
        command.signal("SIGHUP");
        await command.line(/^prefork reload-finished /, from);
        const reloaded = await clients.ask("after the reload");
        assert.ok(reloaded.every(({ generation }) => generation === 2));
        if (balance === "sticky") {
          const slots = (seen: readonly Seen[]) => seen.map(({ slot }) => slot);
          assert.deepEqual(slots(reloaded), slots(first));
        }

        const before = await clients.ask("before the crash");
        for (const { kind, transport } of before) {
          assert.equal(transport, kind === "polling" ? kind : "websocket");
        }
        const { pid: killed } = before[0]!;
        assert.ok(readyPids(command).includes(killed));
        const now = command.lines.length;
        process.kill(killed, "SIGKILL");
        await command.line(/^prefork worker-exited /, now);
        const after = await clients.ask("after the crash");
        for (const [i, { kind, pid, left }] of after.entries()) {
          if (before[i]!.pid === killed) assert.ok(left > 0, kind);
          else assert.deepEqual([pid, left], [before[i]!.pid, 0], kind);
        }
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0, command.lines.join("\n"));
      });
    }
  });
}
