import assert from "node:assert/strict";
import { Agent } from "node:http";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";

describe("a range of workers", () => {
  test("becomes more while they work, and the least again when they are idle", async () => {
    await using command = prefork([
      ...["-w", "1-3", "--scale-up", "10%/500ms", "--scale-down", "5%/1s"],
      ...LOCAL,
      fixture("crowded.ts"),
    ]);
    const { listen } = await ready(command);
    let enough = false;
    const scaled = command.line(/^prefork scaled from=1 to=(\d) reason="(.*)"/);
    // On one connection that is kept: each new one may wait for the busy worker
    // to accept it, and waiting is another reason for more workers.
    using kept = new DisposableStack();
    const agent = kept.adopt(
      new Agent({ keepAlive: true, maxSockets: 1 }),
      (agent) => agent.destroy(),
    );
    const working = (async () => {
      while (!enough) await get(listen!, "/burn/50", agent);
    })();
    working.catch(() => {});
    const [, , reason] = await scaled;
    await command.line(/^prefork scaled .*to=3/);
    await command.line(/^prefork worker-ready slot=2 /);
    assert.match(reason!, /^they were busy \d+ % of 500 ms$/);
    // On a busy machine it may have gone down and up again before.
    const from = command.lines.length;
    enough = true;
    await working;
    await command.line(
      /^prefork scaled from=2 to=1 reason="they were busy /,
      from,
    );
    await command.line(/^prefork worker-exited slot=1 .*reason=drained/, from);
    const gone = command.lines.slice(from).flatMap((line) =>
      /^prefork worker-exited slot=(\d) .*reason=(\w+)/.exec(line)?.slice(1, 3)
        .join(" ") ?? []
    );
    assert.deepEqual(gone, ["2 drained", "1 drained"]);
    assert.equal((await get(listen!)).status, 200);
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null });
  });
});
