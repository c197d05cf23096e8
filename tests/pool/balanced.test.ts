/** The mode that pools get when nobody asks for one. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { crowd } from "../load/crowd.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-balanced-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("without --share a pool is balanced", () => {
  for (
    const [where, ...listen] of [
      ["TCP", "-l", "http=127.0.0.1:0"],
      ["a Unix socket", "-l", `http=unix:${dir}/s`],
      [
        "several listeners",
        ...["-l", "http=127.0.0.1:0"],
        ...["-l", `http-unix=unix:${dir}/t`],
      ],
    ]
  ) {
    test(`on ${where}: four workers say so, answer, reload and stop`, async () => {
      await using command = prefork([
        ...["-w", "4", ...listen, "--soak", "0"],
        fixture("everything.ts"),
      ]);
      const line = await ready(command);
      assert.deepEqual([line["share"], line["workers"]], ["balanced", "4"]);
      await command.line(
        /^prefork listening .*share=balanced reason="one queue for all workers, and the least loaded go first"$/,
      );
      const addresses = line["listen"]!.split(",");
      for (let generation = 1; generation <= 2; generation++) {
        if (generation === 2) {
          command.signal("SIGHUP");
          await command.line(/^prefork reload-finished /);
        }
        const serving = readyPids(command).slice(-4).map(String).sort();
        for (const address of addresses) {
          await using clients = await crowd(address);
          const { open, failed } = await clients.come(40, { apart: 2 });
          assert.deepEqual(failed, []);
          assert.deepEqual(Object.keys(open).sort(), serving);
        }
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    });
  }

  test("a program that is no runtime's makes it shared, with the reason", async () => {
    await using command = prefork([
      ...["-w", "1", "-r", "exec", ...LOCAL, fixture("noisy.sh")],
      ...[process.execPath, "-e", ""],
    ]);
    await command.line(
      /^prefork listening .*share=shared reason="not balanced because .*"$/,
    );
  });
});
