/** Shows that one unmodified program works as a pool. */

import assert from "node:assert/strict";
import process from "node:process";
import {
  IDLE_GRACE,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
} from "../command.ts";
import { patience } from "../pace.ts";
import { ownRuntime } from "../runtimes.ts";
import { load } from "../strict_client.ts";
import { launchOf } from "./launch.ts";
import type { Row } from "./matrix.ts";
import type { Shown } from "./results.ts";
import { viewOf } from "./view.ts";
import { wayOf } from "./way.ts";

const WORKERS = 2;
const RELOADS = 2;

/**
 * Two workers answer at the pool's address, which the program names as its
 * own; two reloads under load lose and cut nothing; a killed worker comes back;
 * SIGTERM ends it all.
 */
export async function showCell(row: Row, app: string): Promise<Shown> {
  const { program, args, env, cwd, runtimeArgs } = await launchOf(app);
  await using command = prefork([
    ...["-w", `${WORKERS}`, ...LOCAL, "-r", ownRuntime],
    ...runtimeArgs.flatMap((arg) => ["--runtime-arg", arg]),
    ...["--soak", "0", "--start-timeout", `${patience(30)}s`],
    ...["--grace", `${patience(5)}s`],
    ...IDLE_GRACE,
    ...[program, ...args],
  ], { env, ...(cwd !== undefined && { cwd }) });
  const { listen, share } = await ready(command);
  const address = listen!;
  if (row.announces !== undefined) {
    const [line, port] = await command.line(row.announces);
    assert.equal(port, address.slice(address.lastIndexOf(":") + 1), line);
  }

  const { once, stays, tls } = row.clients;
  await using running = await load([
    // Enough to notice a loss, and not so much that it slows the reloads down.
    { kind: once, address, loops: 4, tls },
    { kind: stays, address, loops: 3, tls },
  ], new URL("sessions.mjs", import.meta.url).href);
  const view = viewOf(running, command);
  const old = readyPids(command);
  await view.untilAnswered(old);
  const way = wayOf(old[0]!, address);

  for (let generation = 2; generation < 2 + RELOADS; generation++) {
    const seen = readyPids(command).length;
    command.signal("SIGHUP");
    await command.line(
      new RegExp(`^prefork reload-finished generation=${generation} `),
    );
    await view.untilAnswered(readyPids(command).slice(seen));
  }
  await view.lossless();

  const from = command.lines.length;
  process.kill(readyPids(command).at(-1)!, "SIGKILL");
  const [, pid] = await command.line(/^prefork worker-ready .*pid=(\d+)/, from);
  await view.untilAnswered([Number(pid)]);
  await running.stop();

  command.signal("SIGTERM");
  const { code } = await command.ended;
  const told = command.lines.slice(-30).join("\n");
  const all = readyPids(command);
  assert.equal(code, 0, told);
  assert.deepEqual(all.filter(isAlive), [], told);
  // Each generation, and the one in place of the killed one.
  assert.equal(all.length, (1 + RELOADS) * WORKERS + 1, told);
  return { share: share!, way };
}
