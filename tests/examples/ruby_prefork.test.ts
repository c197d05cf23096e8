/** examples/ruby-prefork: one socket, five workers, wait for all. */

import assert from "node:assert/strict";
import { until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { documented, leaves, pids, several, start, talk } from "./example.ts";

describe("examples/ruby-prefork", () => {
  const [supervisor] = documented("ruby-prefork");

  test("five workers answer, a signal reaches all, all are waited for", async () => {
    await using command = start(supervisor!, "127.0.0.1:0");
    const [, address] = await command.line(
      new RegExp(`^Supervisor ${command.pid} listens on (.*)$`),
    );
    const accepting = () => said(command.lines, /^Worker (\d+) accepts$/);
    await until(() => accepting().size === 5, "five workers");
    const seen = await pids(5, several(() => talk(address!)));
    assert.deepEqual(seen, accepting());
    // A client that talks first is answered too.
    assert.match(
      await talk(address!, "GET / HTTP/1.0\r\n\r\n"),
      /^Hello from \d+\n$/,
    );

    await leaves(command, "SIGTERM", seen);
    assert.deepEqual(said(command.lines, /^Worker (\d+) has left$/), seen);
    assert.equal(command.lines.at(-1), "All workers have left");
  });
});

function said(lines: readonly string[], pattern: RegExp): Set<number> {
  const numbers = lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  return new Set(numbers.map(Number).sort((a, b) => a - b));
}
