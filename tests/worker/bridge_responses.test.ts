import assert from "node:assert/strict";
import type { FetchHandler } from "../../worker/fetch/handler.ts";
import { describe, test } from "../harness.ts";
import { deferred, get, raw, startBridge } from "./bridge_server.ts";
import { connect } from "./client.ts";

describe("responses", () => {
  test("status text, several cookies, a length for a known body", async () => {
    const headers = new Headers({ "x-a": "1" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const answer = await raw(
      () => new Response("hällo", { status: 201, statusText: "Made", headers }),
      get("/"),
    );
    assert.match(answer, /^HTTP\/1\.1 201 Made\r\n/);
    assert.match(answer, /set-cookie: a=1\r\nset-cookie: b=2\r\n/i);
    assert.match(answer, /content-length: 6\r\n/i);
    assert.doesNotMatch(answer, /chunked/i);
    assert.ok(answer.endsWith("h\u00c3\u00a4llo"));
  });

  test("bytes beyond ASCII and beyond one write", async () => {
    for (const size of [255, 4097, 100_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i % 256);
      const server = await startBridge(() => new Response(bytes));
      try {
        const response = await fetch(server.url);
        assert.deepEqual(new Uint8Array(await response.arrayBuffer()), bytes);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    }
  });

  test("no body: null, empty, 204, 304 and HEAD", async () => {
    const empty = await raw(() => new Response(null), get("/"));
    assert.match(empty, /content-length: 0\r\n/i);
    const text = await raw(() => new Response(""), get("/"));
    assert.match(text, /content-length: 0\r\n/i);
    for (const status of [204, 304]) {
      const answer = await raw(() => new Response(null, { status }), get("/"));
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n$`));
      assert.doesNotMatch(answer, /content-length|chunked/i);
    }
    const head = await raw(
      () => new Response("hello", { headers: { "content-length": "5" } }),
      get("/").replace("GET", "HEAD"),
    );
    assert.match(head, /content-length: 5\r\n[^]*\r\n\r\n$/i);
    const other = await raw(
      () => new Response("hello"),
      get("/").replace("GET", "HEAD"),
    );
    assert.match(other, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
  });

  test("a first chunk is not held back for the second", async () => {
    const more = deferred();
    const server = await startBridge(() =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode("first,"));
            await more.promise;
            controller.enqueue(new TextEncoder().encode("second"));
            controller.close();
          },
        }),
      )
    );
    try {
      const client = await connect(server.port);
      client.send(get("/"));
      await client.until(/first,/);
      more.resolve();
      await client.ended;
      assert.match(client.text(), /chunked[^]*first,\r\n6\r\nsecond\r\n0\r\n/i);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("a body that nobody waits for any more is cancelled", async () => {
    const cancelled = deferred<string>();
    const server = await startBridge(() =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode("first"));
          },
          cancel: (reason) => cancelled.resolve(reason.name),
        }),
      )
    );
    try {
      const client = await connect(server.port);
      client.send(get("/"));
      await client.until(/first/);
      client.close();
      assert.equal(await cancelled.promise, "AbortError");
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("a body that fails half way is cut, not ended", async () => {
    const answer = await raw(
      () => {
        let pulls = 0;
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 5));
              if (pulls++ > 0) throw new Error("half way");
              controller.enqueue(new TextEncoder().encode("first"));
            },
          }, { highWaterMark: 0 }),
        );
      },
      get("/"),
    );
    assert.match(answer, /first/);
    assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/);
  });

  test("handlers that throw, reject or return no response", async () => {
    const bad: FetchHandler[] = [
      () => {
        throw new Error("thrown");
      },
      () => Promise.reject(new Error("rejected")),
      () => undefined as unknown as Response,
      () => Promise.resolve("text" as unknown as Response),
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.error(new Error("first byte"));
            },
          }),
        ),
    ];
    const errors: string[] = [];
    for (const handler of bad) {
      const answer = await raw(handler, get("/"), (error) => {
        errors.push((error as Error).message);
        return new Response("sorry", { status: 503 });
      });
      assert.match(answer, /^HTTP\/1\.1 503 [^]*sorry$/);
    }
    assert.deepEqual(errors, [
      "thrown",
      "rejected",
      "Cannot answer the request: the handler returned undefined, it must return a Response",
      "Cannot answer the request: the handler returned string, it must return a Response",
      "first byte",
    ]);
    const twice = await raw(bad[0]!, get("/"), () => {
      throw new Error("a test of errors in onError");
    });
    assert.match(twice, /^HTTP\/1\.1 500 [^]*Internal Server Error\n$/);
  });
});
