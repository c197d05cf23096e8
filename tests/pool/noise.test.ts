import assert from "node:assert/strict";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import {
  binary,
  commandOn,
  ownRuntime,
  runtimeArgs,
  RUNTIMES,
} from "../runtimes.ts";

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

test("a worker that wants everything leaves the others what they need", {
  skip: process.platform !== "linux" && "files are counted in /proc",
}, async () => {
  const command = ["sh", "-c", 'ulimit -n 200; exec "$0" "$@"'] as const;
  const cli = commandOn(ownRuntime, libraryFile("cli"));
  await using pool = prefork(
    ["-w", "2", "-s", "balanced", ...LOCAL, fixture("hostile.ts")],
    { command: [...command, ...cli] },
  );
  const { listen } = await ready(pool);
  const victim = readyPids(pool);
  const from = pool.lines.length;
  await get(listen!, "/hostile");
  await pool.line(/all is sent$/, from);
  // Whoever it was, each of the two can be replaced.
  for (const pid of victim) {
    const at = pool.lines.length;
    process.kill(pid, "SIGKILL");
    await pool.line(/^prefork worker-ready /, at);
  }
  await distinct(listen!, 2);
  const log = pool.lines.slice(from);
  const noise = log.filter((line) => line.startsWith("prefork worker-noise "));
  assert.ok(noise.length >= 10 && noise.length < 30, `${noise.length}`);
  assert.ok(noise.some((line) => / untold=\d{4}$/.test(line)));
  assert.ok(log.join("\n").length < 100_000);
  pool.signal("SIGTERM");
  assert.equal((await pool.ended).code, 0, pool.lines.join("\n"));
});

test("a worker that writes without end is not what others wait for", async () => {
  const script = [
    '[ "$PREFORK_SLOT" = 1 ] && exec sleep 1000',
    'eval "exec yes 1 >&$NODE_CHANNEL_FD"',
  ].join("\n");
  await using pool = prefork(
    ["-w", "2", "-r", "exec", ...LOCAL, "bash", "-c", script],
  );
  await ready(pool);
  const [, other] = await pool.line(/^prefork worker-ready slot=1 .*pid=(\d+)/);
  const from = pool.lines.length;
  process.kill(Number(other), "SIGKILL");
  await pool.line(/^prefork worker-ready slot=1 /, from);
  pool.signal("SIGTERM");
  assert.equal((await pool.ended).code, 0, pool.lines.join("\n"));
});
