import assert from "node:assert/strict";
import process from "node:process";
import {
  fixture,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { freePort } from "../ports.ts";
import { createRandom } from "../random.ts";
import { RUNTIMES } from "../runtimes.ts";

/** Of a reload: one starts, one has taken over, all have. */
const MOMENTS = [
  ["it began", /"event":"reload-started"/],
  ["a new worker was ready", /"event":"worker-ready".*"generation":2/],
  [
    "the last slot was renewed",
    /"event":"worker-ready".*"slot":1.*"generation":2/,
  ],
] as const;

describe("the supervisor dies by kill -9", () => {
  for (const runtime of RUNTIMES) {
    test(`balanced, shared and handoff workers on ${runtime} leave within 5 s, even with requests that never end`, async () => {
      await using command = prefork([
        ...["-w", "2", "-r", runtime],
        ...["balanced", "shared", "handoff"].flatMap((share) => [
          "-l",
          `127.0.0.1:0?share=${share}`,
        ]),
        fixture("stuck.ts"),
      ]);
      const addresses = (await ready(command))["listen"]!.split(",");
      const stuck = addresses.map((address) =>
        get(address, "/stuck").catch(() => "gone")
      );
      for (const address of addresses) await get(address);
      const pids = readyPids(command);
      command.signal("SIGKILL");
      await until(
        () => !pids.some(isAlive),
        `no worker of ${pids} is left`,
        5_000,
      );
      assert.deepEqual(await Promise.all(stuck), ["gone", "gone", "gone"]);
    });
  }

  test("a program in another language leaves too", {
    skip: process.platform === "linux"
      ? false
      : "prctl(2) PR_SET_PDEATHSIG is Linux'",
  }, async () => {
    await using command = prefork([
      "-w",
      "2",
      "-r",
      "exec",
      ...LOCAL,
      "sleep",
      "1000",
    ]);
    await ready(command);
    const pids = readyPids(command);
    command.signal("SIGKILL");
    await until(() => !pids.some(isAlive), "no worker is left", 5_000);
  });

  const random = createRandom(7);
  for (const [moment, pattern] of MOMENTS) {
    const wait = random.whole(0, 200);
    test(`in a reload, ${wait} ms after ${moment}: everybody leaves, and the next start is not in the way`, async () => {
      const args = ["-w", "2", "--log", "json", "--soak", "100ms"];
      args.push("-l", `127.0.0.1:${await freePort()}`, fixture("pid.ts"));
      await using command = prefork(args);
      await command.line(/"event":"ready"/);
      const from = command.lines.length;
      command.signal("SIGHUP");
      await command.line(pattern, from);
      await new Promise((resolve) => setTimeout(resolve, wait));
      command.signal("SIGKILL");
      const pids = (): number[] =>
        command.lines.flatMap((line) =>
          Number(/"event":"worker-started".*"pid":(\d+)/.exec(line)?.[1]) || []
        );
      await until(
        () => !pids().some(isAlive),
        `no worker of ${pids()} is left`,
        8_000,
      );
      assert.ok(pids().length > 2);
      await using next = prefork(args);
      await next.line(/"event":"ready"/);
      next.signal("SIGTERM");
      assert.equal((await next.ended).code, 0);
    });
  }
});
