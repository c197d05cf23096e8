/** Unix sockets that have a path. */

import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import type { Adapter } from "../core/adapter.ts";
import { codeOf } from "../core/errors.ts";
import type { UnixAddress } from "../core/options/address.ts";
import {
  ask,
  bind,
  childOn,
  start,
  temporaryDirectory,
} from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { RUNTIMES } from "./runtimes.ts";

const at = (path: string): UnixAddress => ({
  kind: "unix",
  path,
  abstract: false,
});

/** Adds the tests. */
export function addPathTests(adapter: Adapter): void {
  test("workers of every runtime answer on it, and it goes away", async () => {
    using directory = temporaryDirectory();
    const address = at(`${directory.path}/s`);
    const socket = await bind(adapter, address, { mode: 0o640 });
    assert.deepEqual(socket.address, address);
    assert.equal(statSync(address.path).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(directory.path).sort(), [".s.pf", "s"]);
    for (const runtime of RUNTIMES) {
      await using child = start(adapter, childOn(runtime), {
        inherits: [socket],
        env: ([fd]) => ({ LISTEN_ON: String(fd), NAME: runtime }),
      });
      await child.message({ listening: true });
      assert.equal(await ask(address), runtime);
    }
    socket.close();
    assert.deepEqual(readdirSync(directory.path), []);
  });

  test("a dead socket is replaced, a live one is not", async () => {
    using directory = temporaryDirectory();
    const address = at(`${directory.path}/s`);
    const other = at(`${directory.path}/t`);
    const dead = await bind(adapter, other);
    renameSync(other.path, address.path);
    dead.close();
    assert.ok(existsSync(address.path));
    const live = await bind(adapter, address);
    await assert.rejects(bind(adapter, address), {
      code: "ERR_BIND",
      message: /s": another process answers on it/,
    });
    const refused = await bind(adapter, address).catch((error) => error);
    assert.equal(codeOf(refused.cause), "EADDRINUSE");
    assert.deepEqual(readdirSync(directory.path).sort(), [".s.pf", "s"]);
    live.close();
  });

  test("of two that come at once one has the path", async () => {
    for (const isDead of [false, true]) {
      using directory = temporaryDirectory();
      const address = at(`${directory.path}/s`);
      if (isDead) {
        const other = at(`${directory.path}/t`);
        const dead = await bind(adapter, other);
        renameSync(other.path, address.path);
        dead.close();
      }
      const bound = await Promise.allSettled(
        Array.from({ length: 3 }, () => bind(adapter, address)),
      );
      const refused = bound.filter(({ status }) => status === "rejected");
      assert.equal(refused.length, 2, `${isDead}`);
      for (const each of bound) {
        if (each.status === "fulfilled") each.value.close();
      }
      assert.deepEqual(readdirSync(directory.path), []);
    }
  });

  test("any other file is left alone", async () => {
    using directory = temporaryDirectory();
    const address = at(`${directory.path}/s`);
    writeFileSync(address.path, "precious");
    await assert.rejects(bind(adapter, address), {
      code: "ERR_BIND",
      message: /no socket and is left alone/,
    });
    assert.equal(readFileSync(address.path, "utf8"), "precious");
    assert.deepEqual(readdirSync(directory.path), ["s"]);
  });

  test("close leaves the path of a successor alone", async () => {
    using directory = temporaryDirectory();
    const address = at(`${directory.path}/s`);
    const socket = await bind(adapter, address);
    renameSync(address.path, `${address.path}.old`);
    const successor = await bind(adapter, address);
    socket.close();
    assert.ok(existsSync(address.path));
    successor.close();
  });

  test("a path that is gone comes back, unless something else is there", async () => {
    using directory = temporaryDirectory();
    const address = at(`${directory.path}/s`);
    const spare = `${directory.path}/.s.pf`;
    // As a supervisor leaves it that was killed.
    const killed = await bind(adapter, at(`${directory.path}/t`));
    linkSync(`${directory.path}/t`, spare);
    killed.close();
    const socket = await bind(adapter, address);
    assert.equal(socket.mend?.(), undefined);
    unlinkSync(spare);
    assert.equal(socket.mend?.(), undefined);
    unlinkSync(address.path);
    assert.match(socket.mend?.() ?? "", /s" was removed, and is there again$/);
    await using child = start(adapter, childOn("node"), {
      inherits: [socket],
      env: ([fd]) => ({ LISTEN_ON: String(fd), NAME: "again" }),
    });
    await child.message({ listening: true });
    assert.equal(await ask(address), "again");
    assert.equal(socket.mend?.(), undefined);
    renameSync(address.path, `${address.path}.old`);
    writeFileSync(address.path, "precious");
    assert.match(socket.mend?.() ?? "", /something else is at its path/);
    assert.equal(socket.mend?.(), undefined);
    assert.equal(readFileSync(address.path, "utf8"), "precious");
    unlinkSync(address.path);
    assert.match(socket.mend?.() ?? "", /is there again$/);
    rmSync(directory.path, { recursive: true });
    assert.match(socket.mend?.() ?? "", /cannot be put back \(its directory/);
    assert.equal(socket.mend?.(), undefined);
    mkdirSync(directory.path);
    socket.close();
    assert.deepEqual(readdirSync(directory.path), []);
  });

  test("a path as long as it may be", async () => {
    using directory = temporaryDirectory();
    for (const length of [106, 107]) {
      const room = length - directory.path.length - 1;
      const address = at(`${directory.path}/${"x".repeat(room)}`);
      const socket = await bind(adapter, address);
      assert.ok(existsSync(address.path));
      socket.close();
    }
  });

  test("owner and group", async () => {
    using directory = temporaryDirectory();
    const address = at(`${directory.path}/s`);
    const ids = { uid: process.getuid!(), gid: process.getgid!() };
    const socket = await bind(adapter, address, {
      owner: ids.uid === 0 ? "root" : String(ids.uid),
      group: String(ids.gid),
    });
    const { uid, gid } = statSync(address.path);
    assert.deepEqual({ uid, gid }, ids);
    socket.close();
    for (const key of ["owner", "group"]) {
      await assert.rejects(bind(adapter, address, { [key]: "no-such-name" }), {
        code: "ERR_BIND",
        message: /there is no (user|group) "no-such-name"/,
      });
    }
    assert.deepEqual(readdirSync(directory.path), []);
  });

  test("a directory that does not exist", async () => {
    using directory = temporaryDirectory();
    await assert.rejects(bind(adapter, at(`${directory.path}/no/s`)), {
      code: "ERR_BIND",
      message: /its directory does not exist/,
    });
  });
}
