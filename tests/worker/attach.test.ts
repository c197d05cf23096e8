import assert from "node:assert/strict";
import { patience } from "../pace.ts";
import process from "node:process";
import { testWorker } from "./test_worker.ts";
import { drainMessage } from "./fake_supervisor.ts";

testWorker("attach() gives what was inherited", async (runtime, supervisor) => {
  const { index, port } = await supervisor.bind();
  const worker = await supervisor.spawn({
    runtime,
    program: ["worker_program.ts", "attach"],
    slot: 2,
    generation: 7,
    listeners: [{ name: "web", port, sockets: [index] }],
  });
  const seen = await worker.until({ attached: true });
  assert.deepEqual(seen, {
    attached: true,
    same: true,
    supervised: true,
    slot: 2,
    generation: 7,
    listeners: [{
      name: "web",
      address: `127.0.0.1:${port}`,
      mode: "shared",
      backlog: 128,
      ipv6Only: false,
      fds: [3],
      shard: 0,
    }],
    left: [],
  });
  const hello = worker.messages[0];
  assert.deepEqual(hello, {
    prefork: 1,
    type: "hello",
    runtime,
    pid: worker.pid,
  });
});

testWorker(
  "the program's own messages pass both ways and noise is ignored",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "attach"],
    });
    await worker.until({ attached: true });
    const noise: unknown[] = [
      { prefork: 1 },
      { prefork: 99, type: "drain", ms: 1, idle: 1 },
      { prefork: 1, type: "drain", ms: -1, idle: "x" },
      { prefork: 1, type: "dance" },
      { prefork: 1, type: "connection", listener: "nowhere" },
      { prefork: 1, type: "adopt", listener: "nowhere", shard: 9 },
      { prefork: 1, type: "release", listener: "nowhere", shard: 9 },
    ];
    for (const message of noise) await worker.send(message);
    await worker.send({ echo: [1, "two"] });
    const { echo } = await worker.until({ type: "failed" })
      .then(() => worker.send({ echo: "last" }))
      .then(() => worker.until({ echo: "last" }));
    assert.equal(echo, "last");
    const first = worker.messages.find((each) => Array.isArray(each["echo"]));
    assert.deepEqual(first, { echo: [1, "two"] });
  },
);

testWorker(
  "a drain ends a worker with 0 once its promises have settled",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "until"],
    });
    await worker.until({ waiting: true });
    await worker.until({ type: "ready" });
    await worker.send(drainMessage(20_000));
    const draining = await worker.until({ draining: true });
    assert.equal(draining["why"], "The supervisor asked the worker to leave");
    const left = draining["left"] as number;
    assert.ok(left > 15_000 && left <= 20_000, `${left} ms left`);
    await worker.send({ go: true });
    await worker.until({ finished: true });
    assert.deepEqual((await worker.exited).code, 0);
  },
);

testWorker(
  "a worker whose time runs out exits with 1",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "until"],
    });
    await worker.until({ waiting: true });
    await worker.send(drainMessage(50));
    assert.equal((await worker.exited).code, 1);
  },
);

testWorker(
  "a second drain brings the end forward",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "until"],
    });
    await worker.until({ waiting: true });
    await worker.send(drainMessage(60_000));
    await worker.until({ draining: true });
    await worker.send(drainMessage(50));
    assert.equal((await worker.exited).code, 1);
  },
);

testWorker(
  "SIGINT is ignored and SIGTERM says that the worker leaves",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "attach"],
    });
    await worker.until({ attached: true });
    await worker.kill("SIGINT");
    await worker.kill("SIGINT");
    await worker.send({ echo: "alive" });
    await worker.until({ echo: "alive" });
    await worker.kill("SIGTERM");
    await worker.until({ type: "leaving" });
    assert.equal((await worker.exited).code, 0);
  },
);

testWorker(
  "a worker whose supervisor is killed leaves, whatever it is busy with",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "until"],
    });
    await worker.until({ waiting: true });
    process.kill(supervisor.pid, "SIGKILL");
    const begun = performance.now();
    while (isAlive(worker.pid)) {
      // 2.5 s and whatever a busy machine adds.
      assert.ok(
        performance.now() - begun < patience(10_000),
        "alive after 10 s",
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
