import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "../harness.ts";
import { CLOSE, deferred, get, raw, startBridge } from "./bridge_server.ts";
import { connect } from "./client.ts";

/** The same as a stream, whose length nobody is told of. */
function inParts(bytes: Uint8Array<ArrayBuffer>): ReadableStream {
  const part = Math.max(1, Math.ceil(bytes.length / 3));
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at += part));
      else controller.close();
    },
  });
}

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

  test("asterisk form with another method than OPTIONS is answered with 400", async () => {
    const answer = await raw(url, `GET * HTTP/1.1\r\n${CLOSE}\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
  });

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

  for (const size of [0, 1, 65_536, 262_144, 262_145, 1_000_000]) {
    for (const framing of ["its length", "chunks"] as const) {
      test(`a body of ${size} bytes, by ${framing}, as a whole`, async () => {
        const sent = Uint8Array.from({ length: size }, (_, at) => at % 251);
        await using server = await startBridge(async (request) => {
          const bytes = new Uint8Array(await request.arrayBuffer());
          return new Response(bytes);
        });
        const answer = await fetch(server.url, {
          method: "POST",
          body: framing === "chunks" ? inParts(sent) : sent,
          ...{ duplex: "half" },
        });
        const got = new Uint8Array(await answer.arrayBuffer());
        assert.ok(Buffer.from(got).equals(sent), `${got.length} bytes`);
      });
    }
  }

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

  test("a body that the client breaks off fails, which is no error of the handler's", async () => {
    const failure = deferred<string>();
    const begun = deferred();
    const told: unknown[] = [];
    const server = await startBridge(async (request) => {
      begun.resolve();
      if (request.url.endsWith("/told")) return new Response(`${told}`);
      await request.text().catch((error) => {
        failure.resolve(error.name);
        throw error;
      });
      return new Response();
    }, (error) => {
      told.push(error);
      return new Response();
    });
    try {
      const client = await connect(server.port);
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhal");
      await begun.promise;
      client.close();
      assert.equal(await failure.promise, "AbortError");
      const answer = await fetch(`${server.url}/told`);
      assert.equal(await answer.text(), "");
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
