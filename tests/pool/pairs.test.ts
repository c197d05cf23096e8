/**
 * Every supervisor runtime with every worker runtime: the three runners give
 * the supervisors, this file the workers.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { RUNTIMES } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-pairs-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MODES = ["balanced", "shared", "sharded", "reuseport", "handoff"];
const LINUX = process.platform === "linux"
  ? false
  : "SO_REUSEPORT balances on Linux only";

describe("workers", () => {
  for (const runtime of RUNTIMES) {
    for (const share of MODES) {
      const hashed = share === "sharded" || share === "reuseport";
      const skip = hashed ? LINUX : false;
      test(`on ${runtime}, ${share}, TCP`, { skip }, async () => {
        await using command = prefork([
          "-w",
          "2",
          "-r",
          runtime,
          "-s",
          share,
          ...LOCAL,
          fixture("pid.ts"),
        ]);
        const line = await ready(command);
        assert.deepEqual([line["share"], line["runtime"]], [share, runtime]);
        await distinct(line["listen"]!, 2);
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0, command.lines.join("\n"));
      });
    }

    for (const share of ["balanced", "shared", "handoff"]) {
      test(`on ${runtime}, ${share}, Unix socket`, async () => {
        const address = `unix:${dir}/${runtime}-${share}.sock`;
        await using command = prefork([
          "-w",
          "2",
          "-r",
          runtime,
          "-s",
          share,
          "-l",
          address,
          fixture("pid.ts"),
        ]);
        await ready(command);
        await distinct(address, 2);
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0, command.lines.join("\n"));
      });
    }

    test(`on ${runtime}, abstract Unix socket`, {
      skip: process.platform === "linux" ? false : "Linux has them alone",
    }, async () => {
      const address = `unix:@prefork-${process.pid}-${runtime}`;
      await using command = prefork([
        "-w",
        "2",
        "-r",
        runtime,
        "-l",
        address,
        fixture("pid.ts"),
      ]);
      await ready(command);
      await distinct(address, 2);
    });
  }

  test("a mixed pool answers from each runtime behind one listener", async () => {
    await using command = prefork([
      "-r",
      "node=1,deno=1,bun=1",
      ...LOCAL,
      fixture("runtime.ts"),
    ]);
    const { listen, workers } = await ready(command);
    assert.equal(workers, "3");
    const bodies = await distinct(listen!, 3);
    assert.deepEqual([...bodies].sort(), ["bun", "deno", "node"]);
  });

  test("several listeners, each with its name, mode and backlog", async () => {
    await using command = prefork([
      "-w",
      "2",
      "-l",
      "http=127.0.0.1:0?backlog=64",
      "-l",
      "http-v6=[::1]:0?ipv6Only",
      "-l",
      `http-unix=unix:${dir}/several.sock?share=handoff`,
      fixture("everything.ts"),
    ]);
    const { listen } = await ready(command);
    const addresses = listen!.split(",");
    assert.equal(addresses.length, 3);
    for (const address of addresses) await distinct(address, 2);
  });
});
