import assert from "node:assert/strict";
import net from "node:net";
import type { Socket } from "node:net";
import { createHandoff } from "../../worker/handoff/dispatcher.ts";
import { arrivalOf, limitOf } from "../../worker/listening/limit.ts";
import { test } from "../harness.ts";
import { RUNTIME } from "../../worker/process/runtime.ts";

/** A server, and connections that come to it. */
function scene(max?: number | null): {
  server: net.Server & { dropMaxConnection?: boolean };
  limit: ReturnType<typeof limitOf>;
  served: number[];
  come(): Socket;
} {
  const server = net.createServer();
  if (max !== undefined) server.maxConnections = max as number;
  const limit = limitOf(server);
  const served: number[] = [];
  let last = 0;
  return {
    server,
    limit,
    served,
    come() {
      const socket = new net.Socket();
      const number = ++last;
      limit.admit(arrivalOf(socket, () => {
        served.push(number);
        limit.count(socket);
      }));
      return socket;
    },
  };
}

/** Ends one, for its server to hear. */
const leave = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once("close", () => resolve()).destroy());

const heldBy = (server: net.Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) =>
      error === null ? resolve(count) : reject(error)
    )
  );

test("whoever is above the limit waits in a row, and those that left are passed over", async () => {
  const { server, limit, served, come } = scene(2);
  const rooms: number[] = [];
  using _ = limit.watch(() => rooms.push(limit.room));
  const [first, , third] = [come(), come(), come()];
  come();
  assert.deepEqual(served, [1, 2]);
  assert.equal(await heldBy(server), 2);
  assert.equal(limit.room, 0);
  await leave(third!);
  await leave(first!);
  assert.deepEqual(served, [1, 2, 4]);
  assert.ok(rooms.every((room) => room >= 0), String(rooms));
});

test("the limit may be changed at any time", async () => {
  const { server, limit, served, come } = scene();
  come();
  come();
  assert.equal(limit.room, Infinity);
  server.maxConnections = 1;
  assert.equal(limit.isFull(), true);
  for (let i = 0; i < 3; i++) come();
  server.maxConnections = 4;
  assert.deepEqual(served, [1, 2, 3, 4]);
  server.maxConnections = undefined as never;
  assert.deepEqual(served, [1, 2, 3, 4, 5]);
  assert.equal(await heldBy(server), 5);
});

test("what is not served by anybody else is, beyond the limit", () => {
  const { limit, served, come } = scene(1);
  for (let i = 0; i < 3; i++) come();
  limit.release();
  assert.deepEqual(served, [1, 2, 3]);
});

test("dropMaxConnection has them closed, with an event", () => {
  const { server, limit, served, come } = scene(1);
  const dropped: unknown[] = [];
  server.on("drop", (data) => dropped.push(data));
  come();
  const second = come();
  server.dropMaxConnection = true;
  assert.equal(limit.isFull(), false);
  assert.equal(limit.room, Infinity);
  assert.equal(second.destroyed, true);
  assert.equal(come().destroyed, true);
  assert.deepEqual(served, [1]);
  assert.equal(dropped.length, 2);
});

test("no limit is none, and 0 what it is to the runtime", () => {
  for (const none of [undefined, null, Infinity, NaN]) {
    assert.equal(scene(none).limit.room, Infinity, String(none));
  }
  assert.equal(scene(0).limit.room, RUNTIME.zeroIsNoLimit ? Infinity : 0);
  assert.equal(scene(-1).limit.isFull(), true);
  assert.equal(scene(2.5).limit.room, 3);
});

test("one that another worker has is none that waits", async () => {
  const { limit, come, served } = scene(1);
  const held = come();
  let asked = 0;
  const passed = new Promise<void>((resolve) =>
    limit.admit({
      serve: () => served.push(0),
      socket: () => undefined,
      pass() {
        // First nobody has room.
        if (asked++ === 0) return false;
        resolve();
        return true;
      },
    })
  );
  await passed;
  await leave(held);
  assert.deepEqual(served, [1]);
});

test("one that cannot be passed on holds up no other", async () => {
  const { limit, come, served } = scene(1);
  come();
  come();
  await new Promise<void>((resolve) =>
    limit.admit({
      serve: () => served.push(0),
      socket: () => undefined,
      pass() {
        resolve();
        return true;
      },
    })
  );
  limit.release();
  assert.deepEqual(served, [1, 2]);
});

test("what was passed on to a server that is full by then waits, unread", () => {
  const taken: unknown[] = [];
  const deferred: unknown[] = [];
  const handle = { close() {} };
  let full = true;
  const { receive } = createHandoff(
    () => true,
    () => ({
      take: (socket) => void taken.push(socket.destroy()),
      defer(raw) {
        if (full) deferred.push(raw);
        return full;
      },
    }),
    () => true,
  );
  receive("web", handle, undefined);
  assert.deepEqual(deferred, [handle]);
  // One that is a socket already may have been read.
  receive("web", new net.Socket(), undefined);
  full = false;
  assert.equal(taken.length, 1);
  assert.equal(deferred.length, 1);
});
