/**
 * Deno's own servers on the pool's sockets: reloads under load from a client
 * that never retries.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { load, type LoadKind } from "../strict_client.ts";

const RELOADS = 3;

/** Reloads a pool of Deno workers under load. */
async function reloads(
  args: readonly string[],
  program: readonly [string, ...string[]],
  kinds: readonly LoadKind[],
  tls = false,
): Promise<void> {
  const [file, ...rest] = program;
  await using command = prefork([
    ...["-w", "3", "-r", "deno", "--soak", "0", ...args],
    ...[fixture(file), ...rest],
  ]);
  const { listen } = await ready(command);
  await using running = await load(
    kinds.map((kind) => ({ kind, address: listen!, loops: 4, tls })),
  );
  for (let i = 0; i < RELOADS; i++) {
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
  assert.equal(readyPids(command).length, 3 * (1 + RELOADS));
  if (kinds.includes("connect")) {
    assert.ok(Object.keys(report.bodies).length >= 3, "three workers answered");
  }
  command.signal("SIGTERM");
  assert.deepEqual(await command.ended, { code: 0, signal: null });
}

const LINUX = process.platform !== "linux" && "grafting needs Linux";

describe("Deno.serve on the pool's sockets", () => {
  for (const mode of ["shared", "sharded"]) {
    test(`${mode}: reloads under load lose and cut nothing`, {
      skip: LINUX,
    }, () =>
      reloads(
        ["--share", mode, ...LOCAL],
        ["deno_serve_program.ts"],
        ["connect", "keepalive", "upload"],
      ));
  }

  test(
    "TLS: reloads under load lose and cut nothing",
    { skip: LINUX },
    () =>
      reloads(
        LOCAL,
        ["deno_serve_program.ts", "tls"],
        ["connect", "keepalive"],
        true,
      ),
  );

  test("Unix: reloads under load lose and cut nothing", {
    skip: LINUX,
  }, async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "prefork-"));
    try {
      await reloads(
        ["-l", `unix:${directory}/s`],
        ["deno_serve_program.ts", "unix"],
        ["connect", "keepalive"],
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("Deno.listen on the pool's sockets", () => {
  for (const mode of ["shared", "sharded"]) {
    for (const how of ["loop", "iterator"]) {
      test(`${mode}, ${how}: reloads under load lose and cut nothing`, {
        skip: LINUX,
      }, () =>
        reloads(["--share", mode, ...LOCAL], [
          "deno_listen_program.ts",
          how,
        ], ["echo"]));
    }
  }

  test("listenTls: reloads under load lose and cut nothing", {
    skip: LINUX,
  }, () => reloads(LOCAL, ["deno_listen_program.ts", "tls"], ["echo"], true));
});
