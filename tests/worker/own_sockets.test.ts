/** What is said of a program that is open to clients, and not by the pool. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pastThePool, unboundOf } from "../../worker/patch/own_sockets.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { test } from "../harness.ts";

test("its port or path is named, a UDP port where it is the only one", {
  skip: process.platform !== "linux" && "sockets are looked for in /proc",
}, async () => {
  const say = () => pastThePool({ worker: { listeners: new Map() } }, 3);
  const before = say();
  const udp = createSocket("udp4");
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  // A runner may have sockets of its own.
  if (before === undefined) {
    assert.equal(
      say(),
      `the program has bound UDP port ${udp.address().port} and has not called listen() in 3 s; one that serves UDP alone says itself when it is ready: process.send("ready"), with "--wait-ready"`,
    );
  }
  const directory = mkdtempSync(join(tmpdir(), "prefork-own-"));
  const path = join(directory, "socket");
  const server = createServer().listen(path);
  await once(server, "listening");
  try {
    assert.match(
      say()!,
      before === undefined
        ? new RegExp(
          `^the program listens on unix:${path} past the pool and has`,
        )
        : /past the pool/,
    );
  } finally {
    server.close();
    udp.close();
    rmSync(directory, { recursive: true });
  }
});

test("a listener of datagrams that nothing has bound is named", () => {
  const listener = (
    name: string,
    address: string,
  ): readonly [string, InheritedListener] => [name, {
    ...{ name, address, mode: "shared", fds: [], shard: 0 },
    ...{ backlog: 1, ipv6Only: false },
  }];
  const listeners = new Map([
    listener("web", ":80"),
    listener("dns", "udp://0.0.0.0:53"),
    listener("log", "udp://0.0.0.0:514"),
  ]);
  const attached = (...names: string[]) =>
    new Map(names.map((each) => [each, { drain: () => Promise.resolve() }]));
  assert.match(
    unboundOf({ worker: { listeners }, attachments: attached("log") })!,
    /^it has not bound dns by node:dgram or listenDatagram\(\)(, but UDP port \d+)?$/,
  );
  const attachments = attached("dns", "log");
  assert.equal(unboundOf({ worker: { listeners }, attachments }), undefined);
});
