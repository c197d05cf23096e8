/** Sockets that are held and never accepted on. */

import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { bindError } from "../adapters/shared/bind_error.ts";
import type { Adapter } from "../core/adapter.ts";
import {
  ANY_PORT,
  ask,
  bind,
  childOn,
  O_NONBLOCK,
  openFiles,
  settled,
  start,
  statusFlags,
  target,
} from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { binary, ownRuntime, runtimeArgs, RUNTIMES } from "./runtimes.ts";

const NESTED: string = fileURLToPath(
  new URL("./fixtures/conformance_nested.ts", import.meta.url),
);
const hasIpv6: boolean = Object.values(os.networkInterfaces()).flat()
  .some((each) => each?.address === "::1");

/** Adds the tests. */
export function addBindTests(adapter: Adapter): void {
  test("a connection waits until a worker takes it", async () => {
    const socket = await bind(adapter, ANY_PORT, { listen: true });
    try {
      assert.ok(socket.address.kind === "tcp" && socket.address.port > 0);
      const answers = [ask(socket.address), ask(socket.address)];
      await connected(socket.address);
      await using _child = start(adapter, childOn("node"), {
        inherits: [socket],
        env: ([fd]) => ({ LISTEN_ON: String(fd), NAME: "worker" }),
      });
      assert.deepEqual(await Promise.all(answers), ["worker", "worker"]);
    } finally {
      socket.close();
    }
  });

  test("without listen, the first worker opens the queue", async () => {
    const socket = await bind(adapter, ANY_PORT);
    try {
      await assert.rejects(ask(socket.address), { code: "ECONNREFUSED" });
      for (const runtime of RUNTIMES) {
        await using child = start(adapter, childOn(runtime), {
          inherits: [socket],
          env: ([fd]) => ({ LISTEN_ON: String(fd), NAME: runtime }),
        });
        await child.message({ listening: true });
        assert.equal(await ask(socket.address), runtime);
        assert.ok(statusFlags(socket.fd) & O_NONBLOCK, `after ${runtime}`);
      }
    } finally {
      socket.close();
    }
  });

  test("closed for clients and opened again, and nobody else's meanwhile", async () => {
    const socket = await bind(adapter, ANY_PORT, { listen: true });
    try {
      const refusing = adapter.refuse(socket);
      assert.ok(refusing);
      const { address } = socket;
      const waiting = ask(address);
      waiting.catch(() => undefined);
      await connected(address);
      for (let i = 0; i < 2; i++) refusing.close();
      await assert.rejects(waiting, { code: "ECONNRESET" });
      await assert.rejects(ask(address), { code: "ECONNREFUSED" });
      await assert.rejects(bind(adapter, address, { listen: true }));
      refusing.release();
      await assert.rejects(ask(address), { code: "ECONNREFUSED" });
      for (const runtime of RUNTIMES) {
        refusing.close();
        refusing.release();
        await using child = start(adapter, childOn(runtime), {
          inherits: [socket],
          env: ([fd]) => ({ LISTEN_ON: String(fd), NAME: runtime }),
        });
        await child.message({ listening: true });
        assert.equal(await ask(address), runtime);
      }
      refusing.listen(100);
      await connected(address);
    } finally {
      socket.close();
    }
  });

  test("a Unix socket cannot be closed so", async () => {
    const path = `prefork test ${process.pid}`;
    const socket = await bind(adapter, { kind: "unix", path, abstract: true });
    assert.equal(adapter.refuse(socket), undefined);
    socket.close();
  });

  test("every interface, by IPv4 and IPv6", async () => {
    const everywhere = { kind: "tcp", host: "", port: 0 } as const;
    const socket = await bind(adapter, everywhere, { listen: true });
    try {
      assert.ok(socket.address.kind === "tcp" && socket.address.host === "");
      await connected({ ...socket.address, host: "127.0.0.1" });
      if (hasIpv6) await connected({ ...socket.address, host: "::1" });
    } finally {
      socket.close();
    }
  });

  test("IPv6 alone", { skip: !hasIpv6 && "no IPv6 here" }, async () => {
    const everywhere = { kind: "tcp", host: "::", port: 0 } as const;
    const socket = await bind(adapter, everywhere, {
      listen: true,
      ipv6Only: true,
    });
    try {
      assert.ok(socket.address.kind === "tcp");
      await connected({ ...socket.address, host: "::1" });
      await assert.rejects(
        connected({ ...socket.address, host: "127.0.0.1" }),
        { code: "ECONNREFUSED" },
      );
    } finally {
      socket.close();
    }
  });

  test("a host name", async () => {
    const named = { kind: "tcp", host: "localhost", port: 0 } as const;
    const socket = await bind(adapter, named, { listen: true });
    assert.ok(socket.address.kind === "tcp");
    assert.match(socket.address.host, /^(127\.0\.0\.1|::1)$/);
    await connected(socket.address);
    socket.close();
  });

  test("an abstract name", async () => {
    const path = `prefork-test-${process.pid}-${Math.random()}`;
    const address = { kind: "unix", path, abstract: true } as const;
    const socket = await bind(adapter, address, { listen: true });
    await connected(address);
    await assert.rejects(bind(adapter, address), {
      code: "ERR_BIND",
      message: new RegExp(`"unix:@${path}": the name is in use`),
    });
    socket.close();
    await assert.rejects(ask(address), { code: "ECONNREFUSED" });
  });

  test("several sockets on one port with SO_REUSEPORT only", async () => {
    const first = await bind(adapter, ANY_PORT, {
      reusePort: true,
      listen: true,
    });
    const second = await bind(adapter, first.address, { reusePort: true });
    try {
      assert.deepEqual(second.address, first.address);
      assert.notEqual(second.fd, first.fd);
      await assert.rejects(bind(adapter, first.address), { code: "ERR_BIND" });
    } finally {
      first.close();
      second.close();
    }
  });

  test("a port in use names who holds it", async () => {
    const socket = await bind(adapter, ANY_PORT, { listen: true });
    assert.ok(socket.address.kind === "tcp");
    await assert.rejects(bind(adapter, socket.address), {
      code: "ERR_BIND",
      message: new RegExp(
        `^Cannot bind "127.0.0.1:${socket.address.port}": the port is in use by process ${process.pid} `,
      ),
    });
    socket.close();
  });

  test("addresses that cannot be had", async () => {
    const elsewhere = { kind: "tcp", host: "192.0.2.1", port: 0 } as const;
    await assert.rejects(bind(adapter, elsewhere), {
      code: "ERR_BIND",
      message: /no interface with the address "192\.0\.2\.1"/,
    });
    const unknown = { kind: "tcp", host: "no.invalid", port: 0 } as const;
    await assert.rejects(bind(adapter, unknown), {
      code: "ERR_BIND",
      message: /the host name "no\.invalid" cannot be resolved/,
    });
    const low = { kind: "tcp", host: "", port: 80 } as const;
    const refused = bindError(low, { code: "EACCES" });
    assert.match(refused.message, /":80": ports below 1024 are privileged/);
  });

  test("an inherited file descriptor", async () => {
    const socket = await bind(adapter, ANY_PORT, { listen: true });
    try {
      await using child = start(adapter, [
        binary(ownRuntime),
        ...runtimeArgs(ownRuntime, NESTED),
        ...childOn(ownRuntime),
      ], { inherits: [socket], env: ([fd]) => ({ INHERITED: String(fd) }) });
      const { address } = await child.message({ bound: true });
      assert.deepEqual(address, socket.address);
      assert.equal(await ask(socket.address), "nested");
      child.process.send("end");
      assert.deepEqual(await child.exit, { code: 0, signal: null });
    } finally {
      socket.close();
    }
    await assert.rejects(bind(adapter, { kind: "fd", fd: 9999 }), {
      code: "ERR_BIND",
      message: /"fd:9999": file descriptor 9999 is not open/,
    });
    await assert.rejects(bind(adapter, { kind: "fd", fd: noSocket() }), {
      code: "ERR_BIND",
      message: /is no socket/,
    });
  });

  test("close gives everything back", async () => {
    const before = openFiles();
    for (const listen of [false, true]) {
      const socket = await bind(adapter, ANY_PORT, { listen });
      socket.close();
      socket.close();
      const again = await bind(adapter, socket.address);
      again.close();
    }
    await settled(openFiles, before);
  });
}

/** Resolves when a connection stands, and drops it. */
function connected(address: Parameters<typeof target>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(target(address), () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

/** A descriptor of this process that is open and no socket. */
function noSocket(): number {
  const found = readdirSync("/proc/self/fd").map(Number).find((fd) => {
    try {
      return fd > 2 &&
        !readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket");
    } catch {
      return false;
    }
  });
  assert.ok(found !== undefined);
  return found;
}
