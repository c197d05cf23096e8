import assert from "node:assert/strict";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { putOffTeardown } from "../../worker/drain/http2.ts";
import { test } from "../harness.ts";
import { within } from "../within.ts";
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

/** Enough for four clients to have some of them end at the same time. */
const SESSIONS = 40;

for (const kind of ["http2", "h2c"] as const) {
  testWorker(
    `${kind}: sessions come and go, and then a drain ends the worker`,
    async (runtime, supervisor) => {
      const { index, port } = await supervisor.bind();
      const worker = await supervisor.spawn({
        runtime,
        program: ["worker_program.ts", kind],
        listeners: [{ name: "web", port, sockets: [index] }],
      });
      await worker.until({ type: "ready" });
      const ended = worker.exited.then((status): never => {
        throw new Error(`${JSON.stringify(status)}: ${worker.output()}`);
      });
      ended.catch(() => {});
      let left = SESSIONS;
      const client = async (): Promise<void> => {
        while (left-- > 0) {
          const text = await Promise.race([ask(kind, port), ended]);
          assert.ok(isAnswerOf(kind, text, worker.pid), text);
        }
      };
      await Promise.all([client(), client(), client(), client()]);
      await worker.send(drainMessage(20_000, 50));
      assert.equal((await worker.exited).code, 0, worker.output());
    },
  );
}

/** Serves one session, of which a test gets the server's end. */
async function oneSession(
  run: (session: http2.ServerHttp2Session) => Promise<void>,
): Promise<void> {
  const server = http2.createServer((_request, response) => response.end("hi"));
  const session = new Promise<http2.ServerHttp2Session>((resolve) =>
    server.once("session", resolve)
  );
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = server.address() as AddressInfo;
  const client = http2.connect(`http://127.0.0.1:${port}`);
  const request = client.request({ ":path": "/" });
  request.resume().end();
  const answered = new Promise((resolve) => request.once("close", resolve));
  const ended = run(await session);
  await answered;
  client.close();
  await ended;
  await new Promise((resolve) => server.close(resolve));
}

test("the teardown of a session that its client ends is put off by a turn", () =>
  within(
    oneSession(async (session) => {
      putOffTeardown(session);
      let turned = false;
      session.prependListener("goaway", () => {
        setImmediate(() => turned = true);
      });
      const closed = new Promise<boolean>((resolve) =>
        session.once("close", () => resolve(turned))
      );
      const destroyed = await new Promise<boolean>((resolve) =>
        session.once("goaway", () => {
          session.destroy();
          resolve(session.destroyed);
        })
      );
      assert.equal(destroyed, false, "destroyed at once");
      assert.equal(await closed, true, "closed within the same turn");
      assert.equal(session.destroyed, true);
    }),
    () => "the session to close",
  ));

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
