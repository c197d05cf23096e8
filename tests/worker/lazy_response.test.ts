/**
 * Responses that are made when somebody looks, beside the platform's own: the
 * same uses, the same outcomes, word for word.
 *
 * Runs once, under vitest: only Node's bridge has them.
 */
import assert from "node:assert/strict";
import { bridge } from "../../worker/fetch/bridge.ts";
import { LazyResponse } from "../../worker/fetch/lazy_response.ts";
import { PlatformResponse } from "../../worker/fetch/lazy_body.ts";
import { describe, test } from "../harness.ts";
import { get, raw } from "./bridge_server.ts";
import { chunksOf, outcomesOf } from "./lazy_outcome.ts";

// Takes the place of Response.
bridge(() => new Response());

const streamed = (...chunks: unknown[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
const bytes = (...each: number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(each);

/** Made anew for each use. */
const BODIES: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  null: () => null,
  "empty text": () => "",
  text: () => "hällo €",
  "a lone surrogate": () => "a\ud800b",
  JSON: () => '{"a":[1]}',
  "a byte order mark": () => "\ufeffx",
  form: () => "a=1&b=2",
  number: () => 5,
  object: () => ({ a: 1 }),
  symbol: () => Symbol("s"),
  bytes: () => bytes(1, 2, 255).subarray(1),
  "no bytes": () => bytes(),
  Buffer: () => Buffer.from("buffer"),
  ArrayBuffer: () => bytes(104, 105).buffer,
  DataView: () => new DataView(bytes(1, 2, 3).buffer, 1, 1),
  Float64Array: () => Float64Array.of(1.5),
  "a buffer that can grow": () => new ArrayBuffer(2, { maxByteLength: 4 }),
  "a shared buffer": () => new Uint8Array(new SharedArrayBuffer(2)),
  Blob: () => new Blob(["blob"], { type: "a/b" }),
  URLSearchParams: () => new URLSearchParams({ a: "b c" }),
  FormData() {
    const form = new FormData();
    form.append("a", "b");
    return form;
  },
  stream: () => streamed(bytes(97), bytes(98, 99)),
  "a stream of texts": () => streamed("a"),
  "a locked stream"() {
    const stream = streamed(bytes(1));
    stream.getReader();
    return stream;
  },
  async "a stream that was read"() {
    const stream = streamed(bytes(1), bytes(2));
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    return [stream];
  },
  async *generator() {
    yield bytes(97);
  },
};

const fields = (headers: unknown): () => unknown => () => ({ headers });

const INITS: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  null: () => null,
  empty: () => ({}),
  text: () => "text",
  number: () => 5,
  "a function": () => () => {},
  status: () => ({ status: 201, statusText: "Made" }),
  "no status": () => ({ status: undefined, statusText: undefined }),
  "a status as text": () => ({ status: "404" }),
  "a status of null": () => ({ status: null }),
  "a broken status": () => ({ status: 200.7 }),
  "no number": () => ({ status: NaN }),
  "a status of no body": () => ({ status: 204 }),
  "status 304": () => ({ status: 304 }),
  "status 101": () => ({ status: 101 }),
  "status 199": () => ({ status: 199 }),
  "status 600": () => ({ status: 600 }),
  "status 65736": () => ({ status: 65736 }),
  "a phrase beyond ASCII": () => ({ statusText: "ä" }),
  "a phrase beyond bytes": () => ({ statusText: "€" }),
  "a phrase of two lines": () => ({ statusText: "a\nb" }),
  "a phrase of null": () => ({ statusText: null }),
  fields: fields({ "X-B": " c\t", "a-b": "d", "x-a": "" }),
  "fields with control characters": fields({ a: "\x01", b: "\x7f" }),
  "one field twice": fields({ A: "1", a: "2", "set-cookie": "x=1" }),
  "a content type": fields({ "Content-Type": "text/html" }),
  "a form's type": fields({
    "content-type": "application/x-www-form-urlencoded",
  }),
  "two content types": fields({ "Content-Type": "a/b", "content-type": "c/d" }),
  pairs: fields([["b", "1"], ["a", "2"], ["a", "3"]]),
  cookies: fields([["set-cookie", "a=1"], ["set-cookie", "b=2"]]),
  Headers: fields(new Headers({ b: "1", a: "2" })),
  "Headers with a type": fields(new Headers({ "content-type": "x/y" })),
  Map: fields(new Map([["a", "b"]])),
  "no fields": fields(null),
  "fields as text": fields("ab"),
  "a bad name": fields({ "a b": "c" }),
  "an empty name": fields({ "": "c" }),
  "a bad value": fields({ a: "b\0" }),
  "a line end": fields({ a: "b\r\nc: d" }),
  "a value beyond bytes": fields({ a: "€" }),
  "values that are no text": fields({ a: 5, b: null, c: undefined }),
  "a symbol": fields({ [Symbol("s")]: "a" }),
  "a class": fields(
    new (class {
      a = "b";
    })(),
  ),
  "no prototype": fields(Object.assign(Object.create(null), { a: "b" })),
  "a response": () =>
    new PlatformResponse("x", { status: 404, headers: { a: "b" } }),
};

type Use = (response: Response) => readonly (() => unknown)[];

const USES: Readonly<Record<string, Use>> = {
  looking: (r) => [
    () => [r.status, r.statusText, r.ok, r.type, r.url, r.redirected],
    () => [...r.headers],
    () => [r.bodyUsed, r.body === null, r.body === r.body],
    () => r.headers === r.headers,
    () => r,
    () => [Object.keys(r), Object.getOwnPropertyNames(r), JSON.stringify(r)],
    () => Object.prototype.toString.call(r),
    () => r instanceof Response,
    () => r instanceof PlatformResponse,
    () => Object.getPrototypeOf(r) === Response.prototype,
    () => structuredClone(r),
  ],
  "reading twice": (r) => [() => r.text(), () => r.bodyUsed, () => r.text()],
  "reading after a look": (r) => [() => r.body?.locked, () => r.text()],
  json: (r) => [() => r.json(), () => r.bodyUsed, () => r],
  arrayBuffer: (r) => [() => r.arrayBuffer()],
  bytes: (r) => [() => r.bytes()],
  blob: (r) => [() => r.blob()],
  "a type that was set later": (r) => [
    () => r.headers.set("content-type", "late/r"),
    () => r.blob(),
  ],
  "a type that was removed": (r) => [
    () => r.headers.delete("content-type"),
    () => r.blob(),
  ],
  formData: (r) => [() => r.formData()],
  chunks: (r) => [() => chunksOf(r.body), () => r.bodyUsed, () => r.clone()],
  tee: (r) => [
    () => r.body?.tee().length,
    () => [r.bodyUsed, r.body?.locked],
    () => r.text(),
  ],
  cancel: (r) => [() => r.body?.cancel(), () => r.bodyUsed, () => r.json()],
  clone(r) {
    const copies: Response[] = [];
    return [
      () => void copies.push(r.clone(), r.clone()),
      () => r.headers.append("x-late", "1"),
      () => copies.map(({ status, headers }) => [status, [...headers]]),
      () => copies[0]?.text(),
      () => r.bytes(),
      () => copies[1]?.blob(),
      () => r.clone(),
      () => copies[0],
    ];
  },
  "a response of its parts": (r) => [
    () => new Response(r.body, r),
    () => r.bodyUsed,
    () => new Response(r.body, r).text(),
    () => r.bodyUsed,
  ],
  headers: (r) => [
    () => r.headers.append("a", "9"),
    () => r.headers.set("bad name", "x"),
    () => r.headers.delete("x-a"),
    () => [...r.headers.entries()],
    () => r.headers.getSetCookie(),
  ],
  "members that are read only": (r) => [
    () => Reflect.set(r, "status", 500),
    () => Reflect.set(r, "headers", new Headers()),
    () => r.status,
  ],
};

/** Their bytes have a random boundary. */
const isRandom = (body: string, use: string): boolean =>
  body === "FormData" && /bytes|arrayBuffer|chunks|parts|clone/.test(use);

const [ours, theirs] = [Response, PlatformResponse];

async function made(
  of: typeof Response,
  body: () => unknown,
  init: () => unknown,
): Promise<() => Response> {
  // A stream cannot be what a promise resolves with in a table: it is read.
  const given = body();
  const value = given instanceof Promise ? (await given)[0] : given;
  return () => new of(value as string, init() as ResponseInit);
}

async function compare(
  make: (of: typeof Response) => () => Response,
  use: Use,
  what: string,
): Promise<void> {
  const seen = async (of: typeof Response): Promise<string[]> => {
    let response: Response | undefined;
    const making = make(of);
    const first = await outcomesOf([() => void (response = making())]);
    return response === undefined ? first : outcomesOf(use(response));
  };
  assert.deepEqual(await seen(ours), await seen(theirs), what);
}

describe("responses that are made when somebody looks", () => {
  for (const [use, run] of Object.entries(USES)) {
    test(`are used as the platform's: ${use}`, async () => {
      for (const [body, value] of Object.entries(BODIES)) {
        if (isRandom(body, use)) continue;
        for (const [init, options] of Object.entries(INITS)) {
          const both = new Map([
            [ours, await made(ours, value, options)],
            [theirs, await made(theirs, value, options)],
          ]);
          await compare((of) => both.get(of)!, run, `${body}, ${init}, ${use}`);
        }
      }
    });
  }

  test("come from json(), redirect() and error() too", async () => {
    const values = [{ a: [1, "ä"] }, "text", null, undefined, 5n, () => {}];
    for (const [use, run] of Object.entries(USES)) {
      for (const [init, options] of Object.entries(INITS)) {
        for (const value of values) {
          const make = (of: typeof Response) => () =>
            of.json(value, options() as ResponseInit);
          await compare(make, run, `json ${String(value)}, ${init}, ${use}`);
        }
      }
      for (const status of [undefined, 301, 303, 200, 308]) {
        const make = (of: typeof Response) => () =>
          of.redirect("http://a.test/b c", status as 301);
        await compare(make, run, `redirect ${status}, ${use}`);
      }
      await compare((of) => () => of.redirect("/a"), run, "relative redirect");
      await compare((of) => () => of.error(), run, `error, ${use}`);
    }
  });

  test("are of the same class, with the same members", () => {
    const flags = (of: object): unknown =>
      Object.entries(Object.getOwnPropertyDescriptors(of)).map((
        [key, { get, value, ...rest }],
      ) => [key, get?.name, value?.name, value?.length, rest]);
    assert.deepEqual(flags(ours), flags(theirs));
    assert.equal(ours.prototype, theirs.prototype);
    assert.equal(ours.prototype.constructor, ours);
    assert.ok(LazyResponse.has(new Response("x")));
    assert.ok(new theirs() instanceof ours);
    assert.throws(
      () => (ours as unknown as () => void)(),
      { name: "TypeError", message: /without 'new'/ },
    );
    assert.throws(() => ours.prototype.status, TypeError);
  });

  test("have subclasses, and take what is added to the prototype", async () => {
    class Teapot extends Response {
      tea(): string {
        return `${this.status}`;
      }
    }
    const pot = new Teapot("short");
    assert.deepEqual(
      [pot.tea(), await pot.text(), pot instanceof Response],
      ["200", "short", true],
    );
    assert.equal(pot.constructor, Teapot);
    const added = Response.prototype as { shout?: () => string };
    added.shout = function (this: Response) {
      return `${this.status}!`;
    };
    try {
      const each = [new Response(), new theirs()] as unknown as {
        shout(): string;
      }[];
      assert.deepEqual(each.map((one) => one.shout()), ["200!", "200!"]);
    } finally {
      delete added.shout;
    }
  });

  test("keep the bytes that they were given", async () => {
    const given = bytes(1, 2, 3);
    const response = new Response(given);
    given.fill(9);
    assert.deepEqual([...await response.bytes()], [1, 2, 3]);
  });

  test("are sent as the platform's", async () => {
    const steady = (answer: string): string =>
      answer.replace(/^date: .*$/im, "").replace(/formdata-\S*?-0\d+/g, "form");
    for (const [body, value] of Object.entries(BODIES)) {
      for (const [init, options] of Object.entries(INITS)) {
        if (/no bytes|null|broken/.test(init)) continue;
        const [mine, other] = await Promise.all([ours, theirs].map(
          async (of) => {
            const make = await made(of, value, options);
            const answer = await raw(
              make,
              get("/"),
              (error) => new theirs((error as Error).message, { status: 500 }),
            );
            return steady(answer);
          },
        ));
        assert.equal(mine, other, `${body}, ${init}`);
      }
    }
  });

  test("cannot be sent twice, unless they have no body", async () => {
    for (const  of of[ours, theirs]) {
      const empty = new of(null);
      const text = new of("once");
      const answers: string[] = [];
      for (const response of [empty, empty, text, text]) {
        answers.push(
          await raw(
            () => response,
            get("/"),
            () => new theirs("used", { status: 500 }),
          ),
        );
      }
      assert.deepEqual(
        answers.map((each) => /^HTTP\/1.1 (\d+)/.exec(each)?.[1]),
        ["200", "200", "200", "500"],
      );
    }
  });
});
