/**
 * Requests that are made when somebody looks, beside the platform's own: the
 * same uses in a handler, the same outcomes, word for word.
 *
 * Runs once, under vitest: only Node's bridge has them.
 */
import assert from "node:assert/strict";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { bridge } from "../../worker/fetch/bridge.ts";
import { LazyRequest, lazyRequestOf } from "../../worker/fetch/lazy_request.ts";
import { requestOf } from "../../worker/fetch/request.ts";
import { describe, test } from "../harness.ts";
import { connect } from "./client.ts";
import { chunksOf, outcomesOf } from "./lazy_outcome.ts";

const captured = { Request, fetch };
// Takes the place of Request and fetch.
bridge(() => new Response());

const CLOSE = "Host: Example.test:80\r\nConnection: close\r\n";
const post = (body: string, more = ""): string =>
  `POST /p?q=%20 HTTP/1.1\r\n${CLOSE}${more}Content-Length: ${body.length}\r\n\r\n${body}`;

/** What clients send. */
const SENT: Readonly<Record<string, string>> = {
  GET: `GET /a/../b?c=d HTTP/1.1\r\n${CLOSE}\r\n`,
  "GET with a body": `GET / HTTP/1.1\r\n${CLOSE}Content-Length: 2\r\n\r\nhi`,
  HEAD: `HEAD / HTTP/1.1\r\n${CLOSE}\r\n`,
  fields:
    `GET / HTTP/1.1\r\n${CLOSE}X-B: 1\r\nx-a: \xe4\r\nx-b: 2\r\nCookie: a=b\r\ncookie: c=d\r\nUser-Agent: one\r\nuser-agent: two\r\nset-cookie: e\r\nset-cookie: f\r\n\r\n`,
  "absolute form": `GET http://Other.test/x HTTP/1.1\r\n${CLOSE}\r\n`,
  "a name": `GET http://user:word@other.test/x HTTP/1.1\r\n${CLOSE}\r\n`,
  "no URL": `GET http://:/ HTTP/1.1\r\n${CLOSE}\r\n`,
  "a fragment": `GET /a#b HTTP/1.1\r\n${CLOSE}\r\n`,
  "beyond ASCII": `GET /\xe4 HTTP/1.1\r\n${CLOSE}\r\n`,
  "a bad port": "GET / HTTP/1.1\r\nHost: a:99999\r\nConnection: close\r\n\r\n",
  "a bad address": "GET / HTTP/1.1\r\nHost: [::g]\r\nConnection: close\r\n\r\n",
  "two hosts":
    `GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\nConnection: close\r\n\r\n`,
  TRACE: `TRACE / HTTP/1.1\r\n${CLOSE}\r\n`,
  PURGE: `PURGE / HTTP/1.1\r\n${CLOSE}\r\n`,
  OPTIONS: `OPTIONS * HTTP/1.1\r\n${CLOSE}\r\n`,
  "POST without a body": `POST / HTTP/1.1\r\n${CLOSE}\r\n`,
  "POST of nothing": post(""),
  text: post("h\xc3\xa4llo"),
  JSON: post('\xef\xbb\xbf{"a":1}', "Content-Type: application/json\r\n"),
  form: post("a=1&b=2", "Content-Type: application/x-www-form-urlencoded\r\n"),
  chunked:
    `PUT / HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`,
};

type Use = (request: Request) => readonly (() => unknown)[];

const PLAIN = [
  ...["method", "url", "destination", "referrer", "referrerPolicy", "mode"],
  ...["credentials", "cache", "redirect", "integrity", "keepalive", "duplex"],
  ...["isReloadNavigation", "isHistoryNavigation", "attribute"],
] as const;

