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
    for (const share of ["balanced", "shared", "handoff"]) {
      test(`${share} workers on ${runtime} leave within 5 s, even with a request that never ends`, async () => {
        await using command = prefork([
          "-w",
          "2",
          "-r",
          runtime,
          "-s",
          share,
          ...LOCAL,
          fixture("stuck.ts"),
        ]);
        const { listen } = await ready(command);
        const stuck = get(listen!, "/stuck").catch(() => "gone");
        await get(listen!);
        const pids = readyPids(command);
        command.signal("SIGKILL");
        await until(
          () => !pids.some(isAlive),
          `no worker of ${pids} is left`,
          5_000,
        );
        assert.equal(await stuck, "gone");
      });
    }
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
