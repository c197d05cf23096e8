/**
 * Workers are parked and accept again, over and over, under load: no connection
 * is lost and no request cut, in each mode, over TCP and Unix sockets, by the
 * runtime's own server, `node:http` and `node:net`.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ShareMode } from "../../core/adapter.ts";
import { afterAll, test } from "../harness.ts";
import { patience } from "../pace.ts";
import { ownRuntime } from "../runtimes.ts";
import { load, type LoadKind } from "../strict_client.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type ListenerPlan,
  startSupervisor,
} from "../worker/fake_supervisor.ts";

const ROUNDS = 10;
const MODES = ["balanced", "shared", "sharded", "handoff"] as const;
const SERVERS = ["http", "bare", "echo"] as const;
const KINDS: readonly LoadKind[] = [
  "connect",
  "keepalive",
  "half",
  "upload",
];

/** More than a client pauses on a connection, however slow the machine is. */
const IDLE = 400;

const dir = mkdtempSync(join(tmpdir(), "prefork-park-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A listener and where its clients connect to. */
interface Place {
  readonly plan: ListenerPlan;
  address: string;
}

async function bind(
  supervisor: FakeSupervisor,
  mode: ShareMode,
  server: string,
  unix: boolean,
): Promise<Place> {
  const name = `${mode}-${unix ? "unix-" : ""}${server}`;
  const path = unix ? `${dir}/${name}` : undefined;
  const address = `unix:${path}`;
  if (mode === "handoff") {
    return { plan: { name, port: 1, path, mode }, address };
  }
  const sharded = mode === "sharded";
  const { index, port } = await supervisor.bind(sharded, 0, path);
  const sockets = [index];
  if (sharded) sockets.push((await supervisor.bind(true, port)).index);
  return {
    plan: { name, port, path, mode, sockets },
    address: unix ? address : `127.0.0.1:${port}`,
  };
}

test(`${ROUNDS} times parked and resumed under load`, {
  timeout: 240_000,
  skip: process.platform !== "linux" && "to park needs Linux",
}, async () => {
  await using supervisor = startSupervisor();
  const places: Place[] = [];
  for (const mode of MODES) {
    for (const server of SERVERS) {
      places.push(await bind(supervisor, mode, server, false));
      if (mode === "shared" || mode === "handoff") {
        places.push(await bind(supervisor, mode, server, true));
      }
    }
  }
  const start = (slot: number) =>
    supervisor.spawn({
      runtime: ownRuntime,
      program: ["everything.ts"],
      slot,
      board: { seat: slot },
      listeners: places.map(({ plan }) => ({
        ...plan,
        shard: plan.mode === "sharded" ? slot : 0,
      })),
    });
  const workers = [await start(0), await start(1)];
  for (const each of workers) await each.until({ type: "ready" });
  for (const place of places) {
    const { name, mode, path } = place.plan;
    if (mode !== "handoff") continue;
    const port = await supervisor.spread(name, workers, path);
    if (path === undefined) place.address = `127.0.0.1:${port}`;
  }
  await using running = await load(places.flatMap(({ plan, address }) => {
    const kinds = plan.name.endsWith("echo") ? ["echo"] as const : KINDS;
    return kinds.map((kind) => ({ kind, address, loops: 1, pause: 100 }));
  }));
  const ms = patience(20_000);
  for (let i = 0; i < ROUNDS; i++) {
    const slot = i % 2;
    const [parked, other] = [workers[slot]!, workers[1 - slot]!];
    const nth = Math.floor(i / 2) + 1;
    const told = (): number =>
      parked.messages.filter(({ type }) => type === "parked").length;
    // Before it is asked: it may answer while the other one is.
    const before = told();
    await parked.send({ prefork: 1, type: "park", ms, idle: patience(IDLE) });
    for (const { plan: { name: listener, mode } } of places) {
      if (mode !== "sharded") continue;
      await other.send({ prefork: 1, type: "adopt", listener, shard: slot });
    }
    // Each third time it is called back before it has finished.
    const early = i % 3 === 2;
    if (!early) await parked.until({ type: "parked" }, before + 1);
    await parked.send({ prefork: 1, type: "resume", slot });
    await parked.until({ type: "ready" }, nth + 1);
    for (const { plan: { name: listener, mode } } of places) {
      if (mode !== "sharded") continue;
      await other.send({ prefork: 1, type: "release", listener, shard: slot });
    }
  }
  const report = await running.stop();
  const output = workers.map((each) => each.output()).join("");
  const text = `${JSON.stringify(report)} ${output}`;
  assert.deepEqual(report.failed, [], text);
  assert.deepEqual(report.cut, [], text);
  for (const kind of [...KINDS, "echo"] as const) {
    assert.ok(report.done[kind]! > ROUNDS, text);
  }
  for (const each of workers) {
    await each.send(drainMessage(ms, 60));
    assert.equal((await each.exited).code, 0, each.output());
    assert.ok(
      !each.messages.some(({ type }) => /unparkable|failed/.test(String(type))),
      JSON.stringify(each.messages.slice(-5)),
    );
  }
});
