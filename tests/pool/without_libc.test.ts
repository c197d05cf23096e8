import assert from "node:assert/strict";
import process from "node:process";
import { fixture, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { temporaryDirectory } from "../conformance_tools.ts";

describe("Node without node:ffi", () => {
  const flag = "--no-experimental-ffi";
  const knows = process.allowedNodeEnvironmentFlags?.has(flag) ?? false;

  test("listens at a path, and shares a scoreboard", {
    skip: process.versions["deno"] === undefined &&
        process.versions["bun"] === undefined
      ? false
      : "the supervisor is Node's",
  }, async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/s`;
    await using command = prefork(
      ["-w", "2", "-l", `unix:${path}`, fixture("pid.ts")],
      { env: { NODE_OPTIONS: knows ? flag : "" } },
    );
    const { listen, share } = await ready(command);
    assert.equal(share, "balanced");
    assert.equal((await distinct(listen!, 2)).size, 2);
  });
});
