/**
 * A pool that ends loses nothing that stood in its accept queues: whoever was let
 * in is answered, and whoever was not is refused, in each mode that promises it,
 * over TCP and at the path of a Unix socket, with workers of all three runtimes.
 */
import assert from "node:assert/strict";
import { fixture, prefork, ready, until } from "../command.ts";
import { temporaryDirectory } from "../conformance_tools.ts";
import { describe, test } from "../harness.ts";
import { load, type LoadKind } from "../strict_client.ts";

/** Of fixtures/once.mjs. */
const ONCE = "once" as LoadKind;
const REFUSED = "refused" as LoadKind;

/** Enough that somebody is on the way at any moment. */
const LOOPS = 8;

describe("a pool that is stopped under load", () => {
  test("answers whoever was let in, and refuses the others", {
    timeout: 120_000,
  }, async () => {
    using directory = temporaryDirectory();
    const path = (name: string) => `unix:${directory.path}/${name}`;
    await using command = prefork([
      ...["-r", "node=1,deno=1,bun=1"],
      ...["-l", "127.0.0.1:0?share=balanced", "-l", "[::1]:0?share=shared"],
      ...["-l", "127.0.0.1:0?share=sharded", "-l", "[::1]:0?share=handoff"],
      ...["-l", `${path("balanced")}?share=balanced`],
      ...["-l", `${path("handoff")}?share=handoff`],
      fixture("slow_program.ts"),
    ]);
    const { listen } = await ready(command);
    const addresses = listen!.split(",");
    assert.equal(addresses.length, 6);
    await using running = await load(
      addresses.map((address) => ({
        kind: ONCE,
        address,
        loops: LOOPS,
        pause: 0,
      })),
      fixture("once.mjs"),
    );
    let done = 0;
    await until(async () => {
      done += (await running.take()).done[ONCE] ?? 0;
      return done > 20 * LOOPS;
    }, "everybody is answered");
    command.signal("SIGTERM");
    const ended = await command.ended;
    const report = await running.stop();
    const text = JSON.stringify(report) + command.lines.slice(-20).join("\n");
    assert.deepEqual(ended, { code: 0, signal: null }, text);
    assert.deepEqual(report.failed, [], text);
    assert.ok(report.done[REFUSED]! >= addresses.length * LOOPS, text);
  });
});
