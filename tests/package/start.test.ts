/**
 * What a supervisor asks of its runtime's own modules until its worker listens:
 * each that is loaded for nothing is a part of every start.
 */

import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { binary, ownRuntime, type Runtime } from "../runtimes.ts";
import { type Consumer, npmConsumer } from "./consumer.ts";
import { run } from "./run.ts";

/** Tells when the supervisor ends; by the bundle, nothing imports these. */
const ASKED = `import process from "node:process";
const asked = new Set();
const { getBuiltinModule } = process;
process.getBuiltinModule = (name) => {
  asked.add(name.replace("node:", ""));
  return getBuiltinModule.call(process, name);
};
process.on("exit", () => console.log("ASKED " + JSON.stringify([...asked])));
`;

/** Ends the pool before it serves: its control socket opens then, by http. */
const PROGRAM = `import http from "node:http";
process.kill(process.ppid, "SIGTERM");
http.createServer().listen(8080);
`;

/** How a runtime loads something first, in the supervisor alone. */
const FIRST: Readonly<Record<Runtime, readonly string[]>> = {
  node: ["--import", "./asked.mjs"],
  deno: ["run", "-A", "--preload", "./asked.mjs"],
  bun: ["--preload", "./asked.mjs"],
};

/** What a start may need: Node starts processes and binds by these two. */
const NEEDED = ["buffer", "events", "fs", "module", "os", "path", "timers"];
const ON_NODE = ["child_process", "ffi", "net", "util"];

describe("the start of a pool", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await npmConsumer();
    consumer.write("asked.mjs", ASKED);
    consumer.write("app.mjs", PROGRAM);
  });
  afterAll(() => consumer.remove());

  test("loads none of the runtime's modules that it does not need", async () => {
    const output = await run([
      ...[binary(ownRuntime), ...FIRST[ownRuntime]],
      ...["node_modules/prefork/dist/cli.js", "-w", "1"],
      ...["-l", "127.0.0.1:0", "--log-time", "utc", "app.mjs"],
    ] as [string, ...string[]], consumer.path);
    const asked: string[] = JSON.parse(/ASKED (\[.*\])/.exec(output)![1]!);
    const needed = ownRuntime === "node" ? [...NEEDED, ...ON_NODE] : NEEDED;
    assert.ok(asked.includes("fs"));
    assert.deepEqual(asked.filter((name) => !needed.includes(name)), []);
  });
});
