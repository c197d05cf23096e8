/**
 * Bun's own servers on the pool's sockets: reloads under load from a client
 * that never retries.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { load, type LoadKind } from "../strict_client.ts";

/** A pool of three Bun workers, and what loads it. */
interface Plan {
  readonly program: readonly [string, ...string[]];
  readonly args?: readonly string[];
  readonly kinds?: readonly LoadKind[];
  readonly tls?: boolean;
  readonly count?: number;
}

const RELOADS = 3;

/** Reloads a pool under load. */
async function reloads(
  { program, args = LOCAL, kinds = BOTH, tls = false, count = RELOADS }: Plan,
): Promise<void> {
  const [file, ...rest] = program;
  await using command = prefork([
    ...["-w", "3", "-r", "bun", "--soak", "0", ...args],
    ...[fixture(file), ...rest],
  ]);
  const { listen } = await ready(command);
  const open = readdirSync(`/proc/${command.pid}/fd`).length;
  await using running = await load(
    kinds.map((kind) => ({ kind, address: listen!, loops: 4, tls })),
  );
  for (let i = 0; i < count; i++) {
    command.signal("SIGHUP");
    await command.line(
      new RegExp(`^prefork reload-finished generation=${i + 2} `),
    );
  }
  const report = await running.stop();
  assert.deepEqual(report.failed, []);
  assert.deepEqual(report.cut, []);
  for (const kind of kinds) {
    assert.ok(report.done[kind]! > 20, `${kind}: ${report.done[kind]}`);
  }
  assert.equal(readyPids(command).length, 3 * (1 + count));
  assert.ok(Object.keys(report.bodies).length >= 3, "three workers answered");
  // Workers of two generations may overlap.
  const more = readdirSync(`/proc/${command.pid}/fd`).length - open;
  assert.ok(more < 30, `the supervisor has ${more} descriptors more`);
  for (const line of command.lines) assert.doesNotMatch(line, /is fed with/);
  command.signal("SIGTERM");
  assert.deepEqual(await command.ended, { code: 0, signal: null });
}

const BOTH: readonly LoadKind[] = ["connect", "keepalive"];
const LINUX = process.platform !== "linux" && "grafting needs Linux";

for (
  const [name, file, quiet] of [
    ["Bun.serve", "bun_serve_program.ts", ["quiet"]],
    ["node:http of Bun", "bun_http_program.ts", []],
  ] as const
) {
  const title = "reloads under load lose and cut nothing";
  describe(`${name} on the pool's sockets`, () => {
    for (const mode of ["shared", "sharded"]) {
      test(`${mode}: ${title}`, { skip: LINUX }, () =>
        reloads({
          args: ["--share", mode, ...LOCAL],
          program: [file, "", ...quiet],
          kinds: [...BOTH, "upload"],
        }));
    }

    test(
      `TLS: ${title}`,
      { skip: LINUX },
      () => reloads({ program: [file, "tls", ...quiet], tls: true }),
    );

    test(`Unix: ${title}`, { skip: LINUX }, async () => {
      const directory = mkdtempSync(path.join(tmpdir(), "prefork-"));
      try {
        await reloads({
          args: ["-l", `unix:${directory}/s`],
          program: [file, "", ...quiet],
        });
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}
