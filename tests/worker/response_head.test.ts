/**
 * Heads that are kept are those that `node:http` would make.
 *
 * Runs once, under vitest: on Deno and Bun none is kept, since their `node:http`
 * is another one.
 */
import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { writeHead } from "../../worker/fetch/response_head.ts";
import { describe, test } from "../harness.ts";

/** What is to be answered, and by which response. */
interface Answer {
  readonly status?: number;
  readonly statusText?: string;
  readonly fields?: readonly string[];
  readonly length?: number | undefined;
  /** Request and response as they are when their head is written. */
  readonly request?: Readonly<Record<string, unknown>>;
  readonly prepare?: (response: ServerResponse) => void;
}

/** The members of a response that its head decides about, which is first. */
const MEMBERS = [
  ...["_header", "_headerSent", "_last", "_contentLength", "_hasBody"],
  ...["statusCode", "statusMessage", "shouldKeepAlive", "chunkedEncoding"],
];

const TEXT = ["content-type", "text/plain;charset=UTF-8"];

function responseTo({ request, prepare }: Answer): ServerResponse {
  const incoming = Object.assign(new IncomingMessage(new Socket()), {
    ...{ method: "GET", url: "/", httpVersionMajor: 1, httpVersionMinor: 1 },
    ...request,
  });
  const response = new ServerResponse(incoming);
  // As the server of node:http sets it.
  Object.assign(response, {
    _keepAliveTimeout: 5000,
    _maxRequestsPerSocket: 0,
  });
  prepare?.(response);
  return response;
}

function seen(response: ServerResponse): readonly unknown[] {
  return MEMBERS.map((name) => {
    const value: unknown = Reflect.get(response, name);
    // A text on Node 22.
    return name === "_contentLength" && value !== null ? Number(value) : value;
  });
}

/** What is left of a response by ours, and whether its head was kept. */
function written(answer: Answer): {
  seen: readonly unknown[];
  kept: boolean;
} {
  const response = responseTo(answer);
  const { status = 200, statusText = "", fields = TEXT } = answer;
  const length = "length" in answer ? answer.length : 5;
  let head: unknown = null;
  let kept = false;
  Object.defineProperty(response, "_header", {
    get: () => head,
    set: (made) => {
      head = made;
      kept = !new Error().stack!.includes("_storeHeader");
    },
  });
  writeHead(response, { status, statusText }, fields, length);
  return { seen: seen(response), kept };
}

/** What `node:http` leaves. */
function expected(answer: Answer): readonly unknown[] {
  const response = responseTo(answer);
  const { status = 200, statusText, fields = TEXT } = answer;
  const length = "length" in answer ? answer.length : 5;
  const framed = fields.some((name) => /-length|-encoding/.test(name));
  const all = length === undefined || framed
    ? fields
    : [...fields, "content-length", String(length)];
  if (statusText) response.writeHead(status, statusText, [...all]);
  else response.writeHead(status, [...all]);
  return seen(response);
}

/** Whether it was kept, once it is seen to be what `node:http` makes. */
function isKept(answer: Answer): boolean {
  const { seen, kept } = written(answer);
  assert.deepEqual(seen, expected(answer));
  return kept;
}

/** Does something within one second, of which heads tell. */
async function inOneSecond(act: () => void): Promise<void> {
  for (;;) {
    // One that has just begun: none is kept yet.
    await sleep(1005 - Date.now() % 1000);
    const second = Math.floor(Date.now() / 1000);
    let failure: unknown;
    try {
      act();
    } catch (error) {
      failure = error;
    }
    if (Math.floor(Date.now() / 1000) !== second) continue;
    if (failure !== undefined) throw failure;
    return;
  }
}

