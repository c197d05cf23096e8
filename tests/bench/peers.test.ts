/**
 * What the bench says of prefork's peers.
 *
 * Runs once, under vitest: the bench is Node's.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { peerVerdicts } from "../../bench/peer_targets.ts";
import { PEERS, peersOf } from "../../bench/peers/peers.ts";
import type { Results, RowResult } from "../../bench/results.ts";
import { type Row, rowsOf } from "../../bench/rows.ts";
import { reloadsTable } from "../../bench/tables/reload_under_load.ts";
import type { LoadResult } from "../../bench/workloads/load.ts";
import { describe, test } from "../harness.ts";
import { RUNTIMES } from "../runtimes.ts";

const ROWS = RUNTIMES.flatMap((each) => [...rowsOf(each), ...peersOf(each)]);

function measured(id: string, more: Partial<RowResult>): [string, RowResult] {
  const row: Row = ROWS.find((each) => each.id === id)!;
  return [id, {
    row,
    load: new Map(),
    tail: new Map(),
    unequal: new Map(),
    failures: new Set(),
    ...more,
  }];
}

function results(...rows: [string, RowResult][]): Results {
  return { rows: new Map(rows), replacements: new Map() };
}

function rates(fresh: number, keepAlive: number): Map<number, LoadResult> {
  const sample = (rate: number) => ({
    rate,
    requests: rate,
    errors: 0,
    perWorker: [1],
    supervisorCpu: 0,
    cpu: 0,
  });
  return new Map([[1, {
    rss: 0,
    fresh: sample(fresh),
    keepAlive: sample(keepAlive),
  }]]);
}

function reload(by: string, failed: number, cut: number) {
  return { by, time: 1500, answered: 2000, failed, cut, announced: 3 };
}

describe("peers in the bench", () => {
  test("are rows beside one of prefork's own runtime", () => {
    const peers = ROWS.filter(({ rival }) => rival !== undefined);
    assert.equal(peers.length, PEERS.length + 1, "and Bun's node:cluster");
    for (const { id, runtime, rival, by, reloads } of peers) {
      const own = ROWS.find((row) => row.id === `${runtime}/${rival}`);
      assert.equal(own?.reloads?.length, 1, id);
      assert.ok(by && reloads, id);
    }
  });

  test("are started and reloaded as bench/README.md says", () => {
    const text = readFileSync("bench/README.md", "utf8").replaceAll(
      /\s+/g,
      " ",
    );
    for (const { by, reloads } of PEERS) {
      for (const words of [by, ...reloads.map((reload) => reload.by)]) {
        assert.ok(text.includes(words), words);
      }
    }
  });

  test("are what prefork is measured against", () => {
    const found = peerVerdicts(results(
      measured("node/balanced", {
        load: rates(300, 97),
        placement: { apart: [26, 24], atOnce: [26, 24] },
        reloads: [reload("SIGHUP", 0, 0)],
      }),
      measured("node/pm2", {
        load: rates(100, 100),
        placement: { apart: [25, 25], atOnce: [40, 0] },
        reloads: [reload("pm2 reload app", 1, 2)],
      }),
    ));
    assert.deepEqual(found.map(({ measured, met }) => [measured, met]), [
      ["0 failed, 0 cut of 2,000", true],
      ["3.000 x", true],
      ["0.970 x", false],
      ["26 : 24 beside 25 : 25", true],
      ["26 : 24 beside 40 : 0", true],
      ["0 beside 3", true],
    ]);
  });

  test("are no excuse for a loss of prefork's own", () => {
    const found = peerVerdicts(results(
      measured("node/balanced", { reloads: [reload("SIGHUP", 1, 0)] }),
      measured("node/nginx", {
        reloads: [reload("one by one", 0, 0), reload("by itself", 5, 0)],
      }),
    ));
    assert.deepEqual(found.map(({ met }) => met), [false, false, true]);
  });

  test("are compared in what both have numbers for", () => {
    const found = peerVerdicts(results(
      measured("node/balanced", { load: rates(1, 1) }),
      measured("node/watt", { reloads: [reload("wattpm restart", 0, 1)] }),
    ));
    assert.deepEqual(found, []);
  });

  test("have a line for each way to reload", () => {
    const text = reloadsTable(results(
      measured("node/nginx", {
        reloads: [reload("one by one", 0, 0), reload("by itself", 5, 0)],
      }),
    ));
    assert.equal(text.split("\n").length, 4);
    assert.match(text, /node\/nginx +\| +by itself \| +2,000 \| +5 \|/);
  });
});
