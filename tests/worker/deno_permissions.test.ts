/**
 * Deno's servers where Deno does not allow to graft them.
 *
 * Runs once, under deno: it is about workers on Deno, and any supervisor with
 * any worker is what tests/pool/pairs.test.ts is for.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { test } from "../harness.ts";
import { distinct } from "../http.ts";
import { get } from "./client.ts";
import { drainMessage, startSupervisor } from "./fake_supervisor.ts";
import { portsOf } from "./sockets.ts";

/** What is denied, and what the operator reads. */
const DENIED: readonly (readonly [string, RegExp])[] = [
  ["--deny-ffi", /--allow-ffi/],
  ["--deny-ffi=libc.so.6", /--allow-ffi/],
  ["--deny-net=127.0.0.1:0", /--allow-net/],
];

for (const [flag, named] of DENIED) {
  const skip = process.platform !== "linux" && "grafting needs Linux";

  test(`${flag}: serve() goes through node:http and says why`, {
    skip,
  }, async () => {
    await using supervisor = startSupervisor();
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime: "deno",
      program: ["worker_program.ts", "serve"],
      listeners: [{ name: "web", port, sockets: [index] }],
      flags: [flag],
    });
    await worker.until({ type: "ready" });
    assert.match(await get(port), new RegExp(`pid ${worker.pid}`));
    await worker.wrote(named);
    await worker.wrote(/^serve\(\) on "web" goes through node:http/m);
    assert.deepEqual(portsOf(worker.pid), [port]);
    await worker.send(drainMessage(10_000, 50));
    assert.equal((await worker.exited).code, 0);
  });

  test(`${flag}: Deno.serve on the listener is an error that names it`, {
    skip,
  }, async () => {
    await using supervisor = startSupervisor();
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime: "deno",
      program: ["deno_serve_program.ts"],
      listeners: [{ name: "web", port, sockets: [index] }],
      flags: [flag],
    });
    assert.equal((await worker.exited).code, 1);
    assert.match(worker.output(), named);
    assert.match(worker.output(), /PreforkError: Cannot .*: .*, /);
  });
}

test("three permissions are enough", {
  skip: process.platform !== "linux" && "grafting needs Linux",
}, async () => {
  const flags = ["--allow-net", "--allow-env", "--allow-ffi"];
  await using command = prefork([
    ...["-w", "2", "-r", "deno", ...LOCAL],
    ...flags.flatMap((flag) => ["--runtime-arg", flag]),
    fixture("plain/deno_serve.ts"),
  ]);
  const { listen } = await ready(command);
  await distinct(listen!, 2);
  assert.doesNotMatch(command.lines.join("\n"), /node:http/);
});
