import assert from "node:assert/strict";
import http from "node:http";
import { test } from "../harness.ts";
import { deferred, startBridge } from "./bridge_server.ts";

const SIZE = 10 * 1024 * 1024;
const CHUNK = 64 * 1024;

test("10 MB go through both ways unchanged", async () => {
  const server = await startBridge((request) => new Response(request.body));
  try {
    const sum = await new Promise<{ bytes: number; wrong: number }>(
      (resolve, reject) => {
        let bytes = 0;
        let wrong = 0;
        const request = http.request(
          {
            port: server.port,
            host: "127.0.0.1",
            method: "POST",
            agent: false,
          },
          (response) => {
            response.on("data", (chunk: Uint8Array) => {
              for (const byte of chunk) if (byte !== bytes++ % 251) wrong++;
            });
            response.on("end", () => resolve({ bytes, wrong }));
            response.on("error", reject);
          },
        );
        request.on("error", reject);
        let sent = 0;
        const fill = (): void => {
          while (sent < SIZE) {
            const from = sent;
            sent += CHUNK;
            const chunk = Uint8Array.from(
              { length: CHUNK },
              (_, i) => (from + i) % 251,
            );
            if (!request.write(chunk)) return void request.once("drain", fill);
          }
          request.end();
        };
        fill();
      },
    );
    assert.deepEqual(sum, { bytes: SIZE, wrong: 0 });
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

test("a client that does not read holds the response's stream up", async () => {
  let pulled = 0;
  const idle = deferred();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const total = 64 * 1024 * 1024;
  const server = await startBridge(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          clearTimeout(timer);
          // The stream is held up when nobody has pulled for a while.
          timer = setTimeout(() => idle.resolve(), 500);
          pulled += CHUNK;
          controller.enqueue(new Uint8Array(CHUNK));
          if (pulled >= total) controller.close();
        },
      }),
    )
  );
  try {
    const client = http.get({
      port: server.port,
      host: "127.0.0.1",
      agent: false,
    });
    const response = await new Promise<http.IncomingMessage>((resolve) =>
      client.once("response", resolve)
    );
    await idle.promise;
    assert.ok(pulled < total / 2, `${pulled} bytes pulled with nobody reading`);
    let bytes = 0;
    for await (const chunk of response) bytes += chunk.length;
    assert.equal(bytes, total);
  } finally {
    clearTimeout(timer);
    await server[Symbol.asyncDispose]();
  }
});

test("a handler that does not read holds the client up", async () => {
  const read = deferred();
  const server = await startBridge(async (request) => {
    const reader = request.body!.getReader();
    await reader.read();
    await read.promise;
    let bytes = 1;
    for (
      let next = await reader.read();
      !next.done;
      next = await reader.read()
    ) {
      bytes += next.value.length;
    }
    return new Response(`done ${bytes > 1}`);
  });
  try {
    const total = 64 * 1024 * 1024;
    const client = http.request({
      port: server.port,
      host: "127.0.0.1",
      method: "POST",
      agent: false,
      headers: { "content-length": String(total) },
    });
    let sent = 0;
    const chunk = new Uint8Array(CHUNK);
    const answered = new Promise<string>((resolve, reject) => {
      client.on("error", reject);
      client.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => text += part);
        response.on("end", () => resolve(text));
      });
    });
    const stalled = deferred();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const send = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.resolve(), 500);
      while (sent < total) {
        sent += CHUNK;
        if (!client.write(chunk)) return void client.once("drain", send);
      }
      client.end();
    };
    send();
    await stalled.promise;
    assert.ok(sent < total / 2, `${sent} bytes sent with nobody reading`);
    read.resolve();
    assert.equal(await answered, "done true");
    clearTimeout(timer);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});
