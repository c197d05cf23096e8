/** Reloads of the runtimes' own servers, from a client that never retries. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import process from "node:process";
import {
  fixture,
  IDLE_GRACE,
  LOCAL,
  prefork,
  ready,
  readyPids,
} from "../command.ts";
import type { Runtime } from "../runtimes.ts";
import { load, type LoadKind } from "../strict_client.ts";

/** What most pools are loaded with. */
export const BOTH: readonly LoadKind[] = ["connect", "keepalive"];

/** Why it cannot run here, if it cannot. */
export const LINUX: string | false = process.platform !== "linux" &&
  "grafting needs Linux";

/** A pool, and what loads it. */
export interface Plan {
  readonly runtime: Runtime;
  readonly program: readonly [string, ...string[]];
  readonly args?: readonly string[];
  readonly kinds?: readonly LoadKind[];
  readonly tls?: boolean;
  /** How many workers it has; three unless given. */
  readonly workers?: number;
  /** How often it is reloaded; three times unless given. */
  readonly times?: number;
  /** The mode that the pool says it has; any unless given. */
  readonly share?: string;
}

/** Reloads a pool under load. */
export async function reloads(
  {
    runtime,
    program,
    args = LOCAL,
    kinds = BOTH,
    tls = false,
    workers = 3,
    times = 3,
    share,
  }: Plan,
): Promise<void> {
  const [file, ...rest] = program;
  await using command = prefork([
    ...["-w", `${workers}`, "-r", runtime, "--soak", "0", ...args],
    ...IDLE_GRACE,
    ...[fixture(file), ...rest],
  ]);
  const { listen, share: chosen } = await ready(command);
  assert.equal(chosen, share ?? chosen);
  const open = readdirSync(`/proc/${command.pid}/fd`).length;
  await using running = await load(
    kinds.map((kind) => ({ kind, address: listen!, loops: 4, tls })),
  );
  for (let i = 0; i < times; i++) {
    command.signal("SIGHUP");
    await command.line(
      new RegExp(`^prefork reload-finished generation=${i + 2} `),
    );
  }
  const report = await running.stop();
  assert.deepEqual(report.failed, []);
  assert.deepEqual(report.cut, []);
  for (const kind of kinds) {
    assert.ok(report.done[kind]! > 20, `${kind}: ${report.done[kind]}`);
  }
  assert.equal(readyPids(command).length, workers * (1 + times));
  // An echo names no worker.
  if (kinds.includes("connect")) {
    assert.ok(Object.keys(report.bodies).length >= 3, "three workers answered");
  }
  // Workers of two generations may overlap.
  const more = readdirSync(`/proc/${command.pid}/fd`).length - open;
  assert.ok(more < 30, `the supervisor has ${more} descriptors more`);
  for (const line of command.lines) assert.doesNotMatch(line, /is fed with/);
  command.signal("SIGTERM");
  assert.deepEqual(await command.ended, { code: 0, signal: null });
}
