/** When a program hears of the end of its worker. */
import assert from "node:assert/strict";
import { describe, test } from "../harness.ts";
import { createDrain, type Drain } from "../../worker/drain/drain.ts";
import { occupy } from "../../worker/listen.ts";
import { placeholder } from "../../worker/listening/learning.ts";
import type { Attachment, Core } from "../../worker/process/worker_core.ts";
import { deferred } from "./bridge_server.ts";

/** Long enough that nothing of a test takes as long, in ms. */
const LONG = 600_000;

interface Scene {
  readonly drain: Drain;
  /** What has happened, in order. */
  readonly events: string[];
  /** Resolves when it has happened. */
  until(event: string): Promise<void>;
  /** What the program has written is out, as it is from the start. */
  written: Promise<void>;
  /** A server; returns what ends its last connection. */
  serve(name: string, raw?: boolean): () => void;
}

function scene(): Scene {
  const events: string[] = [];
  const waiting = new Map<string, () => void>();
  const happens = (event: string): void => {
    events.push(event);
    waiting.get(event)?.();
  };
  const drain = createDrain(
    () => {},
    (code) => happens(`exit ${code ?? 0}`),
    () => result.written,
  );
  drain.ending.tellProgram = () =>
    happens(drain.ending.over ? "told, over" : "told");
  const result: Scene = {
    drain,
    events,
    written: Promise.resolve(),
    until(event) {
      const { promise, resolve } = deferred();
      if (events.includes(event)) resolve();
      waiting.set(event, resolve);
      return promise;
    },
    serve(name, raw = false) {
      const { promise, resolve } = deferred();
      drain.add({ raw, drain: () => promise });
      return () => {
        happens(name);
        resolve();
      };
    },
  };
  return result;
}

/** A worker with one listener that nothing serves yet. */
function startingCore(drain: Drain): Core {
  const worker = {
    generation: 1,
    listeners: new Map([["web", placeholder("web")]]),
    supervised: true,
    waitUntil: drain.waitUntil,
  };
  const core: Partial<Core> = {
    attach: (attachment) => drain.add(attachment),
    attachments: new Map(),
    served() {},
    tell: () => true,
  };
  return { ...core, worker } as unknown as Core;
}

describe("a program hears of the end", () => {
  test("and its worker leaves when what it wrote is out", async () => {
    const stage = scene();
    const { promise, resolve } = deferred();
    stage.written = promise;
    stage.drain.begin(LONG, 0, "test");
    await stage.until("told, over");
    await new Promise((done) => setTimeout(done, 5));
    assert.deepEqual(stage.events, ["told, over"]);
    resolve();
    await stage.until("exit 0");
  });

  test("at once when it serves nothing", async () => {
    const { drain, events, until } = scene();
    drain.begin(LONG, 300, "test");
    await until("exit 0");
    assert.deepEqual(events, ["told, over", "exit 0"]);
  });

  test("after the last connection of all of its servers, and what they began", async () => {
    const { drain, events, until, serve } = scene();
    const first = serve("first");
    const second = serve("second");
    drain.begin(LONG, 300, "test");
    first();
    const work = deferred();
    drain.waitUntil(work.promise.then(() => void events.push("work")));
    second();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(events, ["first", "second"]);
    work.resolve();
    await until("exit 0");
    assert.deepEqual(events.slice(2), ["work", "told, over", "exit 0"]);
  });

  test("after what a server that was about to listen has accepted", async () => {
    const { drain, events, until, serve } = scene();
    const started = Promise.withResolvers<Attachment>();
    const listening = occupy(startingCore(drain), {}, {
      hold: () => Promise.resolve(),
      serve: () => started.promise,
    });
    drain.begin(LONG, 300, "test");
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(events, []);
    const late = deferred();
    started.resolve({ drain: () => late.promise });
    await listening;
    serve("another")();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(events, ["another"]);
    late.resolve();
    await until("exit 0");
    assert.deepEqual(events.slice(1), ["told, over", "exit 0"]);
  });

  test("before its raw connections, which only it can end", async () => {
    const { drain, events, until, serve } = scene();
    const raw = serve("raw", true);
    const web = serve("web");
    drain.begin(LONG, 300, "test");
    web();
    await until("told");
    raw();
    await until("exit 0");
    assert.deepEqual(events, ["web", "told", "raw", "exit 0"]);
  });

  test("after half of the time where something stays", async () => {
    const { drain, events, until, serve } = scene();
    const stays = serve("stays");
    const began = performance.now();
    drain.begin(200, 300, "test", LONG);
    await until("told");
    // A timer counts from the turn of the event loop in which it was set.
    assert.ok(performance.now() - began >= 50);
    stays();
    await until("exit 0");
    assert.deepEqual(events, ["told", "stays", "exit 0"]);
  });

  test("after half of what is left when it has to be quicker", async () => {
    const { drain, until, serve } = scene();
    serve("stays");
    drain.begin(LONG, 300, "test", LONG);
    drain.begin(20, 300, "the supervisor is gone", LONG);
    await until("told");
  });

  test("and what it begins then is waited for", async () => {
    const { drain, events, until } = scene();
    const work = deferred();
    drain.ending.tellProgram = () => drain.waitUntil(work.promise);
    drain.begin(LONG, 300, "test");
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(events, []);
    work.resolve();
    await until("exit 0");
  });
});

test("an idle connection has half of the time at most", () => {
  const { drain } = scene();
  const idle: number[] = [];
  drain.add({
    drain(ms) {
      idle.push(ms);
      return new Promise(() => {});
    },
  });
  drain.begin(1000, 2000, "test", LONG);
  assert.deepEqual(idle, [500]);
});
