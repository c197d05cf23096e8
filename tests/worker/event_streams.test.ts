import assert from "node:assert/strict";
import { patience } from "../pace.ts";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import http2 from "node:http2";
import { text as textOf } from "node:stream/consumers";
import { constants, createGunzip } from "node:zlib";
import type { Runtime } from "../runtimes.ts";
import { testWorker } from "./test_worker.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type FakeWorker,
} from "./fake_supervisor.ts";

async function start(
  runtime: Runtime,
  supervisor: FakeSupervisor,
  ...kind: readonly string[]
): Promise<{ worker: FakeWorker; port: number }> {
  const { index, port } = await supervisor.bind();
  const worker = await supervisor.spawn({
    runtime,
    program: ["stay_program.ts", ...kind],
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

/** That a stream has every event from the first on, and each is whole. */
function assertWhole(text: string): void {
  const events = text.split("\n\n");
  assert.equal(events.pop(), "", `ends within an event: ${text.slice(-60)}`);
  assert.ok(events.length > 3, text);
  events.forEach((event, index) =>
    assert.equal(event, `id: ${index}\ndata: of ${index}`)
  );
}

/** Eight streams, read to their ends: what they said and when they ended. */
function eight(
  read: (path: string) => Promise<string>,
): Promise<{ text: string; at: number }[]> {
  return Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const text = await read(`/${index}`);
      return { text, at: performance.now() };
    }),
  );
}

async function drainAll(
  worker: FakeWorker,
  all: Promise<{ text: string; at: number }[]>,
): Promise<void> {
  for (let index = 0; index < 8; index++) {
    await worker.until({ began: `/${index}` });
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  await worker.send(drainMessage(20_000, 50));
  const ends = await all;
  for (const { text } of ends) assertWhole(text);
  const times = ends.map(({ at }) => at).sort((a, b) => a - b);
  const took = times.at(-1)! - times[0]!;
  assert.ok(took > 300 && took < patience(10_000), `${took} ms`);
  await leftWith(worker, 0);
  // The program heard of it: it can stop what feeds the stream.
  for (let index = 0; index < 8; index++) {
    await worker.until({ gone: `/${index}` });
  }
}

async function drainHttp(
  worker: FakeWorker,
  port: number,
): Promise<void> {
  await drainAll(
    worker,
    eight(async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return await response.text();
    }),
  );
}

for (const kind of ["sse", "serve"]) {
  const by = kind === "sse" ? "node:http" : "a fetch handler";
  testWorker(
    `event streams end with a whole event, one after the other, by ${by}`,
    async (runtime, supervisor) => {
      const { worker, port } = await start(runtime, supervisor, kind);
      await drainHttp(worker, port);
    },
  );
  // RFC 9110 §8.3.1: a media type is the same in any case of its letters.
  testWorker(
    `event streams are known by their type in any case, by ${by}`,
    async (runtime, supervisor) => {
      const type = "Text/Event-Stream; Charset=UTF-8";
      const { worker, port } = await start(runtime, supervisor, kind, type);
      await drainHttp(worker, port);
    },
  );
}

for (const whose of ["same", "clone", "clone of a clone", "copy"]) {
  testWorker(
    `the signal of a request aborts when its event stream is ended: ${whose}`,
    async (runtime, supervisor) => {
      const type = "text/event-stream";
      const { worker, port } = await start(
        runtime,
        supervisor,
        ...["signal", type, whose],
      );
      await drainHttp(worker, port);
      // Before: who writes into a stream that was cancelled fails.
      for (let index = 0; index < 8; index++) {
        await worker.until({ cancelled: `/${index}`, aborted: true });
      }
    },
  );
}

testWorker(
  "event streams that are compressed end with a flush, one after the other",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "gzip");
    await drainAll(
      worker,
      eight(async (path) => {
        // Not by fetch(), which takes the end of a stream without the last words
        // of gzip for an error.
        const response = await new Promise<IncomingMessage>((resolve) =>
          get(`http://127.0.0.1:${port}${path}`, { agent: false }, resolve)
        );
        const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
        return await textOf(response.pipe(gunzip));
      }),
    );
  },
);

// As @hono/node-server, srvx and next do, and node:stream's pipeline().
testWorker(
  "who feeds an event stream that is ended learns of it as of a client that went away",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "pipeline");
    await drainHttp(worker, port);
    for (let index = 0; index < 8; index++) {
      await worker.until({
        closed: `/${index}`,
        writableEnded: false,
        writableFinished: false,
      });
      await worker.until({
        failed: `/${index}`,
        code: "ERR_STREAM_PREMATURE_CLOSE",
      });
    }
  },
);

testWorker(
  "event streams of HTTP/2 end with a whole event, one after the other",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "h2");
    const session = http2.connect(`http://127.0.0.1:${port}`);
    try {
      await once(session, "connect");
      await drainAll(
        worker,
        eight(async (path) => {
          const stream = session.request({ ":path": path });
          stream.setEncoding("utf8");
          let text = "";
          stream.on("data", (piece) => text += piece);
          await once(stream, "end");
          assert.equal(stream.rstCode, 0);
          return text;
        }),
      );
    } finally {
      session.destroy();
    }
  },
);

testWorker(
  "an event stream that has nothing to say ends, too",
  async (runtime, supervisor) => {
    const { worker, port } = await start(runtime, supervisor, "sse");
    const response = await fetch(`http://127.0.0.1:${port}/quiet`);
    await worker.until({ began: "/quiet" });
    await worker.send(drainMessage(20_000, 50));
    assert.equal(await response.text(), "data: one\n\n");
    await leftWith(worker, 0);
  },
);
