/**
 * `Bun.serve` on an inherited socket: what its users use of it.
 *
 * Runs once, under bun: its supervisor is a program of Node and its workers are
 * Bun's, whatever runs it.
 */
import assert from "node:assert/strict";
import { within } from "../within.ts";
import { connect, get } from "./client.ts";
import { drainMessage } from "./fake_supervisor.ts";
import { ask } from "./requests.ts";
import { portsOf } from "./sockets.ts";
import {
  asking,
  bodyOf,
  CLIENT_CLOSE,
  GET,
  HI,
  kept,
  left,
  testsOf,
  upgraded,
} from "./native_scene.ts";

const { testOne, withSupervisor } = testsOf("bun");

testOne("the program sees the pool's address", "", async ({ worker, port }) => {
  // Its temporary socket is gone.
  assert.deepEqual(portsOf(worker.pid), [port]);
  assert.deepEqual(JSON.parse(bodyOf(await get(port, "/where"))), [
    port,
    "127.0.0.1",
    `http://127.0.0.1:${port}/`,
    { address: "127.0.0.1", family: "IPv4", port },
  ]);
});

testOne(
  "routes, methods, errors and the client's address",
  "",
  async ({ port }) => {
    assert.equal(bodyOf(await get(port, "/fixed")), "fixed");
    assert.equal(bodyOf(await get(port, "/item/7")), "item 7");
    assert.equal(bodyOf(await get(port, "/methods")), "got");
    assert.match(
      await get(port, "/throws"),
      /^HTTP\/1.1 500 .*caught on purpose$/s,
    );
    assert.equal(bodyOf(await get(port, "/ip")), '["127.0.0.1",true,true]');
    const upload = await connect(port);
    upload.send(
      "POST /methods HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc",
    );
    upload.send("def");
    assert.equal(bodyOf(await upload.until(/posted/)), "posted 6");
    upload.close();
  },
);

testOne("websockets: messages, topics and counts", "", async (scene) => {
  const { worker, port } = scene;
  const [first, second] = [await upgraded(scene), await upgraded(scene)];
  first!.send(HI);
  await first!.until(new RegExp(`${worker.pid} hi`));
  assert.equal(bodyOf(await get(port, "/count")), "[1,2,2]");
  await get(port, "/publish");
  await Promise.all([first!.until(/hot/), second!.until(/hot/)]);
  first!.send(CLIENT_CLOSE);
  await worker.until({ closed: 1001 });
  second!.close();
});

testOne(
  "reload replaces the handlers and keeps the drain",
  "",
  async (scene) => {
    const { worker, port } = scene;
    const client = await kept(port);
    const waiting = await asking(scene, "/wait");
    assert.equal(bodyOf(await get(port, "/reload")), "reloading");
    assert.equal(bodyOf(await get(port, "/other")), "reloaded");
    await worker.send(drainMessage(20_000, 2000));
    await worker.until({ draining: true });
    client.send(GET);
    assert.match(await client.until(/reloaded/), /connection: close/i);
    await worker.send({ go: true });
    assert.match(await waiting.until(/waited/), /connection: close/i);
    await left(worker);
  },
);

testOne("idleTimeout", "idle", async ({ worker, port }) => {
  const client = await kept(port);
  // Bun counts in steps of four seconds.
  await within(client.ended, () => "the end of an idle connection");
  await worker.send(drainMessage(10_000, 100));
  await left(worker);
});

testOne("TLS", "tls", async ({ worker, port }) => {
  assert.match(await ask("https", port), new RegExp(`${worker.pid}`));
  await worker.send(drainMessage(10_000, 100));
  await left(worker);
});

withSupervisor(
  "sharded: a shard is adopted, released and adopted again",
  async (supervisor) => {
    const own = await supervisor.bind(true);
    const other = await supervisor.bind(true);
    const worker = await supervisor.spawn({
      runtime: "bun",
      program: ["bun_serve_program.ts"],
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
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => get(own.port, "/ip")),
    );
    for (const each of answers) {
      assert.equal(
        bodyOf(each),
        '["127.0.0.1",true,true]',
      );
    }
    const scene = { worker, port: own.port };
    const sockets = await Promise.all(
      Array.from({ length: 24 }, () => upgraded(scene)),
    );
    assert.equal(bodyOf(await get(own.port, "/count")), "[1,24,24]");
    await get(own.port, "/publish");
    await Promise.all(sockets.map((client) => client.until(/hot/)));
    await worker.send({ ...adopt, type: "release" });
    const waiting = await Promise.all(
      Array.from({ length: 16 }, () => connect(own.port)),
    );
    for (const client of waiting) client.send(GET);
    await worker.until({ request: "/" });
    await worker.send(adopt);
    // Those on the other shard have waited in its queue.
    await Promise.all(waiting.map((client) => client.until(/\d+$/)));
    for (const client of [...sockets, ...waiting]) client.close();
    await worker.send(drainMessage(10_000, 50));
    await left(worker);
  },
);

for (const what of ["http", "serve"]) {
  withSupervisor(
    `a graft that fails is the next best thing: ${what}`,
    async (supervisor) => {
      const { index, port } = await supervisor.bind();
      const worker = await supervisor.spawn({
        runtime: "bun",
        program: ["bun_surprise_program.ts", what],
        listeners: [{ name: "web", port, sockets: [index] }],
      });
      await worker.until({ type: "ready" });
      assert.match(await get(port), new RegExp(`pid ${worker.pid}`));
      await worker.wrote(/0 sockets of this process listen/);
      // One for each server that was tried, and nobody can reach it any more.
      const tried = worker.messages.filter((each) => "temporary" in each);
      assert.ok(tried.length > 0);
      assert.deepEqual(portsOf(worker.pid), [port]);
      for (const { temporary } of tried) {
        await assert.rejects(connect(Number(temporary)), /ECONNREFUSED/);
      }
      await worker.send(drainMessage(10_000, 50));
      await left(worker);
    },
  );
}
