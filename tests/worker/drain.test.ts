import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import net from "node:net";
import { patience } from "../pace.ts";
import process from "node:process";
import type { Runtime } from "../runtimes.ts";
import { type Client, connect } from "./client.ts";
import { testWorker } from "./test_worker.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type FakeWorker,
} from "./fake_supervisor.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

interface Scene {
  readonly worker: FakeWorker;
  readonly port: number;
}

async function start(
  runtime: Runtime,
  supervisor: FakeSupervisor,
  kind: string,
): Promise<Scene> {
  const { index, port } = await supervisor.bind();
  const worker = await supervisor.spawn({
    runtime,
    program: ["worker_program.ts", kind],
    listeners: [{ name: "web", port, sockets: [index] }],
  });
  await worker.until({ type: "ready" });
  return { worker, port };
}

/** A connection that the worker certainly has: it asks, so others before it are in. */
async function settled(port: number): Promise<void> {
  const client = await connect(port);
  client.send(GET);
  await client.until(/pid/);
  client.close();
}

/** A drain that has begun. */
async function drain(
  worker: FakeWorker,
  ms: number,
  idle: number,
): Promise<void> {
  await worker.send(drainMessage(ms, idle));
  await worker.until({ draining: true });
}

/** That all went well until the end. */
async function leftWith(worker: FakeWorker, code: number): Promise<void> {
  const status = await worker.exited;
  assert.deepEqual(
    { code: status.code, signal: status.signal },
    { code, signal: null },
    worker.output(),
  );
}

/**
 * A grafted server of Bun: the kernel holds a fresh connection back until it has
 * sent something (TCP_DEFER_ACCEPT), so that it is not the draining worker's.
 */
const holdsBack = (runtime: Runtime): boolean =>
  runtime === "bun" && process.platform === "linux";

testWorker(
  "fresh and idle connections get their next request answered, with close",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const fresh = await connect(port);
    const keepAlive = await connect(port);
    keepAlive.send(GET);
    const before = await keepAlive.until(/pid \d+ bytes 0/);
    assert.doesNotMatch(before, /connection: close/i);
    await settled(port);
    await drain(worker, 20_000, 5000);
    for (
      const client of holdsBack(runtime) ? [keepAlive] : [fresh, keepAlive]
    ) {
      const old = client.text().length;
      client.send(GET);
      await client.ended;
      const answer = client.text().slice(old);
      assert.match(answer, /connection: close/i);
      assert.match(answer, /pid \d+ bytes 0$/);
    }
    await leftWith(worker, 0);
  },
);

