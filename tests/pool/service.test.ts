/** What a real datagram socket hears of a real supervisor: sd_notify(3). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { LOCAL, prefork, ready, until } from "../command.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { noNotifySocket, notifySocket } from "../notify_socket.ts";
import { patience } from "../pace.ts";
import { programs } from "../preload/programs.ts";

const files = programs();

const program = (version: string): string => `
import http from "node:http";
import process from "node:process";
if ("${version}" === "broken") throw new Error("release is broken");
const seen = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
  .filter((name) => process.env[name] !== undefined);
http.createServer((_, response) => response.end("${version}:" + seen))
  .listen(3000);
`;

/** What a supervisor says again and again, or between two words. */
const ASIDE = /^(WATCHDOG=1|EXTEND_TIMEOUT_USEC=\d+|STATUS=.*)$/;

test(
  "a service manager hears of the start, reloads and the end, and that it lives",
  { skip: noNotifySocket },
  async () => {
    const file = files.write("served.mjs", program("one"));
    const name = `@prefork-${process.pid}-${Math.random()}`;
    using manager = notifySocket(name);
    const words = (): string[] =>
      manager.heard.filter((each) => !ASIDE.test(each));
    const alive = (): number =>
      manager.heard.filter((each) => each === "WATCHDOG=1").length;
    const env = {
      NOTIFY_SOCKET: name,
      // As for Type=exec, where it waits from the start on.
      WATCHDOG_USEC: String(patience(1) * 400_000),
      WATCHDOG_PID: undefined,
    };
    const args = ["-w", "2", "--soak", "0", ...LOCAL, file];
    await using command = prefork(args, { env });
    const { listen = "" } = await ready(command);
    await until(() => words().length > 1, "it is told that it serves");
    const more = "EXTEND_TIMEOUT_USEC=30000000";
    const ready1 = "READY=1\nSTATUS=2 of 2 workers ready, generation 1";
    assert.deepEqual(words(), [`STATUS=starting\n${more}`, ready1]);
    assert.equal((await get(listen)).body, "one:");
    const before = alive();
    assert.ok(before > 0);

    files.write("served.mjs", program("broken"));
    command.signal("SIGHUP");
    await until(() => words().length > 3, "the reload has failed");
    files.write("served.mjs", program("two"));
    command.signal("SIGHUP");
    await until(() => words().length > 5, "it has reloaded");
    const [broken, failed, begun, done] = words().slice(2);
    const time = (said = ""): number =>
      Number(/^MONOTONIC_USEC=(\d+)$/m.exec(said)?.[1]);
    assert.match(broken!, /^RELOADING=1\nSTATUS=reloading to generation 2, /);
    assert.match(
      failed!,
      /^READY=1\nSTATUS=2 of 2 workers ready, generation 1; the reload to generation 2 failed: slot 0: .*release is broken/,
    );
    assert.match(begun!, /^RELOADING=1\nSTATUS=reloading to generation 3, /);
    assert.ok(time(begun) > time(broken), `${begun} ${broken}`);
    assert.ok(time(begun) / 1e6 <= uptime());
    assert.equal(done, ready1.replace(/1$/, "3"));
    assert.equal((await get(listen)).body, "two:");
    await until(() => alive() > before, "it says again that it lives");

    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.deepEqual(words().slice(6), [
      `STOPPING=1\nSTATUS=stopping, 2 workers left\n${more}`,
    ]);
  },
);

/** In seconds; a moment longer than it was. */
function uptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) + 0.02;
}
