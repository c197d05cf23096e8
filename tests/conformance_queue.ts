/** What the kernel tells of the queues of sockets that workers accept on. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type { Adapter } from "../core/adapter.ts";
import type { Address } from "../core/options/address.ts";
import { until } from "./command.ts";
import {
  ANY_PORT,
  bind,
  childOn,
  start,
  target,
  temporaryDirectory,
} from "./conformance_tools.ts";
import { test } from "./harness.ts";

/** Adds the tests. */
export function addQueueTests(adapter: Adapter): void {
  test("of TCP: who waits, and whom a process holds", () =>
    follow(adapter, ANY_PORT));

  test("of a Unix socket", async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/s`;
    await follow(adapter, { kind: "unix", path, abstract: false });
  });

  test("of a Unix socket without a file", () =>
    follow(adapter, {
      kind: "unix",
      path: `prefork-${Math.random()}`,
      abstract: true,
    }));

  test("of TCP: who is kept out waits, and is refused when it closes", () =>
    seal(adapter, ANY_PORT, "ECONNREFUSED"));

  test("of TCP over IPv6: the same", () =>
    seal(adapter, { kind: "tcp", host: "::1", port: 0 }, "ECONNREFUSED"));

  test("of a Unix socket: who is kept out finds nothing", async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/s`;
    await seal(adapter, { kind: "unix", path, abstract: false }, "ENOENT");
  });

  test("is none before listen(2), and of what is no socket", async () => {
    const socket = await bind(adapter, ANY_PORT);
    assert.ok(!adapter.host.queued(socket.fd));
    socket.close();
    assert.equal(adapter.host.queued(9999), undefined);
    assert.equal(adapter.host.accepted(9999, 1), undefined);
  });
}

async function follow(adapter: Adapter, address: Address): Promise<void> {
  const { host } = adapter;
  const socket = await bind(adapter, address, { listen: true });
  try {
    assert.equal(host.queued(socket.fd), 0);
    const clients = [0, 1].map(() =>
      net.connect({ ...target(socket.address), allowHalfOpen: true })
    );
    for (const client of clients) {
      client.resume();
      if (client.connecting) await once(client, "connect");
    }
    assert.equal(host.queued(socket.fd), 2);
    await using child = start(adapter, childOn("node"), {
      inherits: [socket],
      env: ([fd]) => ({ LISTEN_ON: String(fd), NAME: "worker" }),
    });
    const { pid } = child.process;
    // It ends its half; the other one is open until the client ends it too.
    await until(() => host.accepted(socket.fd, pid) === 2, "both are held");
    assert.equal(host.queued(socket.fd), 0);
    for (const client of clients) client.end();
    await until(() => host.accepted(socket.fd, pid) === 0, "none is");
  } finally {
    socket.close();
  }
}

async function seal(
  adapter: Adapter,
  address: Address,
  code: string,
): Promise<void> {
  const { host } = adapter;
  const socket = await bind(adapter, address, { listen: true });
  const fds = [socket.fd];
  assert.deepEqual(host.pending(fds), { queued: 0, handshakes: 0 });
  const early = net.connect(target(socket.address));
  early.on("error", () => undefined);
  await once(early, "connect");
  assert.deepEqual(host.pending(fds), { queued: 1, handshakes: 0 });
  assert.ok(socket.seal());
  const late = net.connect(target(socket.address));
  let isIn = false;
  late.once("connect", () => isIn = true);
  const problem = once(late, "error");
  await Promise.race([problem, passed(adapter, address)]);
  assert.equal(isIn, false, "it was let in");
  assert.deepEqual(host.pending(fds), { queued: 1, handshakes: 0 });
  socket.close();
  const [error] = await problem;
  assert.equal(error.code, code);
  early.destroy();
}

/**
 * Resolves when a connection of the same kind is made, by which one that was
 * begun before it is made too or never will be: loopback is one queue. A path
 * that is gone is told of at once.
 */
async function passed(adapter: Adapter, address: Address): Promise<void> {
  if (address.kind === "unix") return await new Promise(() => {});
  const socket = await bind(adapter, address, { listen: true });
  const client = net.connect(target(socket.address));
  await once(client, "connect");
  client.destroy();
  socket.close();
}
