import assert from "node:assert/strict";
import { Pool, type PoolEvent } from "../../mod.ts";
import { LOCAL, prefork } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { RUNTIMES } from "../runtimes.ts";
import { programs } from "./programs.ts";

const files = programs();

/**
 * Looks at the module in every way, listens past the pool too, and does what it
 * is told by messages.
 */
const forks = files.write(
  "forks.mjs",
  `
import cluster, { isMaster, isPrimary, isWorker, worker } from "node:cluster";
import dgram from "node:dgram";
import { once } from "node:events";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import process from "node:process";

async function listenElsewhere() {
  const own = net.createServer().listen(0, "localhost");
  await once(own, "listening");
  if (!globalThis.Deno) {
    const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    socket.close();
  }
  return own.address().port > 0;
}

if (cluster.isPrimary) {
  cluster.setupPrimary({ exec: process.argv[1] });
  for (let i = 0; i < 2; i++) cluster.fork();
} else {
  cluster.setupPrimary({ exec: process.argv[1] });
  const required = createRequire(import.meta.url)("cluster");
  const sees = {
    names: [isMaster, isPrimary, isWorker, worker === cluster.worker],
    copies: [required.isMaster, required.isPrimary, required.isWorker],
    worker: [
      worker instanceof cluster.Worker, worker.isConnected(), worker.isDead(),
      worker.process === process, worker.exitedAfterDisconnect,
    ],
  };
  let elsewhere;
  http.createServer(async (_, response) => {
    const { id } = worker;
    response.end(JSON.stringify({ id, ...sees, elsewhere: await elsewhere }));
  }).listen(3000, () => elsewhere = listenElsewhere());
  worker.on("message", (message) => {
    if (message === "leave") cluster.worker.disconnect();
    else worker.send({ to: worker.id, message });
  });
  // Of the process too: the pool's own ones are none of the program's.
  const heard = [];
  process.on("message", (message) => heard.push(message));
  worker.on("disconnect", () => {
    console.log("disconnected", worker.exitedAfterDisconnect, String(heard));
  });
}
`,
);

describe("a program with a cluster of its own", () => {
  test("does at once what its workers do, on each runtime", async () => {
    const pool = new Pool({
      program: forks,
      runtime: Object.fromEntries(RUNTIMES.map((each) => [each, 1])),
      workers: RUNTIMES.length,
      listen: "127.0.0.1:0",
      privatePorts: true,
      output: "lines",
      soak: 0,
    });
    const events = pool.events();
    const until = async (
      condition: (event: PoolEvent) => boolean,
    ): Promise<PoolEvent> => {
      for (;;) {
        const { value, done } = await events.next();
        assert.ok(!done);
        if (condition(value)) return value;
      }
    };
    try {
      await pool.start();
      const { address } = pool.status().listeners[0]!;
      const bodies = [...await distinct(address, RUNTIMES.length)];
      const all = bodies.map((body) => JSON.parse(body));
      assert.deepEqual(all.map(({ id }) => id).sort(), [1, 2, 3]);
      for (const { names, copies, worker, elsewhere } of all) {
        assert.equal(elsewhere, true);
        assert.deepEqual(names, [false, false, true, true]);
        assert.deepEqual(copies, [false, false, true]);
        assert.deepEqual(worker, [true, true, false, true, null]);
      }

      for (const slot of RUNTIMES.keys()) {
        assert.equal(pool.send("hello", slot), 1);
        const said = await until(({ type }) => type === "worker-message");
        assert.ok(said.type === "worker-message");
        assert.deepEqual(said.message, { to: slot + 1, message: "hello" });

        pool.send("leave", slot);
        const line = await until(({ type }) => type === "worker-output");
        assert.ok(line.type === "worker-output");
        assert.equal(line.line, "disconnected true hello,leave");
        const exit = await until(({ type }) => type === "worker-exited");
        assert.ok(exit.type === "worker-exited");
        assert.deepEqual([exit.slot, exit.code], [slot, 0]);
      }
    } finally {
      await pool.stop();
    }
  });

  test("is told to say how many there are, where it asks nobody", async () => {
    const path = files.write(
      "primary.mjs",
      `import cluster from "node:cluster"; cluster.fork();`,
    );
    await using command = prefork(["-w", "1", ...LOCAL, path]);
    await command.line(
      /Cannot fork a worker of the program's own cluster: .*"prefork -w N"/,
    );
    assert.equal((await command.ended).code, 3);
  });
});
