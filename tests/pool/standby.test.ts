import assert from "node:assert/strict";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";

describe("standby", () => {
  for (const share of ["balanced", "sharded"]) {
    test(`takes over the slot of a worker that was killed, in ${share}`, async () => {
      await using command = prefork([
        ...["-w", "2", "--standby", "1", "-s", share],
        ...["--slot-variable", "ID"],
        ...LOCAL,
        fixture("pid.ts"),
      ]);
      const { listen } = await ready(command);
      const [, pid] = await command.line(
        /^prefork worker-standby slot=8 .*pid=(\d+)/,
      );
      // As many workers answer as there are slots: a standby does not.
      const before = await distinct(listen!, 2);
      assert.equal(before.has(`pid ${pid}`), false);
      process.kill(readyPids(command)[0]!, "SIGKILL");
      const [, slot] = await command.line(
        new RegExp(`^prefork worker-promoted slot=(\\d) .*pid=${pid}`),
      );
      await command.line(
        new RegExp(`^prefork worker-ready slot=${slot} .*pid=${pid}`),
      );
      const after = await distinct(listen!, 2);
      assert.ok(after.has(`pid ${pid}`));
      assert.deepEqual([...await distinct(listen!, 2, "/slot")].sort(), [
        "0",
        "1",
      ]);
      await command.line(/^prefork worker-standby slot=9 /);
      command.signal("SIGTERM");
      assert.deepEqual(await command.ended, { code: 0, signal: null });
    });
  }
});
