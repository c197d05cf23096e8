import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { count } from "../load/datagrams.ts";
import { noNotifySocket, notifySocket } from "../notify_socket.ts";
import { freeUdpPort } from "../ports.ts";
import { ownRuntime } from "../runtimes.ts";
import { temporaryDirectory } from "../conformance_tools.ts";

describe("Node without node:ffi", () => {
  const flag = "--no-experimental-ffi";
  const knows = process.allowedNodeEnvironmentFlags?.has(flag) ?? false;

  test("listens at a path, and shares a scoreboard", {
    skip: process.versions["deno"] === undefined &&
        process.versions["bun"] === undefined
      ? false
      : "the supervisor is Node's",
  }, async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/s`;
    await using command = prefork(
      ["-w", "2", "-l", `unix:${path}`, fixture("pid.ts")],
      { env: { NODE_OPTIONS: knows ? flag : "" } },
    );
    const { listen, share } = await ready(command);
    assert.equal(share, "balanced");
    assert.equal((await distinct(listen!, 2)).size, 2);
  });

  test("holds datagrams for its workers, sharded ones too", {
    skip: ownRuntime !== "node" && "the supervisor is Node's",
  }, async () => {
    const port = await freeUdpPort();
    const listen = `udp://127.0.0.1:${port}?share=sharded`;
    await using command = prefork([
      ...["-w", "2", "--max-workers", "3", "-l", listen],
      ...[fixture("plain/udp_echo.mjs"), "udp4", String(port)],
    ], { env: { NODE_OPTIONS: knows ? flag : "" } });
    await command.line(/^prefork ready /);
    // Enough that some go to each of the three shards.
    const counting = count([port], 32, 5);
    await until(() => counting.answered.size >= 2, "both workers answer");
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    await until(() => counting.answered.size >= 4, "both generations answer");
    assert.deepEqual(await counting.finish(), []);
  });

  test("has systemd-notify tell the service manager, but not of another one", {
    skip: process.versions["deno"] !== undefined ||
        process.versions["bun"] !== undefined
      ? "the supervisor is Node's"
      : noNotifySocket ||
        (spawnSync("systemd-notify", ["--version"]).error
          ? "systemd-notify is not installed"
          : false),
  }, async () => {
    using directory = temporaryDirectory();
    const notify = `${directory.path}/notify`;
    using manager = notifySocket(notify);
    await using command = prefork(
      ["-w", "1", ...LOCAL, fixture("pid.ts")],
      {
        env: {
          NODE_OPTIONS: knows ? flag : "",
          NOTIFY_SOCKET: notify,
          // No descriptor can be passed: it is not asked for.
          FDSTORE: "4",
        },
      },
    );
    const heard = (word: RegExp): Promise<void> =>
      until(() => manager.heard.some((each) => word.test(each)), `${word}`);
    await heard(/^READY=1\nSTATUS=1 of 1 workers ready, generation 1$/);
    command.signal("SIGHUP");
    await heard(/^RELOADING=1\n[^]*^MONOTONIC_USEC=\d+$/m);
    await heard(/^READY=1\nSTATUS=1 of 1 workers ready, generation 2$/);
    command.signal("SIGUSR2");
    await command.line(/Cannot upgrade .*\(NOTIFY_SOCKET\).*that takes libc/);
    command.signal("SIGTERM");
    await heard(/^STOPPING=1$/m);
    assert.equal((await command.ended).code, 0);
    assert.doesNotMatch(manager.heard.join(), /FDSTORE/);
  });
});