for (
  const [kind, paths] of [
    ["fields", ["object", "list", "reason", "set", "removed"]],
    ["serve", ["proxied"]],
  ] as const
) {
  testWorker(
    `an answer says that it is the last one whatever the program says of its connection: ${kind}`,
    async (runtime, supervisor) => {
      const { worker, port } = await start(runtime, supervisor, kind);
      const clients = await Promise.all(paths.map(async (path) => {
        const client = await connect(port);
        const ask = () =>
          client.send(`GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        ask();
        await client.until(/pid/);
        return { path, client, ask };
      }));
      await drain(worker, 20_000, 5000);
      for (const { path, client, ask } of clients) {
        const old = client.text().length;
        ask();
        await client.ended;
        const answer = client.text().slice(old);
        assert.match(answer, /^HTTP\/1.1 200 .*pid \d+/s, path);
        const said = answer.match(/^(?:connection|keep-alive):.*(?=\r$)/gim);
        assert.deepEqual(said?.map((one) => one.toLowerCase()), [
          "connection: close",
        ], path);
      }
      await leftWith(worker, 0);
    },
  );
}

testWorker(
  "connections that stay idle are closed after the grace",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const fresh = await connect(port);
    const keepAlive = await connect(port);
    keepAlive.send(GET);
    await keepAlive.until(/pid/);
    await settled(port);
    const begun = performance.now();
    await drain(worker, 20_000, 200);
    if (!holdsBack(runtime)) assert.equal(await fresh.ended, "end");
    assert.equal(await keepAlive.ended, "end");
    const took = performance.now() - begun;
    assert.ok(took >= 190 && took < patience(5000), `${took} ms`);
    await leftWith(worker, 0);
  },
);

testWorker(
  "connections that stay idle are closed also while another one is answered",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const idle = await connect(port);
    idle.send(GET);
    await idle.until(/pid/);
    const slow = await connect(port);
    slow.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    await worker.until({ request: "/wait" });
    await drain(worker, 20_000, 50);
    assert.equal(await idle.ended, "end");
    await worker.send({ go: true });
    assert.match(await slow.until(/pid/), /connection: close/i);
    await leftWith(worker, 0);
  },
);

testWorker(
  "what is in flight finishes: an answer, an upload, a stream, half a head",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const clients: Client[] = [];
    const begin = async (text: string): Promise<Client> => {
      const client = await connect(port);
      client.send(text);
      clients.push(client);
      return client;
    };
    const slow = await begin("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    const upload = await begin(
      "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab",
    );
    const streaming = await begin("GET /early HTTP/1.1\r\nHost: x\r\n\r\n");
    const half = await begin("GET /half HTTP/1.1\r\nHo");
    for (const request of ["/wait", "/up", "/early"]) {
      await worker.until({ request });
    }
    await streaming.until(/early,/);
    await settled(port);
    await drain(worker, 20_000, 50);
    // Longer than the grace: what is in flight is not idle.
    await new Promise((resolve) => setTimeout(resolve, 300));
    upload.send("cd");
    half.send("st: x\r\n");
    await new Promise((resolve) => setTimeout(resolve, 200));
    half.send("\r\n");
    upload.send("ef");
    await worker.send({ go: true });
    for (const client of clients) await client.ended;
    assert.match(slow.text(), /connection: close[^]*pid \d+ bytes 0$/i);
    assert.match(upload.text(), /connection: close[^]*pid \d+ bytes 6$/i);
    assert.match(half.text(), /connection: close[^]*pid \d+ bytes 0$/i);
    assert.match(streaming.text(), /early,[^]*pid \d+ bytes 0\r\n0\r\n\r\n$/);
    await leftWith(worker, 0);
  },
);

testWorker(
  "half a head is waited for half of the grace, and hears 408 then",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const half = await connect(port);
    half.send("GET /half HTTP/1.1\r\nHo");
    const second = await connect(port);
    second.send(GET);
    await second.until(/pid \d+ bytes 0/);
    // After the kernel's clock has ticked: the first request is answered.
    await new Promise((resolve) => setTimeout(resolve, 50));
    second.send("GET /half HTTP/1.1\r\nHo");
    const body = await connect(port);
    body.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab");
    await worker.until({ request: "/up" });
    const begun = performance.now();
    await drain(worker, patience(2000), 50);
    // What an answer is owed for is no half head.
    await new Promise((resolve) => setTimeout(resolve, patience(600)));
    body.send("cdef");
    assert.match(await body.until(/bytes 6$/), /HTTP\/1.1 200 OK/);
    for (const client of [half, second]) {
      assert.equal(await client.ended, "end");
      assert.match(
        client.text(),
        /HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n.*\r\n\r\n$/,
      );
    }
    const took = performance.now() - begun;
    // Nobody waits longer than 5 s for it, on no machine.
    assert.ok(took >= Math.min(patience(1000), 5000), `${took} ms`);
    await leftWith(worker, 0);
  },
);

testWorker(
  "an upload that has its answer hears no second one when a drain ends it",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const client = await connect(port);
    const head = "POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 9999";
    client.send(`${head}\r\n\r\nab`);
    await client.until(/unread$/);
    const answer = client.text();
    await drain(worker, patience(1000), 50);
    const sending = setInterval(() => client.send("c"), 50);
    await client.ended;
    clearInterval(sending);
    assert.equal(client.text(), answer);
    // Bun 1.4.4 counts a request until its body is there: up to the deadline.
    await leftWith(worker, runtime === "bun" ? 1 : 0);
  },
);

testWorker(
  "an upload that is answered unread in a drain is taken to its end",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const socket = net.connect(port, "127.0.0.1");
    // More than the kernel keeps.
    const body = Buffer.alloc(16 << 20);
    socket.write(
      `POST /wait/unread HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await worker.until({ request: "/wait/unread" });
    await drain(worker, patience(20_000), patience(1000));
    let text = "";
    const ended = new Promise((resolve) => {
      socket.on("data", (bytes) => text += String(bytes));
      socket.on("end", () => resolve("end"));
      socket.on("error", resolve);
    });
    const sent = new Promise((resolve) => socket.write(body, resolve));
    await worker.send({ go: true });
    assert.ok(!(await sent instanceof Error), text);
    assert.equal(await ended, "end");
    assert.match(text, /^HTTP\/1.1 200 .*connection: close.*unread$/is);
    await leftWith(worker, 0);
  },
);

for (
  const [kind, first] of [
    // The beginning of a TLS record, and of the preface of HTTP/2.
    ["https", "\x16\x03\x01"],
    ["http2", "\x16\x03\x01"],
    ["h2c", "PRI * HTTP/2.0\r\n"],
  ] as const
) {
  testWorker(
    `${kind}: a client that begins and does not go on keeps no worker`,
    async (runtime, supervisor) => {
      const { worker, port } = await start(runtime, supervisor, kind);
      const client = await connect(port);
      client.send(first);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await drain(worker, patience(1000), 50);
      await client.ended;
      await leftWith(worker, 0);
    },
  );
}

/** Three requests at once, the last of which has a body. */
const pipelined = (last: string): string =>
  `GET /wait HTTP/1.1\r\nHost: x\r\n\r\n${GET}POST ${last} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab`;
/** Three answers, and the last one alone says that it is. */
const THREE =
  /^HTTP\/1.1 200 (?:(?!connection: close).)*bytes 0HTTP\/1.1 200 (?:(?!connection: close).)*bytes 0HTTP\/1.1 200 .*connection: close.*bytes 2$/is;

testWorker(
  "requests that were sent at once are all answered, before and in a drain",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const before = await connect(port);
    before.send(pipelined("/wait/before"));
    await worker.until({ request: "/wait/before" });
    const idle = await connect(port);
    idle.send(GET);
    await idle.until(/bytes 0$/);
    const old = idle.text().length;
    await drain(worker, 20_000, patience(500));
    idle.send(pipelined("/in"));
    await worker.until({ request: "/in" });
    await worker.send({ go: true });
    for (const client of [before, idle]) {
      assert.equal(await client.ended, "end");
      assert.match(client.text().slice(client === idle ? old : 0), THREE);
    }
    await leftWith(worker, 0);
  },
);

testWorker(
  "new connections during the drain stay in the queue for others",
  async (runtime, supervisor) => {
    const { index, port } = await supervisor.bind();
    const plan = {
      runtime,
      program: ["worker_program.ts", "http"],
      listeners: [{ name: "web", port, sockets: [index] }],
    } as const;
    const leaving = await supervisor.spawn(plan);
    await leaving.until({ type: "ready" });
    const busy = await connect(port);
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    await leaving.until({ request: "/wait" });
    await drain(leaving, 20_000, 50);
    const waiting = await connect(port);
    waiting.send(GET);
    const next = await supervisor.spawn(plan);
    await next.until({ type: "ready" });
    assert.match(await waiting.until(/pid/), new RegExp(`pid ${next.pid}`));
    waiting.close();
    await leaving.send({ go: true });
    assert.match(await busy.until(/pid/), new RegExp(`pid ${leaving.pid}`));
    await leftWith(leaving, 0);
  },
);

testWorker(
  "a request that never ends is given up at the deadline",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const stuck = await connect(port);
    stuck.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    await worker.until({ request: "/wait" });
    await drain(worker, 300, 50);
    await leftWith(worker, 1);
    await stuck.ended;
  },
);

testWorker(
  "raw TCP connections stay until they end",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "net");
    const client = await connect(port);
    client.send("one");
    await client.until(/one/);
    await drain(worker, 20_000, 50);
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.send("two");
    await client.until(/two/);
    client.close();
    await leftWith(worker, 0);
  },
);

testWorker(
  "an upgraded connection stays until it ends",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "upgrade");
    const client = await connect(port);
    client.send(
      "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    await client.until(/101 Switching/);
    await drain(worker, 20_000, 50);
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.send("still here");
    await client.until(/still here/);
    client.close();
    await leftWith(worker, 0);
  },
);

testWorker(
  "a killed supervisor does not leave a worker behind with a stuck request",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "http");
    const stuck = await connect(port);
    stuck.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    await worker.until({ request: "/wait" });
    const begun = performance.now();
    process.kill(supervisor.pid, "SIGKILL");
    // The worker's end is the end of its connection.
    await stuck.ended;
    const took = performance.now() - begun;
    // 2.5 s and whatever a busy machine adds.
    assert.ok(took > 2000 && took < patience(10_000), `${took} ms`);
  },
);
