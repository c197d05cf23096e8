import assert from "node:assert/strict";
import type { FetchHandler } from "../../worker/fetch_handler.ts";
import { describe, test } from "../harness.ts";
import { deferred, startBridge } from "./bridge_server.ts";
import { connect } from "./client.ts";

/** Sends raw text and gives everything that came back until the end. */
async function raw(
  handler: FetchHandler,
  text: string,
  onError?: (error: unknown) => Response,
): Promise<string> {
  const server = await startBridge(handler, onError);
  try {
    const client = await connect(server.port);
    client.send(text);
    await client.ended;
    client.close();
    return client.text();
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

const CLOSE = "Host: example.test\r\nConnection: close\r\n";
const get = (path: string, more = ""): string =>
  `GET ${path} HTTP/1.1\r\n${CLOSE}${more}\r\n`;

describe("requests", () => {
  test("method, URL, headers in order with duplicates, client address", async () => {
    const answer = await raw(
      (request, info) =>
        Response.json({
          method: request.method,
          url: request.url,
          real: request instanceof Request,
          body: request.body,
          twice: request.headers.get("x-twice"),
          cookie: request.headers.get("cookie"),
          address: info.remoteAddress,
          port: typeof info.remotePort,
        }),
      get("/a/b?c=d", "X-Twice: 1\r\nCookie: a=b\r\nx-twice: 2\r\n"),
    );
    assert.deepEqual(JSON.parse(answer.split("\r\n\r\n")[1]!), {
      method: "GET",
      url: "http://example.test/a/b?c=d",
      real: true,
      body: null,
      twice: "1, 2",
      cookie: "a=b",
      address: "127.0.0.1",
      port: "number",
    });
  });

  const url = (request: Request): Response => new Response(request.url);
  for (
    const [name, head, expected] of [
      [
        "absolute form",
        "GET http://other.test/x HTTP/1.1\r\nHost: a",
        "http://other.test/x",
      ],
      [
        "two slashes",
        "GET //evil.test/x HTTP/1.1\r\nHost: a",
        "http://a//evil.test/x",
      ],
      ["asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a:81", "http://a:81/"],
      ["IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80", "http://[::1]/"],
      ["HTTP/1.0 without host", "GET /x HTTP/1.0", "http://localhost/x"],
    ] as const
  ) {
    test(`the URL of ${name}`, async () => {
      const answer = await raw(url, `${head}\r\nConnection: close\r\n\r\n`);
      assert.equal(answer.split("\r\n\r\n")[1], expected);
    });
  }

  for (
    const host of ["a b", "user@host", "a/b", "a?b", "[::1", "a:99999", "a\\b"]
  ) {
    test(`Host "${host}" is answered with 400`, async () => {
      const answer = await raw(
        url,
        `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1\.1 400 /);
    });
  }

  test("a body with Expect: 100-continue", async () => {
    const server = await startBridge(async (request) =>
      new Response(`got ${await request.text()}`)
    );
    try {
      const client = await connect(server.port);
      client.send(
        `POST / HTTP/1.1\r\n${CLOSE}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
      );
      await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
      client.send("hello");
      await client.until(/got hello$/);
      client.close();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("a body that is read in part leaves the connection usable", async () => {
    const server = await startBridge(async (request) => {
      if (request.body === null) return new Response("second");
      const reader = request.body.getReader();
      await reader.read();
      return new Response("first");
    });
    try {
      const client = await connect(server.port);
      const size = 300_000;
      client.send(
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`,
      );
      client.send(new Uint8Array(size));
      await client.until(/first$/);
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await client.until(/second$/);
      client.close();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("a body that the client breaks off fails", async () => {
    const failure = deferred<string>();
    const begun = deferred();
    const server = await startBridge(async (request) => {
      begun.resolve();
      await request.text().catch((error) => failure.resolve(error.name));
      return new Response();
    });
    try {
      const client = await connect(server.port);
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhal");
      await begun.promise;
      client.close();
      assert.equal(await failure.promise, "AbortError");
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("the signal aborts when the client goes away, of clones too", async () => {
    const begun = deferred();
    const aborted = deferred<string>();
    const server = await startBridge((request) => {
      const { signal } = request.clone();
      assert.equal(signal.aborted, false);
      begun.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted.resolve(signal.reason.name);
          reject(signal.reason);
        });
      });
    });
    try {
      const client = await connect(server.port);
      client.send(get("/"));
      await begun.promise;
      client.close();
      assert.equal(await aborted.promise, "AbortError");
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  test("the signal stays quiet when the response is complete", async () => {
    let signal: AbortSignal | undefined;
    const server = await startBridge((request) => {
      signal ??= request.signal;
      return new Response(`aborted ${signal.aborted};`);
    });
    try {
      const client = await connect(server.port);
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await client.until(/aborted false;/);
      client.send(get("/"));
      await client.until(/aborted false;[^]*aborted false;/);
      client.close();
      assert.equal(signal?.aborted, false);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});

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
