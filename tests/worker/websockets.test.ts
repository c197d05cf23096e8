import assert from "node:assert/strict";
import { patience } from "../pace.ts";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { WebSocket } from "ws";
import type { Runtime } from "../runtimes.ts";
import { connect, upgrade } from "./client.ts";
import { testWorker } from "./test_worker.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type FakeWorker,
} from "./fake_supervisor.ts";

/** A Close frame of a server with the status 1001, as Latin-1. */
const GOING_AWAY = "\x88\x02\x03\xe9";

/** It follows upon the handshake and nothing follows it. */
const FIRST_AND_LAST: RegExp = new RegExp(
  `101 Switching [^]*\r\n\r\n${GOING_AWAY}$`,
);

async function start(
  runtime: Runtime,
  supervisor: FakeSupervisor,
  kind = "ws",
): Promise<{ worker: FakeWorker; port: number }> {
  const { index, port } = await supervisor.bind();
  const worker = await supervisor.spawn({
    runtime,
    program: ["stay_program.ts", kind],
    listeners: [{ name: "web", port, sockets: [index] }],
  });
  await worker.until({ type: "ready" });
  return { worker, port };
}

async function leftWith(worker: FakeWorker, code: number): Promise<void> {
  const status = await worker.exited;
  assert.deepEqual(
    { code: status.code, signal: status.signal },
    { code, signal: null },
    worker.output(),
  );
}

testWorker(
  "every WebSocket client hears 1001, one after the other",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor);
    const clients = Array.from(
      { length: 50 },
      () => new WebSocket(`ws://127.0.0.1:${port}/`),
    );
    for (const client of clients) client.on("error", assert.ifError);
    await Promise.all(clients.map((client) => once(client, "open")));
    await worker.until({ open: 50 });
    const answered = once(clients[0]!, "message");
    clients[0]!.send("x");
    const [answer] = await answered;
    assert.equal(String(answer), "echo x");
    const closed = clients.map(async (client) => {
      const [code] = await once(client, "close");
      return { code, at: performance.now() };
    });
    await worker.send(drainMessage(4000));
    const ends = await Promise.all(closed);
    assert.deepEqual(new Set(ends.map(({ code }) => code)), new Set([1001]));
    const times = ends.map(({ at }) => at).sort((a, b) => a - b);
    const took = times.at(-1)! - times[0]!;
    // 64 ms apart.
    assert.ok(took > 1500 && took < patience(4000), `${took} ms`);
    const together = times.filter((at, index) =>
      index > 0 && at - times[index - 1]! < 1
    );
    assert.ok(together.length < 25, `${together.length} in one moment`);
    await leftWith(worker, 0);
    // The library of the server saw clients that answered the Close.
    const codes = worker.messages.filter((each) => "closed" in each);
    assert.equal(codes.length, 50);
    assert.deepEqual(
      new Set(codes.map(({ closed }) => closed)),
      new Set([1001]),
    );
  },
);

testWorker(
  "a client that never answers the Close does not hold the drain",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor);
    const client = await upgrade(port);
    await client.until(/101 [^]*\r\n\r\n/);
    await worker.until({ open: 1 });
    const begun = performance.now();
    await worker.send(drainMessage(3000));
    await client.until(FIRST_AND_LAST);
    // What the program answers to it may not follow a Close. Bun's own
    // WebSockets write past the socket; a client ignores that (RFC 6455 §1.4).
    client.send(Buffer.from("\x81\x81\0\0\0\0x", "latin1"));
    assert.match(await client.ended, /end|closed/);
    if (runtime !== "bun") assert.match(client.text(), FIRST_AND_LAST);
    await leftWith(worker, 0);
    const took = performance.now() - begun;
    assert.ok(took >= 440 && took < patience(3000), `${took} ms`);
  },
);

testWorker(
  "a handshake that is not over is answered before the Close",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor);
    const client = await upgrade(port, "/late");
    await worker.until({ asked: "/late" });
    await worker.send(drainMessage(10_000));
    await worker.until({ draining: true });
    // The first would be told by now.
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(client.text(), "");
    await worker.send({ go: true });
    await client.ended;
    assert.match(client.text(), FIRST_AND_LAST);
    await leftWith(worker, 0);
  },
);

testWorker(
  "one that is opened during the drain is served and told, too",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor);
    const first = await upgrade(port);
    await first.until(/101 /);
    const late = await connect(port);
    late.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await late.until(/plain/);
    await worker.send(drainMessage(10_000, 2000));
    await worker.until({ draining: true });
    late.send(
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
    await late.ended;
    assert.match(late.text(), FIRST_AND_LAST);
    await leftWith(worker, 0);
  },
);

for (const kind of ["wss", "both"]) {
  testWorker(
    `a WebSocket over TLS hears 1001, by ${
      kind === "wss" ? "node:https" : "node:http2 with allowHTTP1"
    }`,
    async (runtime, supervisor) => {
      const { worker, port } = await start(runtime, supervisor, kind);
      const client = new WebSocket(`wss://127.0.0.1:${port}/`, {
        rejectUnauthorized: false,
      });
      client.on("error", assert.ifError);
      await once(client, "open");
      await worker.until({ open: 1 });
      await worker.send(drainMessage(10_000));
      assert.equal((await once(client, "close"))[0], 1001);
      await leftWith(worker, 0);
    },
  );
}
