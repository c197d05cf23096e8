/**
 * `Deno.serve` on an inherited socket: what its users use of it.
 *
 * Runs once, under deno: its supervisor is a program of Node and its workers
 * are Deno's, whatever runs it.
 */
import assert from "node:assert/strict";
import http2 from "node:http2";
import { within } from "../within.ts";
import { type Client, connect, get } from "./client.ts";
import {
  addHeadTests,
  addWebSocketTests,
  asking,
  CLIENT_CLOSE,
  GET,
  GOING_AWAY,
  HI,
  kept,
  left,
  testsOf,
  upgraded,
} from "./native_scene.ts";
import { drainMessage } from "./fake_supervisor.ts";
import { ask } from "./requests.ts";
import { portsOf } from "./sockets.ts";

const { testOne, withSupervisor } = testsOf("deno");

addHeadTests({ testOne, withSupervisor });
addWebSocketTests({ testOne, withSupervisor });

testOne("what was sent behind a slow request is not run", "", async (scene) => {
  // As with Deno's own shutdown(): nobody knows what it has read already.
  const client = await asking(
    scene,
    "/wait",
    "\r\nGET /behind HTTP/1.1\r\nHost: x\r\n",
  );
  await scene.worker.send(drainMessage(20_000, 50));
  await scene.worker.until({ draining: true });
  await scene.worker.send({ go: true });
  assert.equal(await client.ended, "end");
  assert.match(client.text(), /^HTTP\/1.1 200 OK.*connection: close/is);
  await left(scene.worker);
  const ran = scene.worker.messages.flatMap(({ request }) => request ?? []);
  assert.deepEqual(ran, ["/wait"]);
});

testOne("the program sees the pool's address", "", async (scene) => {
  const { worker, port } = scene;
  const address = { transport: "tcp", hostname: "127.0.0.1", port };
  await worker.until({ listening: true, ...address });
  await worker.until({ adopted: true, ...address });
  assert.equal(worker.messages.filter((each) => each["listening"]).length, 1);
  // Its temporary socket is gone.
  assert.deepEqual(portsOf(worker.pid), [port]);
  const client = await asking(scene, "/who");
  const [shown] = /\{.*\}/.exec(await client.until(/\{.*\}/))!;
  const { hostname, port: from } = JSON.parse(shown);
  assert.equal(hostname, "127.0.0.1");
  assert.notEqual(from, port);
});

for (const what of ["handler", "inside", "line"]) {
  testOne(`arguments: ${what}`, what, async ({ worker, port }) => {
    assert.match(await get(port), new RegExp(`${worker.pid}$`));
    if (what !== "inside") await worker.wrote(/\n/);
    assert.equal(
      worker.output(),
      what === "inside" ? "" : `Listening on http://127.0.0.1:${port}/\n`,
    );
  });
}

testOne("onError and automatic compression are kept", "", async ({ port }) => {
  const thrown = await get(port, "/throws");
  assert.match(thrown, /^HTTP\/1.1 500 .*caught on purpose$/s);
  const client = await connect(port);
  client.send(
    "GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
  );
  await client.ended;
  assert.match(client.text(), /^content-encoding: gzip/im);
});

testOne("a drain closes no connection that is not idle", "", async (scene) => {
  const { worker, port } = scene;
  const fresh = await connect(port);
  const idle = await kept(port);
  const half = await connect(port);
  half.send("GET / HTTP/1.1\r\nHost:");
  const waiting = await asking(scene, "/wait");
  const streaming = await asking(scene, "/stream");
  await streaming.until(/one,/);
  await worker.send(drainMessage(20_000, 2000));
  await worker.until({ draining: true });
  for (const client of [fresh, idle]) {
    const old = client.text().length;
    client.send(GET);
    assert.equal(await client.ended, "end");
    assert.match(client.text().slice(old), /connection: close.*\d+$/is);
  }
  await worker.send({ go: true });
  assert.match(await waiting.until(/waited/), /connection: close/i);
  assert.match(await streaming.until(/two/), /one,.*two/s);
  // Longer than an idle connection would get.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  half.send(" x\r\n\r\n");
  assert.equal(await half.ended, "end");
  assert.match(half.text(), /connection: close.*\d+$/is);
  await left(worker);
});

testOne("a drain closes what stays idle", "", async ({ worker, port }) => {
  const idle = await kept(port);
  const fresh = await connect(port);
  await get(port);
  await worker.send(drainMessage(20_000, 100));
  assert.equal(await idle.ended, "end");
  await fresh.ended;
  await left(worker);
});

testOne(
  "a drain ends an event stream between two events",
  "",
  async (scene) => {
    const client = await asking(scene, "/events");
    await client.until(/data: \d+\n\n/);
    await scene.worker.send(drainMessage(20_000, 100));
    await client.ended;
    assert.match(client.text(), /data: \d+\n\n\r\n0\r\n\r\n$/);
    await left(scene.worker);
  },
);