const USES: Readonly<Record<string, Use>> = {
  looking: (r) => [
    () => PLAIN.map((name) => Reflect.get(r, name)),
    () => [...r.headers],
    () => r.headers === r.headers,
    () => [r.body === null, r.body === r.body, r.body?.locked, r.bodyUsed],
    () => [r.signal.aborted, r.signal === r.signal],
    () => Object.prototype.toString.call(r),
    () => [r instanceof Request, r instanceof captured.Request],
    () => [Object.keys(r), JSON.stringify(r)],
    () => structuredClone(r),
  ],
  inspecting: (r) => [() => r],
  "reading twice": (r) => [
    () => r.text(),
    () => [r.bodyUsed, r.body?.locked],
    () => r.text(),
    () => r.clone(),
  ],
  "two reads at a time": (r) => [
    async () => {
      const both = await Promise.allSettled([r.text(), r.json()]);
      return both.map((each) =>
        each.status === "fulfilled" ? each.value : String(each.reason)
      );
    },
  ],
  json: (r) => [() => r.json(), () => r.bodyUsed],
  arrayBuffer: (r) => [() => r.arrayBuffer()],
  bytes: (r) => [() => r.bytes()],
  blob: (r) => [() => r.blob()],
  formData: (r) => [() => r.formData()],
  chunks: (r) => [
    async () => (await chunksOf(r.body) as unknown[] | null)?.join(),
    () => r.bodyUsed,
  ],
  "reading after a look": (r) => [
    () => r.body?.locked,
    () => r.arrayBuffer(),
    () => r.bodyUsed,
  ],
  cancel: (r) => [() => r.body?.cancel(), () => r.bodyUsed, () => r.text()],
  headers: (r) => [
    () => r.headers.append("X-New", "1"),
    () => r.headers.delete("cookie"),
    () => [...r.clone().headers],
    () => [...new Request(r).headers],
    () => r.headers.set("a b", "c"),
  ],
  clone(r) {
    const copies: Request[] = [];
    return [
      () => void copies.push(r.clone()),
      () => [r.bodyUsed, copies[0]?.bodyUsed],
      () => copies[0]?.text(),
      () => r.text(),
      () => copies[0]?.signal === r.signal,
    ];
  },
  "a request of it": (r) => [
    () => new Request(r).text(),
    () => r.bodyUsed,
    () => new Request(r),
  ],
  "a request of it with another method": (r) => [
    () => new Request(r, { method: "DELETE" }).method,
    () => [r.bodyUsed, r.body?.locked],
  ],
  "a request of it with another body": (r) => [
    async () => {
      const init = { method: "POST", body: "other" };
      const other = new Request(r, init);
      return [other.url, other.method, await other.text()];
    },
    () => r.bodyUsed,
  ],
  "a request of one that was read": (r) => [
    () => r.text(),
    () => new Request(r),
    () => new Request(r, { method: "POST", body: "other" }).text(),
  ],
  "a URL of another": (r) => [
    () => new Request("http://a.test/b", r as RequestInit).method,
    () => new Request(new URL("http://a.test/b")).url,
  ],
  "a response of its body": (r) => [
    () => new Response(r.body).text(),
    () => r.bodyUsed,
  ],
  "fetching it": (r) => [
    async () => {
      const init = { redirect: "error" } as const;
      const response = await fetch(new Request(await elsewhere(r), init));
      return response.json();
    },
    () => r.bodyUsed,
    () => fetch(r),
  ],
};

let echo: http.Server | undefined;

/** The same request to a server that tells what it got. */
async function elsewhere(request: Request): Promise<Request> {
  if (echo === undefined) {
    const made = echo = http.createServer((incoming, outgoing) => {
      let text = "";
      incoming.setEncoding("latin1");
      incoming.on("data", (chunk) => text += chunk);
      incoming.on("end", () => {
        const { method, url, headers: { "x-b": b, cookie } } = incoming;
        outgoing.end(JSON.stringify([method, url, b, cookie, text]));
      });
    });
    await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
    made.unref();
  }
  const { port } = echo.address() as AddressInfo;
  const { pathname, search } = new URL(request.url);
  const url = `http://127.0.0.1:${port}${pathname}${search}`;
  const { method, body } = request;
  // What no client may send.
  const headers = new Headers(request.headers);
  for (const name of ["connection", "content-length", "transfer-encoding"]) {
    headers.delete(name);
  }
  const streamed = body === null ? {} : { body, duplex: "half" };
  return new Request(url, { method, headers, ...streamed } as RequestInit);
}

type Make = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
) => Request | undefined;

/** What comes of a use in a handler. */
async function seen(make: Make, sent: string, use: Use): Promise<string[]> {
  let outcomes: Promise<string[]> | undefined;
  const server = http.createServer((incoming, outgoing) => {
    const request = make(incoming, outgoing);
    outcomes = request === undefined
      ? Promise.resolve(["refused"])
      : outcomesOf(use(request));
    void outcomes.then(() => outgoing.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const client = await connect((server.address() as AddressInfo).port);
    client.send(Uint8Array.from(sent, (each) => each.charCodeAt(0)));
    await client.ended;
    client.close();
    return await outcomes ?? ["never came"];
  } finally {
    server.close();
  }
}

describe("requests that are made when somebody looks", () => {
  for (const [use, run] of Object.entries(USES)) {
    test(`are used as the platform's: ${use}`, async () => {
      for (const [name, sent] of Object.entries(SENT)) {
        const steady = (outcomes: string[]): string[] =>
          // The platform's was made by a subclass.
          outcomes.map((each) => each.replace("ClientRequest", "Request"));
        assert.deepEqual(
          steady(await seen(lazyRequestOf, sent, run)),
          steady(await seen(requestOf, sent, run)),
          `${name}, ${use}`,
        );
      }
    });
  }

  test("are taken by fetch()", async () => {
    const got = await seen(lazyRequestOf, SENT["text"]!, (request) => [
      () => LazyRequest.has(request),
      () => request.constructor === Request,
      async () => {
        request.headers.delete("content-length");
        request.headers.delete("connection");
        // Nobody is there.
        const { cause } = await fetch(request).catch((error) => error);
        return (cause as { readonly code: string }).code;
      },
    ]);
    assert.deepEqual(got.slice(0, 2), ["gives true", "gives true"]);
    assert.match(got[2]!, /ENOTFOUND|EAI_AGAIN|ECONNREFUSED/);
  });

  test("leave Request and fetch what they were", () => {
    assert.deepEqual(
      [Request.name, Request.length, Request.prototype, typeof fetch],
      ["Request", 1, captured.Request.prototype, "function"],
    );
    class Mine extends Request {}
    const mine = new Mine("http://a.test/", { method: "PUT" });
    assert.deepEqual(
      [mine.method, mine.constructor, mine instanceof captured.Request],
      ["PUT", Mine, true],
    );
    assert.deepEqual(
      Object.getOwnPropertyDescriptor(globalThis, "Request")?.enumerable,
      false,
    );
  });
});
