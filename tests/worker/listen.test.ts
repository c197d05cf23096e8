import assert from "node:assert/strict";
import { connect, get } from "./client.ts";
import { testWorker } from "./test_worker.ts";
import { drainMessage } from "./fake_supervisor.ts";
import { ask, isAnswerOf, KINDS } from "./requests.ts";
import { portsOf } from "./sockets.ts";

for (const kind of KINDS) {
  testWorker(
    `${kind} adopts the inherited socket and opens no other`,
    async (runtime, supervisor) => {
      const { index, port } = await supervisor.bind();
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        listeners: [{ name: "web", port, sockets: [index] }],
      });
      const info = await worker.until({ listening: true });
      assert.equal(info["name"], "web");
      assert.equal(info["address"], `127.0.0.1:${port}`);
      assert.equal(info["mode"], "shared");
      if (kind !== "serve") {
        assert.equal(info["port"], port);
        assert.equal(info["is"], true);
      }
      await worker.until({ type: "ready" });
      assert.deepEqual(portsOf(worker.pid), [port]);
      const text = await ask(kind, port);
      assert.ok(isAnswerOf(kind, text, worker.pid), text);
      await worker.send(drainMessage(10_000, 50));
      assert.equal((await worker.exited).code, 0);
      const again = worker.messages.filter((each) => each["type"] === "ready");
      assert.equal(again.length, 1);
    },
  );
}

for (const kind of ["http", "net", "serve"] as const) {
  testWorker(
    `${kind} run by hand listens itself and drains on SIGTERM`,
    async (runtime, supervisor) => {
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        address: "127.0.0.1:0",
      });
      const { address, mode } = await worker.until({ listening: true });
      assert.equal(mode, undefined);
      const port = Number(String(address).split(":")[1]);
      const text = await ask(kind, port);
      assert.ok(isAnswerOf(kind, text, worker.pid), text);
      await worker.kill("SIGTERM");
      assert.equal((await worker.exited).code, 0, worker.output());
    },
  );
}

testWorker(
  "a second SIGINT ends a program run by hand at once",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "net"],
      address: "127.0.0.1:0",
    });
    const { address } = await worker.until({ listening: true });
    const client = await connect(Number(String(address).split(":")[1]));
    await worker.until({ connection: true });
    await worker.kill("SIGINT");
    await worker.until({ draining: true });
    await worker.kill("SIGINT");
    assert.equal((await worker.exited).code, 130);
    client.close();
  },
);

testWorker(
  "an address that is in use is an ERR_BIND",
  async (runtime, supervisor) => {
    const first = await supervisor.spawn({
      runtime: "node",
      program: ["worker_program.ts", "http"],
      address: "127.0.0.1:0",
    });
    const { address } = await first.until({ listening: true });
    const second = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "serve"],
      address: String(address),
    });
    const { error } = await second.until({ code: "ERR_BIND" });
    assert.match(
      String(error),
      /^Cannot listen on "127\.0\.0\.1:\d+": .*in use/i,
    );
  },
);

testWorker(
  "the listeners are named when it is not clear which is meant",
  async (runtime, supervisor) => {
    const web = await supervisor.bind();
    const api = await supervisor.bind();
    const listeners = [
      { name: "web", port: web.port, sockets: [web.index] },
      { name: "api", port: api.port, sockets: [api.index] },
    ];
    const none = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "http"],
      listeners,
    });
    assert.equal(
      (await none.until({ name: "TypeError" }))["error"],
      'Cannot listen: the pool has the listeners "web", "api", choose one as in { name: "web" }',
    );
    const wrong = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "http", "wep"],
      listeners,
    });
    assert.equal(
      (await wrong.until({ name: "TypeError" }))["error"],
      'Cannot listen on "wep": the pool has no listener of that name, it has "web", "api"',
    );
    const twice = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "http", "web", "web"],
      listeners,
    });
    assert.equal(
      (await twice.until({ code: "ERR_STATE" }))["error"],
      'Cannot listen on "web": another server of this worker has it, choose another listener',
    );
    assert.ok(!twice.messages.some((each) => each["type"] === "ready"));
  },
);

testWorker(
  "two listeners, ready when both are served",
  async (runtime, supervisor) => {
    const web = await supervisor.bind();
    const api = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "http", "api", "web"],
      listeners: [
        { name: "web", port: web.port, sockets: [web.index] },
        { name: "api", port: api.port, sockets: [api.index] },
      ],
    });
    await worker.until({ type: "ready" });
    const types = worker.messages.map((each) => each["type"] ?? each["name"])
      .filter((type) => type !== "http");
    assert.deepEqual(types, ["hello", "api", "web", "ready"]);
    for (const { port } of [web, api]) {
      assert.match(await get(port), new RegExp(`pid ${worker.pid}`));
    }
  },
);

testWorker(
  "ready: false leaves it to the program",
  async (runtime, supervisor) => {
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "silent"],
      listeners: [{ name: "web", port, sockets: [index] }],
    });
    await worker.until({ listening: true });
    assert.match(await get(port), /pid/);
    assert.ok(!worker.messages.some((each) => each["type"] === "ready"));
    await worker.send({ go: true });
    await worker.until({ type: "ready" });
  },
);

testWorker(
  "an fd that is no socket is an ERR_ATTACH and the supervisor is told",
  async (runtime, supervisor) => {
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "http"],
      listeners: [{ name: "web", port: 1, sockets: [] }],
    });
    const { error } = await worker.until({ code: "ERR_ATTACH" });
    assert.match(String(error), /^Cannot attach to the listener "web": /);
    const { reason } = await worker.until({ type: "failed" });
    assert.equal(reason, error);
  },
);