testOne(
  "a drain says 1001 to WebSockets, one after the other",
  "",
  async (scene) => {
    const { worker } = scene;
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => upgraded(scene)),
    );
    clients[0]!.send(HI);
    await clients[0]!.until(new RegExp(`${worker.pid} hi`));
    const times: number[] = [];
    await worker.send(drainMessage(10_000, 100));
    await Promise.all(clients.map(async (client) => {
      await client.until(GOING_AWAY);
      times.push(performance.now());
      client.send(CLIENT_CLOSE);
      await client.ended;
    }));
    assert.ok(times.at(-1)! - times[0]! > 100, `${times}`);
    await left(worker);
    assert.equal(worker.messages.filter((each) => "closed" in each).length, 8);
  },
);

for (const how of ["shutdown", "abort"]) {
  testOne(`${how} of the program cuts nothing`, "", async (scene) => {
    const { worker, port } = scene;
    const waiting = await asking(scene, "/wait");
    const fresh = await connect(port);
    const idle = await kept(port);
    await worker.send({ [how]: true });
    // Handled after the message before it.
    await worker.send({ go: true });
    fresh.send(GET);
    assert.match(await fresh.until(/\d+$/), /connection: close/i);
    assert.match(await waiting.until(/waited/), /connection: close/i);
    await worker.until({ finished: true });
    if (how === "shutdown") await worker.until({ shutdown: true });
    assert.equal(await idle.ended, "end");
    assert.deepEqual(portsOf(worker.pid), [port], "the pool's socket stays");
    await worker.send(drainMessage(10_000, 100));
    await left(worker);
  });
}

testOne("TLS: HTTP/1.1 and HTTP/2", "tls", async ({ worker, port }) => {
  assert.match(await ask("https", port), new RegExp(`${worker.pid}`));
  assert.match(await ask("http2", port), new RegExp(`${worker.pid}`));
  await worker.send(drainMessage(10_000, 100));
  await left(worker);
});

for (const what of ["tls", ""]) {
  const name = `a drain ends HTTP/2 by GOAWAY and no stream of it (${
    what || "plain"
  })`;
  testOne(name, what, async ({ worker, port }) => {
    const session = http2.connect(
      `http${what === "tls" ? "s" : ""}://127.0.0.1:${port}`,
      { rejectUnauthorized: false },
    );
    const goaway = new Promise<number>((resolve, reject) => {
      session.on("goaway", resolve);
      session.on("error", reject);
    });
    const request = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":path": path });
        let text = "";
        stream.setEncoding("utf8");
        stream.on("data", (chunk: string) => text += chunk);
        stream.on("end", () => resolve(text));
        stream.on("error", reject);
        stream.end();
      });
    const waiting = request("/wait");
    await worker.until({ request: "/wait" });
    await worker.send(drainMessage(20_000, 100));
    await worker.until({ draining: true });
    // Longer than an idle connection has.
    for (let i = 0; i < 20; i++) {
      assert.equal(await request("/"), `${worker.pid}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await worker.send({ go: true });
    assert.equal(await waiting, `waited ${worker.pid}`);
    assert.equal(await goaway, 0);
    await left(worker);
    session.destroy();
  });
}

withSupervisor(
  "sharded: a shard is adopted, released and adopted again",
  async (supervisor) => {
    const own = await supervisor.bind(true);
    const other = await supervisor.bind(true);
    const worker = await supervisor.spawn({
      runtime: "deno",
      program: ["deno_serve_program.ts"],
      listeners: [{
        name: "web",
        port: own.port,
        mode: "sharded",
        sockets: [own.index, other.index],
      }],
    });
    await worker.until({ type: "ready" });
    const adopt = { prefork: 1, type: "adopt", listener: "web", shard: 1 };
    await worker.send(adopt);
    await worker.until({ type: "adopted", shard: 1 });
    // Enough that the kernel's hash hits both shards.
    for (let i = 0; i < 16; i++) assert.match(await get(own.port), /\d+$/);
    await worker.send({ ...adopt, type: "release" });
    const waiting = await Promise.all(
      Array.from({ length: 16 }, () => connect(own.port)),
    );
    for (const client of waiting) client.send(GET);
    await worker.until({ request: "/" });
    await worker.send(adopt);
    // Those on the other shard have waited in its queue.
    await Promise.all(waiting.map((client) => client.until(/\d+$/)));
    await worker.send(drainMessage(10_000, 50));
    await left(worker);
  },
);

const CONNECTIONS = 10_000;

testOne("ten thousand connections", "", async ({ worker, port }) => {
  const clients: Client[] = [];
  for (let i = 0; i < CONNECTIONS; i += 100) {
    clients.push(
      ...await Promise.all(Array.from({ length: 100 }, () => kept(port))),
    );
  }
  await worker.send(drainMessage(60_000, 3000));
  await worker.until({ draining: true });
  // Every hundredth goes on.
  const going = clients.filter((_, i) => i % 100 === 0);
  await Promise.all(going.map(async (client) => {
    const old = client.text().length;
    client.send(GET);
    assert.equal(await client.ended, "end");
    assert.match(client.text().slice(old), /connection: close.*\d+$/is);
  }));
  await within(
    Promise.all(clients.map((client) => client.ended)),
    () => "the end of idle connections",
  );
  await left(worker);
}, { timeout: 120_000 });
