import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { FetchHandler } from "../../worker/fetch/handler.ts";
import { describe, runner, test } from "../harness.ts";
import { deferred, get, raw, startBridge } from "./bridge_server.ts";
import { connect } from "./client.ts";

/** A stream of texts, which come one after the other. */
function pieces(...texts: readonly string[]): ReadableStream<Uint8Array> {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new ReadableStream({
    async pull(controller) {
      if (texts.length > 1) await new Promise((done) => setTimeout(done, 1));
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  }, { highWaterMark: 0 });
}

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

  test(
    "HEAD is told the length that GET is, as by Bun.serve and Deno.serve",
    { skip: runner !== "vitest" && "bodies are streams there" },
    async () => {
      const ask = (respond: () => Response) =>
        raw(respond, get("/").replace("GET", "HEAD"));
      for (
        const body of ["h\u00e9llo", new TextEncoder().encode("h\u00e9llo")]
      ) {
        const head = await ask(() => new Response(body));
        assert.match(head, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
        assert.match(head, /\r\ncontent-length: 6\r\n/);
      }
      const told = { headers: { "content-length": "4321" } };
      for (const body of ["hello", null]) {
        const head = await ask(() => new Response(body, told));
        assert.match(head, /\r\ncontent-length: 4321\r\n/);
      }
      // A handler that makes no body for HEAD says nothing of its length.
      const none = await ask(() => new Response(null));
      assert.doesNotMatch(none, /content-length/);
    },
  );

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

  test("chunks of text and buffers are sent, whichever is the only one", async () => {
    const whole = (...chunks: unknown[]) =>
      raw(
        () =>
          new Response(
            new ReadableStream({
              start(controller) {
                for (const chunk of chunks) {
                  controller.enqueue(chunk as Uint8Array);
                }
                controller.close();
              },
            }),
          ),
        get("/"),
      );
    for (const one of ["text", new TextEncoder().encode("text").buffer]) {
      assert.match(await whole(one), /content-length: 4\r\n[^]*\r\n\r\ntext$/i);
      // As one chunk or as two.
      assert.match(
        await whole(one, one),
        /text(?:\r\n4\r\n)?text\r\n0\r\n\r\n$/,
      );
    }
    assert.match(await whole(4), /^HTTP\/1.1 500 /);
  });

  test("whoever is told of errors hears of a body that fails half way", async () => {
    const heard = deferred<unknown>();
    const failure = new Error("half way");
    const server = await startBridge(() => {
      let pulls = 0;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            if (pulls++ > 0) throw failure;
            controller.enqueue(new TextEncoder().encode("first"));
          },
        }, { highWaterMark: 0 }),
      );
    }, (error) => {
      heard.resolve(error);
      return new Response("too late");
    });
    try {
      await fetch(server.url).then((answer) => answer.text()).catch(() => {});
      assert.equal(await heard.promise, failure);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("the length told is that of the body", async () => {
    const wrong = { "content-length": "3", "transfer-encoding": "chunked" };
    for (const body of ["hello", new TextEncoder().encode("hello")]) {
      const answer = await raw(
        () => new Response(body, { headers: wrong }),
        get("/"),
      );
      assert.match(answer, /\r\ncontent-length: 5\r\n[^]*\r\n\r\nhello$/i);
      assert.doesNotMatch(answer, /length: 3|chunked/i);
    }
    // HTTP/1.0 has no chunks (RFC 9112 §6.1).
    const old = await raw(
      () =>
        new Response(pieces("hel", "lo"), {
          headers: { "transfer-encoding": "chunked" },
        }),
      "GET / HTTP/1.0\r\n\r\n",
    );
    assert.match(old, /\r\n\r\nhello$/);
    assert.doesNotMatch(old, /chunked/i);
  });

  test("a stream of another length than is told is cut", async () => {
    for (const told of [4, 5, 6]) {
      let why = "";
      const answer = await raw(
        () =>
          new Response(pieces("he", "ll", "o"), {
            headers: {
              "access-control-expose-headers": "content-length",
              "content-length": `${told}`,
            },
          }),
        get("/"),
        (error) => {
          why = (error as Error).message;
          return new Response("too late");
        },
      );
      const [, body] = answer.split("\r\n\r\n");
      assert.match(answer, new RegExp(`content-length: ${told}\r\n`, "i"));
      assert.ok(["hell", "hello"].includes(body!), answer);
      assert.ok(body!.length <= told, answer);
      if (told === 5) assert.equal(why, "");
      else {
        assert.match(
          why,
          /^Cannot send the response's body: it has (5|more) bytes and its "content-length" is [46]: leave that out, /,
        );
      }
    }
  });

  test("what fetch() has decoded is passed on as it is then", async () => {
    const text = "hello ".repeat(100);
    const upstream = await startBridge(() =>
      new Response(gzipSync(text), { headers: { "content-encoding": "gzip" } })
    );
    try {
      const answer = await raw(() => fetch(upstream.url), get("/"));
      assert.doesNotMatch(answer, /content-encoding|keep-alive/i);
      assert.ok(answer.includes(text));
      const head = await raw(
        () => fetch(upstream.url, { method: "HEAD" }),
        get("/").replace("GET", "HEAD"),
      );
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    } finally {
      await upstream[Symbol.asyncDispose]();
    }
  });

  test("a head that is refused is answered by 500, and its body cancelled", async () => {
    let cancelled = false;
    const answer = await raw(
      () => {
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            controller.enqueue(new TextEncoder().encode("a"));
          },
          cancel: () => void (cancelled = true),
        });
        // As of a polyfill; by what each runtime's writeHead() refuses.
        const head = runner === "deno"
          ? { status: 1000, headers: new Map() }
          : { status: 200, headers: new Map([["x-a", "\u0100"]]) };
        return { ...head, statusText: "", url: "", body } as never;
      },
      get("/"),
      () => new Response("sorry", { status: 500 }),
    );
    assert.match(answer, /^HTTP\/1\.1 500 Internal Server Error\r\n[^]*sorry$/);
    assert.ok(cancelled);
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
