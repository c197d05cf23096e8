/** Workers that are recycled while they serve: real ones, which count. */
import assert from "node:assert/strict";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime } from "../runtimes.ts";
import { load, type LoadKind } from "../strict_client.ts";

const NATIVE: Readonly<Record<string, string>> = {
  bun: "plain/bun_serve.js",
  deno: "plain/deno_serve.ts",
};

async function recycled(
  program: string,
  kinds: readonly LoadKind[],
): Promise<void> {
  await using pool = prefork([
    ...["-w", "2", "--max-requests", "60", ...LOCAL],
    fixture(program),
  ]);
  const { listen: address = "" } = await ready(pool);
  await using clients = await load(
    kinds.map((kind) => ({ kind, address, loops: 1 })),
  );
  for (let from = 0, ended = 0; ended < 3; ended++) {
    await pool.line(/^prefork worker-exited .* reason=recycled/, from);
    from = pool.lines.findLastIndex((line) => line.includes("worker-exited")) +
      1;
  }
  const { done, failed, cut } = await clients.stop();
  assert.deepEqual({ failed, cut }, { failed: [], cut: [] });
  for (const kind of kinds) assert.ok((done[kind] ?? 0) > 0, kind);
  const told = pool.lines.filter((line) => line.includes("worker-recycling"));
  for (const line of told) {
    const [, begun] = /has begun (\d+) requests, its limit/.exec(line) ?? [];
    assert.ok(Number(begun) >= 54 && Number(begun) <= 60, line);
  }
  assert.deepEqual(
    pool.lines.filter((line) => line.includes("worker-respawning")),
    [],
  );
}

describe("--max-requests replaces workers under load and loses nothing", () => {
  test("node:http", () => recycled("plain/http.mjs", ["connect", "keepalive"]));
  test(
    "the runtime's own server",
    { skip: ownRuntime in NATIVE ? undefined : "Node has none" },
    () => recycled(NATIVE[ownRuntime]!, ["connect", "keepalive"]),
  );
});
