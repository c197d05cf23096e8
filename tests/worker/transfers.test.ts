import assert from "node:assert/strict";
import { connect } from "./client.ts";
import { testWorker } from "./test_worker.ts";
import { drainMessage } from "./fake_supervisor.ts";

const MIB = 1 << 20;

testWorker(
  "a long upload and a long download go on through the drain to their ends",
  async (runtime, supervisor) => {
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime,
      program: ["stay_program.ts", "transfer"],
      listeners: [{ name: "web", port, sockets: [index] }],
    });
    await worker.until({ type: "ready" });
    const down = await fetch(`http://127.0.0.1:${port}/down`);
    assert.equal(down.headers.get("content-length"), String(64 * MIB));
    const up = await connect(port);
    up.send(
      `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: ${16 * MIB}\r\n\r\n`,
    );
    const part = new Uint8Array(MIB);
    up.send(part);
    await worker.until({ asked: "/up" });
    await worker.send(drainMessage(20_000, 50));
    await worker.until({ draining: true });
    for (let sent = 1; sent < 16; sent++) {
      // Longer than the grace for idle connections in all.
      await new Promise((resolve) => setTimeout(resolve, 20));
      up.send(part);
    }
    let bytes = 0;
    for await (const chunk of down.body!) bytes += chunk.length;
    assert.equal(bytes, 64 * MIB);
    await up.ended;
    assert.match(up.text(), /connection: close[^]*took 16777216$/i);
    const status = await worker.exited;
    assert.equal(status.code, 0, worker.output());
  },
);

testWorker(
  "an upload that takes longer than the drain is cut at its deadline",
  async (runtime, supervisor) => {
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime,
      program: ["stay_program.ts", "transfer"],
      listeners: [{ name: "web", port, sockets: [index] }],
    });
    await worker.until({ type: "ready" });
    const up = await connect(port);
    up.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab");
    await worker.until({ asked: "/up" });
    await worker.send(drainMessage(400, 50));
    await up.ended;
    assert.equal(up.text(), "");
    assert.equal((await worker.exited).code, 1);
  },
);
