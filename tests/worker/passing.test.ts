import assert from "node:assert/strict";
import net from "node:net";
import type { FromWorker } from "../../core/protocol.ts";
import {
  createPassing,
  PATIENCE_MS,
  PAUSE_MS,
} from "../../worker/balance/passing.ts";
import type { Passing } from "../../worker/process/balancing.ts";
import { test } from "../harness.ts";
import { within } from "../within.ts";

/** A worker with a supervisor that does what the test says. */
interface Scene {
  readonly passing: Passing;
  /** What became of each connection, and what was said. */
  readonly events: readonly string[];
  readonly pending: () => number;
  over: boolean;
  /** The server is full. */
  full: boolean;
  sends: boolean;
  fail(): void;
  pass(name: string): void;
  /** Resolves once this has happened. */
  until(event: string): Promise<void>;
}

function scene(): Scene {
  const events: string[] = [];
  const looks = new Set<() => void>();
  let pending = 0;
  let failed = (): void => {};
  const add = (event: string): void => {
    events.push(event);
    for (const look of [...looks]) look();
  };
  const say = (message: FromWorker): string =>
    "id" in message ? `${message.type} ${message.id}` : message.type;
  const passing = createPassing({
    tell(message) {
      add(say(message));
      return true;
    },
    send(message, _handle, onFailed) {
      if (!made.sends) return false;
      failed = onFailed;
      add(say(message));
      return true;
    },
    balancer: {
      isOver: () => made.over,
      passedOn: () => add("counted"),
      kept: (id) => add(`wrote ${id}`),
      pending: (count) => pending = count,
    },
  });
  const made: Scene = {
    passing,
    events,
    over: true,
    full: false,
    sends: true,
    pending: () => pending,
    fail: () => failed(),
    pass: (name) =>
      passing.pass({
        listener: "main",
        handle: {},
        close: () => add(`${name} closed`),
        serve: () => add(`${name} served`),
        isFull: () => made.full,
      }),
    until: (event) =>
      within(
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (!events.includes(event)) return;
            looks.delete(look);
            resolve();
          };
          looks.add(look);
          look();
        }),
        () => `"${event}" after ${events.join(", ")}`,
      ),
  };
  return made;
}

test("what comes to a full server is not served though it has few", () => {
  const made = scene();
  const { pass, passing, events } = made;
  made.full = true;
  made.over = false;
  pass("a");
  pass("b");
  assert.deepEqual(events, ["pass 1"]);
  made.full = false;
  passing.room(1);
  assert.deepEqual(events, [
    "pass 1",
    "a closed",
    "gave 1",
    "counted",
    "b served",
  ]);
});

test("a connection is another worker's once there is room for it", () => {
  const { passing, pass, events, pending } = scene();
  pass("a");
  assert.deepEqual(events, ["pass 1"]);
  assert.equal(pending(), 1);
  passing.room(1);
  assert.deepEqual(events, ["pass 1", "a closed", "gave 1", "counted"]);
  assert.equal(pending(), 0);
  // Nothing of it is left to be given or served a second time.
  passing.room(1);
  passing.takeBack();
  assert.equal(events.length, 4);
});

test("one connection is sent at a time, in their order", () => {
  const { passing, pass, events, pending } = scene();
  for (const name of ["a", "b", "c"]) pass(name);
  assert.deepEqual(events, ["pass 1"]);
  assert.equal(pending(), 3);
  passing.room(1);
  assert.deepEqual(events.slice(1), [
    "a closed",
    "gave 1",
    "counted",
    "pass 2",
  ]);
  assert.equal(pending(), 2);
  passing.takeBack();
});

test("connections are served here once others have more", async () => {
  const made = scene();
  for (const name of ["a", "b", "c"]) made.pass(name);
  made.over = false;
  await made.until("c served");
  const served = ["wrote 1", "kept 1", "a served", "b served", "c served"];
  assert.deepEqual(made.events, ["pass 1", ...served]);
  // The answer has crossed the word that it is no longer to be had.
  made.passing.room(1);
  assert.deepEqual(made.events, ["pass 1", ...served]);
  assert.equal(made.pending(), 0);
});

test("without an answer connections are served here", async () => {
  const made = scene();
  const began = performance.now();
  for (const name of ["a", "b"]) made.pass(name);
  await made.until("b served");
  const waited = performance.now() - began;
  assert.deepEqual(made.events, [
    "pass 1",
    "wrote 1",
    "kept 1",
    "a served",
    "b served",
  ]);
  assert.ok(waited >= PATIENCE_MS - 1, `only ${waited} ms were waited`);
  assert.equal(made.pending(), 0);
  // Then nobody is made to wait for a while.
  made.pass("c");
  assert.equal(made.events.at(-1), "c served");
});

test("a late answer begins nothing anew, and ends the pause", async () => {
  const made = scene();
  made.pass("a");
  await made.until("a served");
  made.passing.room(1);
  assert.deepEqual(made.events, ["pass 1", "wrote 1", "kept 1", "a served"]);
  made.pass("b");
  assert.equal(made.events.at(-1), "pass 2");
  made.passing.room(1);
  assert.equal(made.events.at(-1), "pass 2");
  made.passing.room(2);
  assert.ok(made.events.includes("b closed"), made.events.join());
});

test("after a pause a single connection finds out", async () => {
  const made = scene();
  made.pass("a");
  await made.until("a served");
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS + 5));
  made.pass("b");
  made.pass("c");
  assert.deepEqual(made.events.slice(-2), ["pass 2", "c served"]);
  await made.until("b served");
  made.pass("d");
  assert.equal(made.events.at(-1), "d served");
});

test("what cannot be sent is served here", async () => {
  const made = scene();
  made.sends = false;
  made.pass("a");
  assert.deepEqual(made.events, ["a served"]);
  assert.equal(made.pending(), 0);
  made.sends = true;
  made.pass("b");
  made.pass("c");
  made.fail();
  await made.until("c served");
  assert.deepEqual(made.events.slice(1), [
    "pass 2",
    "wrote 2",
    "kept 2",
    "b served",
    "c served",
  ]);
  // A failure that is reported late is nobody's any more.
  made.fail();
  assert.equal(made.events.length, 6);
});

test("a worker that drains serves all that was not given away", () => {
  const { passing, pass, events, pending } = scene();
  for (const name of ["a", "b", "c"]) pass(name);
  passing.room(1);
  passing.takeBack();
  assert.deepEqual(events.slice(4), [
    "pass 2",
    "wrote 2",
    "kept 2",
    "b served",
    "c served",
  ]);
  assert.equal(pending(), 0);
  passing.room(2);
  assert.equal(events.at(-1), "c served");
});

test("an answer that could not be read yet is no silence", async () => {
  const made = scene();
  const server = net.createServer((socket) => {
    socket.on("data", () => {
      made.passing.room(1);
      socket.destroy();
    });
  }).listen(0, "127.0.0.1");
  try {
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    const socket = net.connect(port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.write("room", () => {
      made.pass("a");
      const end = performance.now() + 3 * PATIENCE_MS;
      while (performance.now() < end);
    });
    await made.until("counted");
    assert.deepEqual(made.events, ["pass 1", "a closed", "gave 1", "counted"]);
  } finally {
    server.close();
  }
});
