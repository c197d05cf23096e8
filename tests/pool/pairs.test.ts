/**
 * Every supervisor runtime with every worker runtime: the three runners give
 * the supervisors, this file the workers.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Command, fixture, LOCAL, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { RUNTIMES } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-pairs-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const LINUX = process.platform === "linux"
  ? false
  : "SO_REUSEPORT balances, and abstract sockets are, on Linux only";

/** What a pool listens on, by what its test is called. */
const LISTENERS: Readonly<Record<string, (runtime: string) => string>> = {
  "balanced, TCP": () => "127.0.0.1:0?share=balanced",
  "shared, TCP": () => "127.0.0.1:0?share=shared",
  "sharded, TCP": () => "127.0.0.1:0?share=sharded",
  "reuseport, TCP": () => "127.0.0.1:0?share=reuseport",
  "handoff, TCP": () => "127.0.0.1:0?share=handoff",
  "balanced, Unix socket": (runtime) =>
    `unix:${dir}/${runtime}-balanced.sock?share=balanced`,
  "shared, Unix socket": (runtime) =>
    `unix:${dir}/${runtime}-shared.sock?share=shared`,
  "handoff, Unix socket": (runtime) =>
    `unix:${dir}/${runtime}-handoff.sock?share=handoff`,
  "abstract Unix socket": (runtime) =>
    `unix:@prefork-${process.pid}-${runtime}`,
};

/** Those that there are on Linux alone. */
const LINUX_ONLY = /sharded|reuseport|abstract/;

describe("workers", () => {
  for (const runtime of RUNTIMES) {
    const kinds = Object.keys(LISTENERS).filter((kind) =>
      LINUX === false || !LINUX_ONLY.test(kind)
    );
    let started: Command | undefined;
    /** The pool that the tests share. */
    const pool = (): Command =>
      started ??= prefork([
        ...["-w", "2", "-r", runtime],
        ...kinds.flatMap((kind, i) => [
          "-l",
          `http-${i}=${LISTENERS[kind]!(runtime)}`,
        ]),
        fixture("everything.ts"),
      ]);
    afterAll(async () => {
      if (started === undefined) return;
      started.signal("SIGTERM");
      assert.equal((await started.ended).code, 0, started.lines.join("\n"));
    });

    for (const kind of Object.keys(LISTENERS)) {
      const skip = LINUX_ONLY.test(kind) && LINUX;
      test(`on ${runtime}, ${kind}`, { skip }, async () => {
        const command = pool();
        const line = await ready(command);
        const place = kinds.indexOf(kind);
        assert.equal(line["runtime"], runtime);
        const [, share] = await command.line(
          new RegExp(
            `^prefork listening name=http-${place} .* share=(\\w+ reason="\\w+)`,
          ),
        );
        const [wanted] = kind.split(",");
        // As root "balanced" over TCP is shards that the kernel chooses among.
        const either = /^(balanced reason="as|sharded reason="balanced)$/;
        if (kind === "balanced, TCP") assert.match(share!, either);
        else if (wanted !== kind) assert.equal(share, `${wanted} reason="as`);
        await distinct(line["listen"]!.split(",")[place]!, 2);
      });
    }
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
