/**
 * A pool that grows, and one that is reloaded, while clients stay that never
 * retry: their connections even out, and none of them notices.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { fixture, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime } from "../runtimes.ts";
import { load, type LoadReport } from "../strict_client.ts";
import { GOING_AWAY, HI, upgraded } from "../worker/native_scene.ts";
import { MOVED_MS } from "../../worker/balance/rebalance.ts";
import { SERVERS, tableOf } from "./rebalance_servers.ts";
import { type WatchedPool, watchedPool } from "./watched_pool.ts";

const LINUX: string | false = process.platform !== "linux" &&
  "native servers are grafted on Linux alone";

const SESSIONS = new URL("../frameworks/sessions.mjs", import.meta.url).href;

/** How many clients there are. */
const CLIENTS = 12;

/** How many connections each worker has, the most first. */
async function held(pool: WatchedPool): Promise<number[]> {
  const all = (await pool.serving()).map(({ connections }) => connections);
  return all.sort((a, b) => b - a);
}

/** Waits until this is true of what each worker has, the most first. */
async function holds(
  pool: WatchedPool,
  what: string,
  isSo: (seen: readonly number[]) => boolean,
  ms?: number,
): Promise<void> {
  let seen: number[] = [];
  try {
    await until(async () => isSo(seen = await held(pool)), what, ms);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${seen}`);
  }
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((a, b) => a + b, 0);

function unharmed({ failed, cut, ...rest }: LoadReport): void {
  assert.deepEqual(
    { failed, cut },
    { failed: [], cut: [] },
    JSON.stringify(rest),
  );
}

test("the table of docs/BALANCE.md is that of these servers", () => {
  const text = readFileSync(
    new URL("../../docs/BALANCE.md", import.meta.url),
    "utf8",
  );
  const rows = text.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const head = rows.findIndex((row) => row[3] === "what ends a connection");
  const shown = rows.slice(head + 2, head + 2 + SERVERS.length);
  assert.deepEqual(shown, tableOf(SERVERS));
});

describe("connections of clients that stay even out", () => {
  for (const { server, protocol, runtimes, shown } of SERVERS) {
    if (shown === undefined) continue;
    const { program, kind, tls } = shown;
    const everywhere = runtimes.length === 3;
    const lacks = protocol === "WebSocket" && ownRuntime === "node" &&
      !everywhere;
    if (!runtimes.includes(ownRuntime) && !lacks) continue;
    // One of each runtime's own, which the runs of the three are to have alike.
    const name = everywhere ? server : "the runtime's own";
    test(`${name}, ${protocol}: after a scale`, {
      skip: lacks ? "Node has no WebSocket server of its own" : LINUX,
      timeout: 120_000,
    }, async () => {
      await using pool = await watchedPool({
        program: fixture(program),
        workers: 2,
        rebalance: protocol === "WebSocket" ? "websockets" : "on",
      });
      await using clients = await load([{
        kind,
        address: pool.address,
        loops: CLIENTS,
        tls,
        pause: 100,
      }], SESSIONS);
      await holds(pool, "all have come", (seen) => sum(seen) === CLIENTS);
      await pool.scale(4);
      await holds(
        pool,
        "four workers are even",
        (seen) =>
          seen.length === 4 && seen[0]! - seen[3]! <= 2 &&
          // One may be on its way.
          sum(seen) >= CLIENTS - 1,
      );
      const report = await clients.stop();
      unharmed(report);
      assert.ok(report.closes > 0, JSON.stringify(report));
    });
  }

  test("and after a reload no worker has none", {
    skip: LINUX,
    timeout: 180_000,
  }, async () => {
    await using pool = await watchedPool({
      program: fixture("plain/http.mjs"),
      workers: 4,
    });
    await using clients = await load([{
      kind: "keepalive",
      address: pool.address,
      loops: CLIENTS,
      pause: 100,
    }]);
    await holds(pool, "all have come", (seen) => sum(seen) === CLIENTS);
    await pool.reload();
    await holds(
      pool,
      "all four have some",
      (seen) => seen.length === 4 && seen[3]! > 0 && sum(seen) >= CLIENTS - 1,
      // Where its workers come more than a second apart, each is a change of the
      // pool, and nobody is moved twice within a minute.
      MOVED_MS + 15_000,
    );
    unharmed(await clients.stop());
  });

  test("and one that never answers the Close of its WebSocket is let go of", {
    skip: LINUX,
    timeout: 120_000,
  }, async () => {
    await using pool = await watchedPool({
      program: fixture(
        ownRuntime === "node"
          ? "../frameworks/apps/ws.mjs"
          : "plain/own_websocket.mjs",
      ),
      workers: 2,
      rebalance: "websockets",
    });
    const port = Number(pool.address.split(":").at(-1));
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = await upgraded({ port });
        // Busy, but not with its Close.
        const sending = setInterval(() => client.send(HI), 100);
        void client.ended.then(() => clearInterval(sending));
        return client;
      }),
    );
    await holds(pool, "all have come", (seen) => sum(seen) === CLIENTS);
    await pool.scale(4);
    const told = await Promise.any(clients.map(async (client) => {
      await client.until(GOING_AWAY);
      return client;
    }));
    await told.ended;
    for (const client of clients) client.close();
  });

  test("WebSockets stay where they are unless that is asked for", {
    skip: LINUX,
  }, async () => {
    await using pool = await watchedPool({
      program: fixture("../frameworks/apps/ws.mjs"),
      workers: 2,
    });
    const { address } = pool;
    await using stay = await load([
      { kind: "websocket-stays", address, loops: CLIENTS, pause: 100 },
    ], SESSIONS);
    await holds(pool, "all have come", (seen) => sum(seen) === CLIENTS);
    await using others = await load([
      { kind: "keepalive", address, loops: CLIENTS, pause: 100 },
    ]);
    await holds(pool, "all have come", (seen) => sum(seen) === 2 * CLIENTS);
    await pool.scale(4);
    await holds(pool, "what may go has gone", (seen) => seen[3]! > 0);
    const report = await stay.stop();
    unharmed(report);
    assert.equal(report.closes, 0);
    const moved = await others.stop();
    unharmed(moved);
    assert.ok(moved.closes > 0);
  });
});
