/** Sockets at which programs say how they are: sd_notify(3). */

import assert from "node:assert/strict";
import { once } from "node:events";
import { openSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import process from "node:process";
import type { Adapter } from "../core/adapter.ts";
import { inodeAt, listProc, readProc } from "../adapters/shared/proc.ts";
import { SOCK } from "../libc/libc.ts";
import { libcHere } from "../libc/open.ts";
import { until } from "./command.ts";
import { openFiles } from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { noNotifySocket } from "./notify_socket.ts";

/** The sockets of this process that a child inherits. */
function inheritable(): string[] {
  return listProc("/proc/self/fd").filter((fd) => {
    const flags = /^flags:\s+(\d+)$/m.exec(
      readProc(`/proc/self/fdinfo/${fd}`) ?? "",
    )?.[1];
    return Number(fd) > 2 && inodeAt(Number(fd)) !== undefined &&
      flags !== undefined && (parseInt(flags, 8) & SOCK.cloexec) === 0;
  });
}

/** Adds the tests. */
export function addNotifyTests(adapter: Adapter): void {
  const skip = noNotifySocket;

  test("one hears what was said, and keeps no file that came along", {
    skip,
  }, () => {
    // What is kept in reserve is not there before the first one.
    adapter.notifySocket().close();
    const before = openFiles();
    const socket = adapter.notifySocket();
    const say = (state: string, fd?: number): void =>
      assert.equal(adapter.notify(socket.path, state, fd), undefined);
    assert.deepEqual(socket.read(), []);
    say("READY=1\nSTATUS=ä");
    const passed = openSync("/dev/null", "r");
    say("BARRIER=1", passed);
    assert.deepEqual(socket.read(), ["READY=1\nSTATUS=ä", "BARRIER=1"]);
    assert.deepEqual(socket.read(), []);
    libcHere()!.close(passed);
    socket.close();
    assert.match(adapter.notify(socket.path, "READY=1")!, /ENOENT/);
    assert.throws(() => statSync(dirname(socket.path)), { code: "ENOENT" });
    assert.equal(openFiles(), before);
  });

  test("one for lines hears each, in parts too, and gives no answer", async () => {
    // What is kept in reserve is not there before the first one.
    adapter.lineSocket().close();
    const before = openFiles();
    const socket = adapter.lineSocket();
    assert.deepEqual(inheritable(), []);
    const heard: string[] = [];
    socket.onLine = (line) => heard.push(line);
    const [first, second] = [0, 1].map(() => connect(socket.path));
    first!.write("one\ntw");
    await until(() => heard.length === 1, "the first line");
    second!.end("other\n");
    first!.end("o\n");
    await until(() => heard.length === 3, "all lines");
    assert.deepEqual(heard.sort(), ["one", "other", "two"]);
    // One that never ends its line is cut off.
    const endless = connect(socket.path);
    endless.on("error", () => {});
    endless.write("x".repeat(5000));
    await once(endless.resume(), "close");
    assert.deepEqual(heard.length, 3);
    // As is the first one of very many.
    const many = Array.from({ length: 65 }, () => connect(socket.path));
    await once(many[0]!.resume(), "close");
    many[64]!.write("last\n");
    await until(() => heard.length === 4, "the last of many");
    for (const each of many) each.destroy();
    const open = connect(socket.path);
    await once(open, "connect");
    const cut = once(open.resume(), "close");
    socket.close();
    await cut;
    assert.throws(() => statSync(dirname(socket.path)), { code: "ENOENT" });
    await until(() => openFiles() === before, "nothing is left open");
  });

  test("one without a byte is none, and hides nothing behind it", {
    skip,
  }, () => {
    const socket = adapter.notifySocket();
    assert.equal(adapter.notify(socket.path, ""), undefined);
    assert.equal(adapter.notify(socket.path, "READY=1"), undefined);
    assert.deepEqual(socket.read(), ["READY=1"]);
    socket.close();
  });

  test("one is for its user alone, and its directory stays ours", {
    skip: skip ||
      (process.getuid?.() !== 0 && "only root can give files away"),
  }, () => {
    const sockets = [adapter.notifySocket, adapter.lineSocket].flatMap((
      make,
    ) => [make(), make(65534)]);
    const modeOf = (file: string): string => {
      const { uid, mode } = statSync(file);
      return `${uid} ${(mode & 0o777).toString(8)}`;
    };
    assert.deepEqual(
      sockets.map(({ path }) => `${modeOf(path)} in ${modeOf(dirname(path))}`),
      [0, 1].flatMap(() => ["0 600 in 0 700", "65534 600 in 0 711"]),
    );
    for (const each of sockets) each.close();
  });
}
