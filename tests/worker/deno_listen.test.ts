/**
 * `Deno.listen` and `Deno.listenTls` on an inherited socket.
 *
 * Runs once, under deno: its supervisor is a program of Node and its workers
 * are Deno's, whatever runs it.
 */
import assert from "node:assert/strict";
import process from "node:process";
import tls from "node:tls";
import { test } from "../harness.ts";
import { connect } from "./client.ts";
import {
  drainMessage,
  type FakeWorker,
  startSupervisor,
} from "./fake_supervisor.ts";
import { portsOf } from "./sockets.ts";

interface Scene {
  readonly worker: FakeWorker;
  readonly port: number;
}

function testOne(
  name: string,
  what: string,
  run: (scene: Scene) => Promise<void>,
): void {
  const skip = process.platform !== "linux" && "grafting needs Linux";
  test(name, { skip }, async () => {
    await using supervisor = startSupervisor();
    const own = await supervisor.bind(true);
    const other = await supervisor.bind(true);
    const worker = await supervisor.spawn({
      runtime: "deno",
      program: ["deno_listen_program.ts", what],
      listeners: [{
        name: "web",
        port: own.port,
        mode: "sharded",
        sockets: [own.index, other.index],
      }],
    });
    await worker.until({ type: "ready" });
    await run({ worker, port: own.port });
  });
}

async function echoes(port: number, text: string): Promise<void> {
  const client = await connect(port);
  client.send(text);
  assert.equal(await client.until(new RegExp(`${text}$`)), text);
  client.close();
}

for (const [what, ended] of [["loop", "BadResource"], ["", "iterator"]]) {
  testOne(
    `a drain keeps connections and ends the ${what || "iterator"}`,
    what!,
    async ({ worker, port }) => {
      const at = { transport: "tcp", hostname: "127.0.0.1", port };
      await worker.until({ addr: true, ...at });
      assert.deepEqual(portsOf(worker.pid), [port]);
      const client = await connect(port);
      client.send("one,");
      await client.until(/one,$/);
      await worker.until({ connection: true, ...at });
      await worker.send(drainMessage(20_000, 50));
      await worker.until({ ended });
      client.send("two");
      assert.equal(await client.until(/two$/), "one,two");
      client.close();
      assert.equal((await worker.exited).code, 0, worker.output());
    },
  );
}

testOne(
  "an adopted shard wakes the pending accept()",
  "loop",
  async (scene) => {
    const { worker, port } = scene;
    const adopt = { prefork: 1, type: "adopt", listener: "web", shard: 1 };
    await worker.send(adopt);
    await worker.until({ type: "adopted", shard: 1 });
    // Enough that the kernel's hash hits both shards.
    await Promise.all(
      Array.from({ length: 24 }, (_, i) => echoes(port, `echo ${i}.`)),
    );
    await worker.send({ ...adopt, type: "release" });
    const clients = await Promise.all(
      Array.from({ length: 24 }, () => connect(port)),
    );
    for (const client of clients) client.send("late");
    await worker.send(adopt);
    await Promise.all(clients.map((client) => client.until(/late/)));
    for (const client of clients) client.close();
    await worker.send(drainMessage(20_000, 50));
    assert.equal((await worker.exited).code, 0, worker.output());
  },
);

testOne(
  "close() of the program ends accepting alone",
  "loop",
  async (scene) => {
    const { worker, port } = scene;
    const client = await connect(port);
    client.send("one,");
    await client.until(/one,$/);
    await worker.send({ close: true });
    await worker.until({ ended: "BadResource" });
    client.send("two");
    assert.equal(await client.until(/two$/), "one,two");
    // The socket is the pool's.
    assert.deepEqual(portsOf(worker.pid), [port]);
    client.close();
    await worker.send(drainMessage(20_000, 50));
    assert.equal((await worker.exited).code, 0, worker.output());
  },
);

testOne("listenTls", "tls", async ({ worker, port }) => {
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    rejectUnauthorized: false,
  });
  const text = await new Promise<string>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (chunk: Uint8Array) => {
      resolve(new TextDecoder().decode(chunk));
    });
    socket.write("secret");
  });
  assert.equal(text, "secret");
  socket.destroy();
  await worker.send(drainMessage(20_000, 50));
  assert.equal((await worker.exited).code, 0, worker.output());
});
