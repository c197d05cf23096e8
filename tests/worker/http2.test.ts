import assert from "node:assert/strict";
import http2 from "node:http2";
import tls from "node:tls";
import { testWorker } from "./test_worker.ts";
import { drainMessage } from "./fake_supervisor.ts";
import { ask, isAnswerOf } from "./requests.ts";

for (const kind of ["http2", "h2c"]) {
  testWorker(
    `${kind}: a drain sends GOAWAY and lets the stream finish`,
    async (runtime, supervisor) => {
      const { index, port } = await supervisor.bind();
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        listeners: [{ name: "web", port, sockets: [index] }],
      });
      await worker.until({ type: "ready" });
      const origin = `${kind === "h2c" ? "http" : "https"}://127.0.0.1:${port}`;
      const session = http2.connect(origin, { rejectUnauthorized: false });
      const goaway = new Promise<number>((resolve, reject) => {
        session.on("goaway", (code) => resolve(code));
        session.on("error", reject);
      });
      const closed = new Promise<void>((resolve) =>
        session.on("close", resolve)
      );
      const stream = session.request({ ":path": "/wait" });
      let text = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => text += chunk);
      const ended = new Promise<void>((resolve, reject) => {
        stream.on("end", resolve);
        stream.on("error", reject);
      });
      stream.end();
      await worker.until({ request: "/wait" });
      await worker.send(drainMessage(20_000, 50));
      assert.equal(await goaway, 0);
      await worker.send({ go: true });
      await ended;
      assert.match(text, new RegExp(`pid ${worker.pid} bytes 0`));
      await closed;
      assert.equal((await worker.exited).code, 0, worker.output());
    },
  );
}

/** Deno 2.9.5 used to abort after some 400 of them, in more than half of runs. */
const SESSIONS = 1000;

for (const kind of ["http2", "h2c"] as const) {
  testWorker(
    `${kind}: a worker survives ${SESSIONS} sessions that end with GOAWAY`,
    async (runtime, supervisor) => {
      const { index, port } = await supervisor.bind();
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        listeners: [{ name: "web", port, sockets: [index] }],
      });
      await worker.until({ type: "ready" });
      const crashed = worker.exited.then((status): never => {
        throw new Error(`${JSON.stringify(status)}: ${worker.output()}`);
      });
      crashed.catch(() => {});
      let left = SESSIONS;
      const client = async (): Promise<void> => {
        while (left-- > 0) {
          const text = await Promise.race([ask(kind, port), crashed]);
          assert.ok(isAnswerOf(kind, text, worker.pid), text);
        }
      };
      await Promise.all([client(), client(), client(), client()]);
      await worker.send(drainMessage(20_000, 50));
      assert.equal((await worker.exited).code, 0, worker.output());
    },
  );
}

testWorker(
  "https: a keep-alive connection is drained like one of http",
  async (runtime, supervisor) => {
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime,
      program: ["worker_program.ts", "https"],
      listeners: [{ name: "web", port, sockets: [index] }],
    });
    await worker.until({ type: "ready" });
    const socket = tls.connect({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    let text = "";
    let look = (): void => {};
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
      look();
    });
    const ended = new Promise<void>((resolve) => socket.on("close", resolve));
    const until = (pattern: RegExp): Promise<void> =>
      new Promise((resolve) => {
        look = () => pattern.test(text) && resolve();
        look();
      });
    socket.write("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(/pid \d+ bytes 0/);
    await worker.send(drainMessage(20_000, 5000));
    await worker.until({ draining: true });
    text = "";
    socket.write("GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
    await ended;
    assert.match(text, /connection: close[^]*pid \d+ bytes 0$/i);
    assert.equal((await worker.exited).code, 0, worker.output());
  },
);
