import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { ownEnvironment } from "../../core/launch/own_environment.ts";
import { describe, test } from "../harness.ts";
import { running } from "./world.ts";

describe("what workers get of the supervisor's environment", () => {
  test("all but its own place in the world", () => {
    const others = {
      PATH: "/bin",
      PORT: "80",
      DENO_SERVE_ADDRESS: "tcp:::1:2",
      NGINX: "/usr/sbin/nginx",
    };
    const place = { NODE_CHANNEL_FD: "3", LISTEN_FDS: "1", PREFORK_SLOT: "0" };
    assert.deepEqual(ownEnvironment({ ...others, ...place }, "80"), others);
    assert.deepEqual(ownEnvironment({ NGINX: "6;7;" }, "80"), {});
  });

  test("a debugger on a free port of Node, and none of Bun", () => {
    const options = (NODE_OPTIONS: string): string | undefined =>
      ownEnvironment({ NODE_OPTIONS, BUN_INSPECT: "1" }, "80")["NODE_OPTIONS"];
    for (
      const flag of ["--inspect", "--inspect-brk=9229", "-r ./a --inspect-wait"]
    ) {
      assert.equal(options(flag), `${flag} --inspect-port=0`);
    }
    for (const flag of ["", "--inspect-port=1", "--inspect-publish-uid=http"]) {
      assert.equal(options(flag), flag);
    }
    assert.deepEqual(ownEnvironment({ BUN_INSPECT: "1" }, "80"), {});
  });

  test("the pool's port by each name that goes before PORT", () => {
    const own = { BUN_PORT: "1", NODE_PORT: "2" };
    assert.deepEqual(ownEnvironment(own, "80"), {
      BUN_PORT: "80",
      NODE_PORT: "80",
    });
    assert.deepEqual(ownEnvironment(own, undefined), own);
  });

  test("and a line says what Bun's do not", async () => {
    const world = new MemoryWorld();
    Object.assign(world.adapter.host.env, { BUN_INSPECT: "1" });
    const told = async (runtime: "node" | "bun"): Promise<number> =>
      (await running({ runtime }, world)).all("warning")
        .filter(({ message }) => message.startsWith("BUN_INSPECT is not"))
        .length;
    assert.equal(await told("node"), 0);
    world.bound.clear();
    assert.equal(await told("bun"), 1);
  });
});
