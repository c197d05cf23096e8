import assert from "node:assert/strict";
import { until } from "../command.ts";
import { connect } from "./client.ts";
import { testWorker } from "./test_worker.ts";
import { drainMessage } from "./fake_supervisor.ts";
import { watchedOf } from "./sockets.ts";
import { ask, isAnswerOf, KINDS } from "./requests.ts";

for (const kind of KINDS) {
  testWorker(
    `sharded: ${kind} accepts on its shard, adopts another and releases it`,
    async (runtime, supervisor) => {
      const own = await supervisor.bind(true);
      const other = await supervisor.bind(true);
      const listeners = [{
        name: "web",
        port: own.port,
        mode: "sharded",
        sockets: [own.index, other.index],
      }] as const;
      // The only worker there is: until it adopts, nobody listens on the other
      // shard, so that the kernel sends everything to the own one.
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        listeners,
      });
      await worker.until({ type: "ready" });
      assert.ok(isAnswerOf(kind, await ask(kind, own.port), worker.pid));
      const adopt = { prefork: 1, type: "adopt", listener: "web", shard: 1 };
      await worker.send(adopt);
      await worker.until({ type: "adopted", listener: "web", shard: 1 });
      // Enough that the kernel's hash hits both shards.
      for (let i = 0; i < 12; i++) {
        assert.ok(isAnswerOf(kind, await ask(kind, own.port), worker.pid));
      }
      const neighbour = await supervisor.spawn({
        runtime: "node",
        program: ["worker_program.ts", kind],
        listeners: [{ ...listeners[0], shard: 1 }],
      });
      await neighbour.until({ type: "ready" });
      // Twice: what was given back can be adopted again.
      await worker.send({ ...adopt, type: "release" });
      await until(() => watchedOf(worker.pid, own.port) === 1, "a release");
      await worker.send(adopt);
      await until(() => watchedOf(worker.pid, own.port) === 2, "an adoption");
      await worker.send({ ...adopt, type: "release" });
      await until(() => watchedOf(worker.pid, own.port) === 1, "a release");
      await worker.send({
        prefork: 1,
        type: "adopt",
        listener: "web",
        shard: 9,
      });
      await worker.until({ type: "failed" });
      let answers = "";
      for (let i = 0; i < 24; i++) answers += await ask(kind, own.port);
      assert.ok(isAnswerOf(kind, answers, worker.pid), answers);
      assert.ok(isAnswerOf(kind, answers, neighbour.pid), answers);
      await worker.send(drainMessage(10_000, 50));
      assert.equal((await worker.exited).code, 0);
    },
  );
}

for (const kind of ["http", "https", "http2", "net", "serve"] as const) {
  testWorker(
    `reuseport: two ${kind} workers share a port that each binds`,
    async (runtime, supervisor) => {
      // Held, not listening: keeps the port and takes no connection.
      const { port } = await supervisor.bind(true);
      const plan = {
        runtime,
        program: ["worker_program.ts", kind],
        listeners: [{ name: "web", port, mode: "reuseport" }],
      } as const;
      const one = await supervisor.spawn(plan);
      await one.until({ type: "ready" });
      const two = await supervisor.spawn(plan);
      await two.until({ type: "ready" });
      let answers = "";
      for (let i = 0; i < 32; i++) answers += await ask(kind, port);
      assert.ok(isAnswerOf(kind, answers, one.pid), answers);
      assert.ok(isAnswerOf(kind, answers, two.pid), answers);
      await one.send(drainMessage(10_000, 50));
      assert.equal((await one.exited).code, 0, one.output());
      assert.ok(isAnswerOf(kind, await ask(kind, port), two.pid));
    },
  );
}

for (const kind of KINDS) {
  testWorker(
    `handoff: ${kind} takes connections and reports their end`,
    async (runtime, supervisor) => {
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        listeners: [{ name: "web", port: 1, mode: "handoff" }],
      });
      await worker.until({ type: "ready" });
      const port = await supervisor.handoff("web", [worker]);
      for (let i = 0; i < 3; i++) {
        const text = await ask(kind, port);
        assert.ok(isAnswerOf(kind, text, worker.pid), text);
      }
      const closed = (): number =>
        worker.messages.filter((each) => each["type"] === "closed")
          .reduce((sum, each) => sum + (each["count"] as number), 0);
      await worker.until({ type: "closed" });
      await worker.send(drainMessage(10_000, 50));
      assert.equal((await worker.exited).code, 0);
      assert.equal(closed(), 3);
    },
  );
}

testWorker(
  "handoff: a draining worker answers what still comes, and says that it closes",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "http"],
      listeners: [{ name: "web", port: 1, mode: "handoff" }],
    });
    await worker.until({ type: "ready" });
    const port = await supervisor.handoff("web", [worker, worker]);
    const busy = await connect(port);
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    await worker.until({ request: "/wait" });
    await worker.send(drainMessage(20_000));
    await worker.until({ draining: true });
    const late = await connect(port);
    late.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const answer = await late.until(/pid/);
    assert.match(answer, new RegExp(`pid ${worker.pid} `));
    assert.match(answer, /^connection: close/im);
    await worker.send({ go: true });
    assert.match(await busy.until(/pid/), new RegExp(`pid ${worker.pid} `));
    assert.equal((await worker.exited).code, 0);
  },
);