describe("the head of a response", () => {
  test("is kept for other lengths, and nothing else", async () => {
    const alike: readonly Answer[] = [
      {},
      { length: 0 },
      { length: 1_234_567 },
      { fields: [...TEXT] },
    ];
    const others: readonly Answer[] = [
      { status: 404 },
      { fields: ["content-type", "text/html"] },
      { fields: [...TEXT, "set-cookie", "a=1", "set-cookie", "b=2"] },
      { fields: [...TEXT, "date", "Thu, 01 Jan 1970 00:00:00 GMT"] },
      {
        prepare: (response) =>
          Object.assign(response, { _keepAliveTimeout: 7000 }),
      },
      {
        prepare: (response) =>
          Object.assign(response, { _maxRequestsPerSocket: 3 }),
      },
      { fields: [...TEXT, "connection", "keep-alive"] },
    ];
    // No more kinds at once than are kept.
    for (let i = 0; i < others.length; i += 3) {
      await inOneSecond(() => {
        assert.equal(isKept({}), false);
        for (const answer of alike) assert.equal(isKept(answer), true);
        for (const other of others.slice(i, i + 3)) {
          assert.equal(isKept(other), false);
          assert.equal(isKept(other), true);
          assert.equal(isKept({}), true);
        }
      });
    }
  });

  const unusual: Readonly<Record<string, Answer>> = {
    "has a reason of its own": { statusText: "Fine" },
    "ends the connection": { fields: [...TEXT, "connection", "close"] },
    "says itself how long it is": { fields: [...TEXT, "content-length", "5"] },
    "comes in chunks": { length: undefined },
    "keeps alive in its own way": {
      fields: [...TEXT, "keep-alive", "timeout=1"],
    },
    "has no body": { status: 304, length: undefined },
    "answers HEAD": { request: { method: "HEAD" } },
    "answers HTTP/1.0": { request: { httpVersionMinor: 0 } },
    "answers the last request": {
      prepare: (response) => response.shouldKeepAlive = false,
    },
    "answers as many as there may be": {
      prepare: (response) =>
        Object.assign(response, { maxRequestsOnConnectionReached: true }),
    },
    "answers who waits for a word to go on": {
      prepare: (response) =>
        Object.assign(response, { _expect_continue: true }),
    },
    "has fields from somebody else": {
      prepare: (response) => response.setHeader("server-timing", "a;dur=1"),
    },
    "has fewer fields by somebody else": {
      prepare: (response) => response.removeHeader("date"),
    },
    "has to have the length that it tells": {
      prepare: (response) => response.strictContentLength = true,
    },
    "has a reason from somebody else": {
      prepare: (response) => response.statusMessage = "Well",
    },
  };
  test("is made anew where anything is unusual", async () => {
    await inOneSecond(() => {
      for (const [what, answer] of Object.entries(unusual)) {
        isKept({});
        assert.equal(isKept({}), true);
        assert.equal(isKept(answer), false, what);
        assert.equal(isKept(answer), false, what);
      }
    });
  });

  test("is made anew where somebody watches those who make it", async () => {
    const prototype = ServerResponse.prototype as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >;
    for (const name of ["writeHead", "_storeHeader"]) {
      const own = Object.getOwnPropertyDescriptor(prototype, name);
      const original = prototype[name]!;
      await inOneSecond(() => {
        let calls = 0;
        isKept({});
        prototype[name] = function (...args) {
          calls++;
          return Reflect.apply(original, this, args);
        };
        try {
          for (let i = 0; i < 3; i++) assert.equal(written({}).kept, false);
          assert.equal(calls, 3);
        } finally {
          if (own === undefined) delete prototype[name];
          else Object.defineProperty(prototype, name, own);
        }
        assert.equal(isKept({}), true);
      });
    }
  });

  test("tells the time to the second", async () => {
    for (let i = 0; i < 2; i++) {
      await inOneSecond(() => {
        const second = Math.floor(Date.now() / 1000);
        written({});
        const { seen, kept } = written({});
        const [, told] = /^date: (.*)\r$/im.exec(seen[0] as string)!;
        assert.equal(kept, true);
        // The clock of node:http may be late by one.
        const late = second - Date.parse(told!) / 1000;
        assert.ok(late === 0 || late === 1, told!);
      });
    }
  });

  test("of many kinds in one second is none that was kept for another", async () => {
    const kinds = Array.from({ length: 20 }, (_, i): Answer => ({
      fields: [...TEXT, "x-kind", String(i)],
    }));
    await inOneSecond(() => {
      for (let i = 0; i < 5; i++) for (const kind of kinds) isKept(kind);
    });
  });
});
