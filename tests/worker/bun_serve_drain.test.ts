/**
 * `Bun.serve` on an inherited socket: how it ends.
 *
 * Runs once, under bun: its supervisor is a program of Node and its workers are
 * Bun's, whatever runs it.
 */
import assert from "node:assert/strict";
import http2 from "node:http2";
import { within } from "../within.ts";
import { type Client, connect, get } from "./client.ts";
import { drainMessage, type FakeWorker } from "./fake_supervisor.ts";
import { ask } from "./requests.ts";
import { portsOf } from "./sockets.ts";
import {
  addHeadTests,
  addWebSocketTests,
  asking,
  CLIENT_CLOSE,
  GET,
  GOING_AWAY,
  kept,
  left,
  testsOf,
  upgraded,
} from "./native_scene.ts";

const { testOne, withSupervisor } = testsOf("bun");

addHeadTests({ testOne, withSupervisor });
addWebSocketTests({ testOne, withSupervisor });

testOne("a drain closes no connection that is not idle", "", async (scene) => {
  const { worker, port } = scene;
  const idle = await kept(port);
  const fixed = await kept(port);
  const half = await connect(port);
  half.send("GET / HTTP/1.1\r\nHost:");
  const halfAgain = await kept(port);
  // After the kernel's clock has ticked, so that it is not taken for the end
  // of the request before.
  await new Promise((resolve) => setTimeout(resolve, 50));
  halfAgain.send("GET / HTTP/1.1\r\nHost:");
  const waiting = await asking(scene, "/wait");
  const streaming = await asking(scene, "/stream");
  await streaming.until(/one,/);
  await worker.send(drainMessage(20_000, 1000));
  await worker.until({ draining: true });
  const before = idle.text().length;
  idle.send(GET);
  assert.equal(await idle.ended, "end");
  assert.match(idle.text().slice(before), /connection: close.*\d+$/is);
  fixed.send("GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await fixed.until(/fixed$/), /connection: close/i);
  await worker.send({ go: true });
  assert.match(await waiting.until(/waited/), /connection: close/i);
  assert.match(await streaming.until(/two/), /one,.*two/s);
  // Longer than an idle connection would get.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  for (const client of [half, halfAgain]) {
    const old = client === half ? 0 : client.text().length;
    client.send(" x\r\n\r\n");
    assert.equal(await client.ended, "end");
    assert.match(client.text().slice(old), /connection: close.*\d+$/is);
  }
  await left(worker);
});

testOne("a drain closes what stays idle", "", async ({ worker, port }) => {
  const idle = await kept(port);
  await get(port);
  await worker.send(drainMessage(20_000, 100));
  assert.equal(await idle.ended, "end");
  await left(worker);
});

testOne("a drain closes what is idle beside what stays", "", async (scene) => {
  const idle = await kept(scene.port);
  const socket = await upgraded(scene);
  const waiting = await asking(scene, "/wait");
  await scene.worker.send(drainMessage(20_000, 100));
  assert.equal(await idle.ended, "end");
  await scene.worker.send({ go: true });
  assert.match(await waiting.until(/waited/), /connection: close/i);
  socket.send(CLIENT_CLOSE);
  await left(scene.worker);
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
  "a drain says 1001 to websockets, one after the other",
  "",
  async (scene) => {
    const { worker } = scene;
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => upgraded(scene)),
    );
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

testOne("stop() of the program cuts nothing", "", async (scene) => {
  const { worker, port } = scene;
  const waiting = await asking(scene, "/wait");
  const idle = await kept(port);
  await worker.send({ stop: true });
  // Handled after the message before it.
  await worker.send({ go: true });
  assert.match(await waiting.until(/waited/), /connection: close/i);
  await worker.until({ stopped: true });
  assert.equal(await idle.ended, "end");
  assert.deepEqual(portsOf(worker.pid), [port], "the pool's socket stays");
  await worker.send(drainMessage(10_000, 100));
  await left(worker);
});

testOne("stop(true) of the program ends all at once", "", async (scene) => {
  const waiting = await asking(scene, "/wait");
  await scene.worker.send({ kill: true });
  await waiting.ended;
  assert.equal(waiting.text(), "");
  await scene.worker.send(drainMessage(10_000, 100));
  await left(scene.worker);
});

withSupervisor(
  "a connection that has sent nothing yet is the next worker's",
  async (supervisor) => {
    const { index, port } = await supervisor.bind();
    const spawn = async (): Promise<FakeWorker> => {
      const worker = await supervisor.spawn({
        runtime: "bun",
        program: ["bun_serve_program.ts"],
        listeners: [{ name: "web", port, sockets: [index] }],
      });
      await worker.until({ type: "ready" });
      return worker;
    };
    const first = await spawn();
    const fresh = await connect(port);
    await get(port);
    await first.send(drainMessage(10_000, 50));
    await left(first);
    const second = await spawn();
    fresh.send(GET);
    assert.match(await fresh.until(/\d+$/), new RegExp(`${second.pid}$`));
    fresh.close();
  },
);

testOne(
  "HTTP/2: a drain sends GOAWAY and lets the streams finish",
  "http2",
  async (scene) => {
    const { worker, port } = scene;
    assert.match(await ask("http2", port), new RegExp(`${worker.pid}`));
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      rejectUnauthorized: false,
      servername: "localhost",
    });
    const goaway = new Promise<void>((resolve) =>
      session.once("goaway", () => resolve())
    );
    const waiting = session.request({ ":path": "/wait" });
    let text = "";
    waiting.setEncoding("utf8").on("data", (chunk) => text += chunk);
    const ended = new Promise<void>((resolve, reject) => {
      waiting.once("end", resolve).once("error", reject);
    });
    waiting.end();
    await worker.until({ request: "/wait" });
    await worker.send(drainMessage(4000, 50));
    await goaway;
    await worker.send({ go: true });
    await ended;
    assert.equal(text, `waited ${worker.pid}`);
    await left(worker);
    session.destroy();
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
