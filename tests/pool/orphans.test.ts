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
import { RUNTIMES } from "../runtimes.ts";

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
});
