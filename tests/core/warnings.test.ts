import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { describe, test } from "../harness.ts";
import { running } from "./world.ts";

describe("what the operator is told about the kernel", () => {
  test("nothing where nothing is wrong", async () => {
    const { all } = await running();
    assert.deepEqual(all("warning"), []);
  });

  test("once, that reuseport loses connections at a reload, and the cure", async () => {
    const { all } = await running({
      share: "reuseport",
      listen: ["127.0.0.1:1", "127.0.0.1:2"],
    });
    assert.equal(all("warning").length, 1);
    assert.match(
      all("warning")[0]!.message,
      /sysctl -w net\.ipv4\.tcp_migrate_req=1$/,
    );
  });

  test("not where the kernel is set to move them", async () => {
    const world = new MemoryWorld();
    world.sysctl.set("net.ipv4.tcp_migrate_req", 1);
    const { all } = await running({ share: "reuseport" }, world);
    assert.deepEqual(all("warning"), []);
  });

  test("that weights do not count where nothing is balanced", async () => {
    const no = { reason: "this is a test", instead: "another one" };
    const sees = async (weights: readonly number[], can: true | typeof no) =>
      (await running({ weights }, new MemoryWorld({ balanced: can })))
        .all("warning").map(({ message }) => message);
    assert.deepEqual(await sees([1, 2], true), []);
    assert.deepEqual(await sees([], no), []);
    const [message, ...more] = await sees([1, 2], no);
    assert.match(message!, /^the weights of slots do not count, because /);
    assert.deepEqual(more, []);
  });

  test("that Node's compile cache is off, and why, where it is wanted", async () => {
    const told = async (compileCache: string): Promise<string[]> =>
      (await running({ compileCache })).all("warning")
        .map(({ message }) => message);
    assert.deepEqual(await told("/var/cache/app"), []);
    assert.deepEqual(await told("off"), []);
    const [message, ...more] = await told("/missing");
    assert.match(message!, /because "\/missing" is bad: .*--compile-cache/);
    assert.deepEqual(more, []);
  });

  test("that the kernel caps a backlog, with both numbers", async () => {
    const { all } = await running({ listen: "127.0.0.1:1?backlog=9000" });
    assert.match(
      all("warning")[0]!.message,
      /127\.0\.0\.1:1 at 4096 instead of 9000.*somaxconn=9000$/,
    );
  });
});
