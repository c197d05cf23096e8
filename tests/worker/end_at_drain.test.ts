import assert from "node:assert/strict";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import {
  followEvents,
  isCoded,
  isEventStream,
  type Piece,
  SILENCE_MS,
} from "../../worker/drain/event_boundary.ts";
import { endAtDrain } from "../../worker/drain/fetch_event_stream.ts";
import { test } from "../harness.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text);

test("a stream is between two events after an empty line, however it is cut", () => {
  for (
    const [text, between] of [
      ["data: x\n\n", true],
      ["data: x\r\n\r\n", true],
      ["data: x\r\r", true],
      ["data: x\r\n\n", true],
      ["data: x\n\r\n", true],
      ["data: x\n", false],
      ["data: x\r\n", false],
      ["data: x\r", false],
      ["data: x", false],
      ["\n\ndata: x", false],
      ["data: \u00fc\n\n", true],
      [": comment\n", false],
    ] as const
  ) {
    for (let cut = 0; cut <= text.length; cut++) {
      for (const make of [bytes, (part: string): Piece => part]) {
        const events = followEvents(true);
        events.pass(make(text.slice(0, cut)));
        events.pass(make(text.slice(cut)));
        assert.equal(events.between, between, JSON.stringify([text, cut]));
      }
    }
  }
  assert.equal(followEvents(true).between, true);
  assert.equal(followEvents(false).between, false);
});

test("the last event that ends in a piece is found, also across pieces", () => {
  const cases: [before: string, piece: string, end: number | undefined][] = [
    ["", "data: x\n\n", 9],
    ["", "data: x\n\ndata: y\n\ndata", 18],
    ["", "data: x", undefined],
    ["data: x\n", "\ndata: y", 1],
    ["data: x\r\n\r", "\ndata: y", 1],
    ["data: x\r", "\ndata: y", undefined],
    ["data: x\n\n", "data: y\n", undefined],
  ];
  for (const [before, piece, end] of cases) {
    for (const make of [bytes, (part: string): Piece => part]) {
      const events = followEvents(false);
      events.pass(make(before));
      assert.equal(events.find(make(piece)), end, `${before}|${piece}`);
    }
  }
});

test("of a compressed stream the end of a flush counts, and no ends of lines", () => {
  const flush = { finishFlush: constants.Z_SYNC_FLUSH };
  const first = gzipSync("data: x\n\n", flush);
  const second = deflateRawSync("data: y\n\n", flush);
  const events = followEvents(true, true);
  assert.equal(events.find(first), first.length);
  events.pass(first);
  assert.ok(events.between);
  events.pass(second.subarray(0, -2));
  assert.ok(!events.between);
  assert.equal(events.find(bytes("\r\r\n\n")), undefined);
  assert.equal(events.find(second.subarray(-2)), 2);
  events.pass(second.subarray(-2));
  assert.ok(events.between);
});

test("a body is compressed by what its head says", () => {
  for (const coding of ["gzip", "br", "deflate, gzip"]) {
    assert.ok(isCoded(coding), coding);
  }
  for (const coding of [undefined, null, "", "identity", " Identity "]) {
    assert.ok(!isCoded(coding), String(coding));
  }
});

test("an event stream is known by its media type alone", () => {
  for (
    const type of [
      "text/event-stream",
      "text/event-stream; charset=utf-8",
      "Text/Event-Stream;charset=utf-8",
    ]
  ) assert.ok(isEventStream(type), type);
  for (
    const type of [undefined, null, "", "text/plain", "text/event-streams"]
  ) assert.ok(!isEventStream(type), String(type));
});

/** A stream fed by hand, as a handler returns it. */
function handler(): {
  response: Response;
  controller: ReadableStreamDefaultController<Uint8Array>;
  cancelled: Promise<unknown>;
} {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancel: (reason: unknown) => void;
  const cancelled = new Promise<unknown>((resolve) => cancel = resolve);
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (its) => void (controller = its),
    cancel: (reason) => cancel(reason),
  });
  const response = new Response(body, {
    status: 201,
    headers: { "content-type": "text/event-stream", "x-own": "1" },
  });
  return { response, controller, cancelled };
}

test("responses that are no event streams are the same objects", () => {
  const { signal } = new AbortController();
  const plain = new Response("x");
  const empty = new Response(null, {
    headers: { "content-type": "text/event-stream" },
  });
  assert.equal(endAtDrain(plain, signal), plain);
  assert.equal(endAtDrain(empty, signal), empty);
});

test("an event stream passes unchanged until the drain and ends after a whole event", async () => {
  const drain = new AbortController();
  const { response, controller, cancelled } = handler();
  const wrapped = endAtDrain(response, drain.signal);
  assert.equal(wrapped.status, 201);
  assert.equal(wrapped.headers.get("x-own"), "1");
  const reader = wrapped.body!.getReader();
  const next = async (): Promise<string> =>
    new TextDecoder().decode((await reader.read()).value);
  controller.enqueue(bytes("id: 1\n"));
  assert.equal(await next(), "id: 1\n");
  drain.abort();
  controller.enqueue(bytes("data: a\n\nid: 2"));
  assert.equal(await next(), "data: a\n\n");
  assert.equal((await reader.read()).done, true);
  assert.equal(await cancelled, drain.signal.reason);
});

test("one that waits for its next event ends at once when it is its turn", async () => {
  const drain = new AbortController();
  const { response, controller, cancelled } = handler();
  const reader = endAtDrain(response, drain.signal).body!.getReader();
  controller.enqueue(bytes("data: a\n\n"));
  await reader.read();
  const rest = reader.read();
  drain.abort();
  assert.equal((await rest).done, true);
  await cancelled;
});

test("one that stays silent within an event ends all the same", async () => {
  const drain = new AbortController();
  const { response, controller } = handler();
  const reader = endAtDrain(response, drain.signal).body!.getReader();
  controller.enqueue(bytes("data: a\n"));
  await reader.read();
  const begun = performance.now();
  drain.abort();
  assert.equal((await reader.read()).done, true);
  assert.ok(performance.now() - begun >= SILENCE_MS - 5);
});

test("one that begins during the drain ends in its turn, with what it said first", async () => {
  const drain = new AbortController();
  drain.abort();
  const { response, controller, cancelled } = handler();
  const wrapped = endAtDrain(response, drain.signal);
  controller.enqueue(bytes("data: a\n\n"));
  assert.equal(await wrapped.text(), "data: a\n\n");
  await cancelled;
});

test("many end one after the other", async () => {
  const drain = new AbortController();
  const readers = Array.from(
    { length: 6 },
    () => endAtDrain(handler().response, drain.signal).body!.getReader(),
  );
  const ends = Promise.all(readers.map(async (reader) => {
    await reader.read();
    return performance.now();
  }));
  drain.abort();
  const times = (await ends).sort((a, b) => a - b);
  assert.ok(times.at(-1)! - times[0]! > 240, `${times}`);
});

test("a client that goes away cancels the handler's stream, a failure reaches the client", async () => {
  const drain = new AbortController();
  const one = handler();
  await endAtDrain(one.response, drain.signal).body!.cancel("gone");
  assert.equal(await one.cancelled, "gone");
  const two = handler();
  const text = endAtDrain(two.response, drain.signal).text();
  two.controller.error(new Error("its own"));
  await assert.rejects(text, /its own/);
  const three = handler();
  const whole = endAtDrain(three.response, drain.signal).text();
  three.controller.enqueue(bytes("data: a"));
  three.controller.close();
  assert.equal(await whole, "data: a");
  drain.abort();
});
