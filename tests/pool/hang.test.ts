import assert from "node:assert/strict";
import process from "node:process";
import { fixture, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { RUNTIMES } from "../runtimes.ts";

const LINUX_ONLY = {
  skip: process.platform === "linux" ? false : "/proc is Linux'",
} as const;

describe("a hung worker", () => {
  for (const runtime of RUNTIMES) {
    test(
      `on ${runtime}, in "shared" where connections need no messages: the line tells a loop from SIGSTOP`,
      LINUX_ONLY,
      async () => {
        await using command = prefork([
          ...["-w", "2", "-r", runtime, "--hang-timeout", "1s"],
          ...["-l", "127.0.0.1:0?share=shared"],
          fixture("hangs.ts"),
        ]);
        const address = (await ready(command))["listen"]!;
        const [stopped] = readyPids(command);
        process.kill(stopped!, "SIGSTOP");
        const of = (pid: number | string): RegExp =>
          new RegExp(
            `^prefork worker-hung slot=\\d generation=1 pid=${pid} .*`,
          );
        assert.match(
          (await command.line(of(stopped!)))[0],
          / why="it is stopped, as by SIGSTOP" loop=stalled state=T cpu=0 /,
        );
        const answer = get(address, "/spin").catch(() => "gone");
        const [, spinning] = await command.line(/hanging (\d+)/);
        assert.match(
          (await command.line(of(spinning!)))[0],
          / why="it runs code that does not come to an end" loop=stalled /,
        );
        await command.line(
          new RegExp(`^prefork worker-exited .* pid=${spinning} reason=hung`),
        );
        assert.equal(await answer, "gone");
        assert.match((await get(address)).body, /^pid \d+$/);
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0);
      },
    );
  }
});
