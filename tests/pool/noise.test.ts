import assert from "node:assert/strict";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { binary, runtimeArgs, RUNTIMES } from "../runtimes.ts";

describe("a worker that writes nonsense to its channel", () => {
  for (const runtime of RUNTIMES) {
    test(`is logged with its slot, and the pool goes on (then on ${runtime})`, async () => {
      await using command = prefork([
        "-w",
        "2",
        "-r",
        "exec",
        ...LOCAL,
        fixture("noisy.sh"),
        binary(runtime),
        ...runtimeArgs(runtime, fixture("pid.ts")),
      ]);
      const { listen } = await ready(command);
      await distinct(listen!, 2);
      for (const slot of [0, 1]) {
        const noise = command.lines.filter((line) =>
          line.startsWith(`prefork worker-noise slot=${slot} `)
        ).join("\n");
        for (
          const what of [
            /JSON/,
            /explode/,
            /version 7/,
            /count.* of a .*closed/,
            /long|bytes/,
          ]
        ) {
          assert.match(noise, what);
        }
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    });
  }
});
