/** Sockets of datagrams that an adapter holds, and reads nothing from. */

import assert from "node:assert/strict";
import dgram from "node:dgram";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import process from "node:process";
import type { Adapter, HeldSocket } from "../core/adapter.ts";
import type { Address } from "../core/options/address.ts";
import { until } from "./command.ts";
import { bind } from "./conformance_tools.ts";
import { test } from "./harness.ts";

const LOCAL: Address = { kind: "udp", host: "127.0.0.1", port: 0 };
const skip = process.platform !== "linux" && "proc_net(5) is Linux'";

/** Adds the tests. */
export function addDgramTests(adapter: Adapter): void {
  test("keep what comes, and nobody else can have the port", {
    skip,
  }, async () => {
    const socket = await bind(adapter, LOCAL);
    try {
      await assert.rejects(
        bind(adapter, socket.address),
        /^PreforkError: Cannot bind "udp:\/\/127\.0\.0\.1:\d+": the port is in use by process \d+ \(.*\), stop that/,
      );
      await fill(socket);
      await until(() => bytesIn(adapter, socket) > 0, "something waits");
      const { limit, drops } = adapter.host.buffered(socket.fd)!;
      assert.ok(limit > 1000);
      assert.equal(drops, 0);
      const before = bytesIn(adapter, socket);
      await fill(socket);
      await until(() => bytesIn(adapter, socket) > before, "more waits");
    } finally {
      socket.close();
    }
    const again = await bind(adapter, socket.address);
    assert.equal(bytesIn(adapter, again), 0);
    again.close();
  });

  test("are several at one port where that is asked for", async () => {
    const first = await bind(adapter, LOCAL, { reusePort: true });
    const second = await bind(adapter, first.address, { reusePort: true });
    assert.deepEqual(second.address, first.address);
    first.close();
    second.close();
  });

  const zone = linkZone();
  test("join a group of IPv6 at the interface that is named", {
    skip: skip || (zone === undefined && "no interface has IPv6 on its link"),
  }, async () => {
    const host = `ff02::7:77%${zone}`;
    const socket = await bind(adapter, { ...LOCAL, host } as Address);
    const joined = readFileSync("/proc/net/igmp6", "utf8");
    socket.close();
    assert.match(joined, new RegExp(` ${zone} +ff020{20}00070077 `));
  });

  test("have no buffer that can be seen where they are of TCP", async () => {
    const socket = await bind(adapter, { ...LOCAL, kind: "tcp" } as Address);
    assert.equal(adapter.host.buffered(socket.fd), undefined);
    socket.close();
  });
}

/** An interface that has an address of its link (RFC 4291, 2.5.6). */
function linkZone(): string | undefined {
  return Object.entries(networkInterfaces()).find(([, all]) =>
    all?.some(({ address }) => address.startsWith("fe80:"))
  )?.[0];
}

function bytesIn({ host }: Adapter, { fd }: HeldSocket): number {
  return host.buffered(fd)?.bytes ?? -1;
}

async function fill({ address }: HeldSocket): Promise<void> {
  assert.ok(address.kind === "udp");
  const client = dgram.createSocket("udp4");
  await new Promise((resolve) =>
    client.send("hello", address.port, address.host, resolve)
  );
  client.close();
}
