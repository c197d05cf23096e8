/** What `prefork top` shows, at several sizes. */
import assert from "node:assert/strict";
import { topLines, type TopPlace, type TopView } from "../../cli/top_view.ts";
import { describe, test } from "../harness.ts";
import { poolStatus, workerStatus } from "./fake_pool.ts";

const PLAIN: TopPlace = {
  ...{ columns: 80, rows: 24 },
  ...{ styled: false, coloured: false, unicode: false },
};

/** A pool with so many workers, which was asked a second ago, too. */
function view(count: number, more: Partial<TopView> = {}): TopView {
  const at = (
    cpu: number,
    accepted: number,
    requests: number,
  ): TopView["now"] => ({
    pool: { name: "web", pid: 4711, runtime: "node 26.10.0" },
    status: poolStatus({
      wanted: count,
      listeners: [{
        ...{ name: ":80", address: ":80", share: "sharded" },
        queue: { length: 4 * count, limit: 4096 * count },
      }],
      workers: Array.from({ length: count }, (_, slot) =>
        workerStatus(slot, {
          ...{ pid: 4_000_000 + slot, cpu, accepted, rss: 123_456_789 },
          ...{ connections: 123_456, busy: 0.5, age: 86_400_000 },
          ...{ queue: { length: 4, limit: 4096 }, lag: 0.44 * 30 ** slot },
          // The second one can count none.
          ...(slot !== 1 && { requests }),
          state: slot === 1 ? "quiesced" : "ready",
        })),
    }),
  });
  return {
    now: at(1_500, 1_200, 2_300),
    before: { report: at(1_000, 200, 300), ms: 1_000 },
    ...{ marked: 0, ...more },
  };
}

/** Without what only styles. */
const ESC = "\x1b";
const bare = (line: string): string =>
  line.replaceAll(new RegExp(`${ESC}\\[\\d+m`, "g"), "");

describe("at 80x24", () => {
  test("every figure stands in its column", () => {
    const lines = topLines(view(2), PLAIN);
    assert.equal(lines.length, 24);
    assert.deepEqual(lines.slice(0, 7), [
      "prefork web  running  2/2 ready  generation 1  pid 4711  node 26.10.0",
      "listen :80 sharded queue 8/8192",
      "CPU% 100.0  RSS 235M  open 246912  accepted/s 2000  requests/s 2000  waiting 0",
      "",
      "  SLOT     PID STATE     GEN  AGE  RST   CPU%    RSS LOOP%   LAG   CONN  REQ/S",
      ">    0 4000000 ready       1   1d    0   50.0   118M    50 0.4ms 123456   2000",
      "     1 4000001 quiesced    1   1d    0   50.0   118M    50  13ms 123456      -",
    ]);
    assert.match(lines.at(-1)!, /q quit$/);
  });

  test("what is longer than the terminal is cut, and more rows scroll", () => {
    const message = "Cannot quiesce slot 1 of the pool: ".repeat(4);
    for (const marked of [0, 50, 99]) {
      const lines = topLines(view(100, { marked, message }), PLAIN);
      assert.equal(lines.length, 24);
      for (const line of lines) assert.ok(line.length <= 80, line);
      const rows = lines.filter((line) => / 40000\d\d /.test(line));
      assert.equal(rows.length, 18);
      assert.equal(rows.filter((row) => row.startsWith(">")).length, 1);
      assert.ok(
        rows.some((row) => row.startsWith(`> ${` ${marked}`.padStart(4)}`)),
      );
      assert.ok(lines.at(-1)!.endsWith(".."));
    }
  });

  test("the first look knows no rates, and a new process has none", () => {
    const { now } = view(2);
    const [, , sums, , , row] = topLines({ now, marked: 0 }, PLAIN);
    assert.match(sums!, /^CPU% - .*accepted\/s - /);
    assert.match(row!, / {5}- +118M/);
  });

  test("the help has the keys, and fits", () => {
    const lines = topLines(view(2, { help: true }), PLAIN);
    assert.equal(lines.length, 24);
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.match(lines.join("\n"), /^s +quiesce/m);
  });
});

describe("at 200x50", () => {
  test("there are more columns, and a bar in what the terminal can show", () => {
    for (const unicode of [true, false]) {
      const place = { ...PLAIN, columns: 200, rows: 50, unicode };
      const lines = topLines(view(3), place);
      assert.equal(lines.length, 50);
      assert.match(
        lines[4]!,
        /RUN .*LAG .*QUEUE +REQUESTS +ACCEPTED +PASSED +TAKEN CPU$/,
      );
      assert.match(lines[5]!, / 2000 +1000 +4\/4096 +2300 +1200 /);
      assert.match(lines[7]!, / 396ms /);
      const bar = (unicode ? "\u2588" : "#").repeat(20);
      assert.ok(lines[5]!.endsWith(` ${bar}`), lines[5]!);
    }
  });
});

test("at every width the columns fit, and that of queues is there where a worker has one", () => {
  for (let columns = 80; columns <= 200; columns++) {
    const place = { ...PLAIN, columns };
    const [, , , , title, row] = topLines(view(2), place);
    assert.match(title!, /REQ\/S|TAKEN|CPU$/);
    for (const line of [title!, row!]) {
      assert.ok(!line.endsWith("..") && line.length <= columns, `${columns}`);
    }
    assert.equal(title!.includes("QUEUE"), columns >= 100);
    const { now } = view(2);
    const workers = now.status.workers.map(({ queue: _, ...one }) => one);
    const alone = { ...now, status: { ...now.status, workers } };
    const lines = topLines({ now: alone }, place);
    assert.ok(!lines[4]!.includes("QUEUE"));
  }
});

test("where nobody counts requests none are told", () => {
  const { now, before } = view(2);
  const none = ({ pool, status }: TopView["now"]): TopView["now"] => ({
    pool,
    status: { ...status, workers: [status.workers[1]!] },
  });
  const lines = topLines({
    now: none(now),
    before: { report: none(before!.report), ms: 1_000 },
  }, PLAIN);
  assert.match(lines[2]!, /requests\/s - +waiting 0$/);
});

test("styles and colours change no column, and nothing where they are off", () => {
  for (const [columns, rows] of [[80, 24], [200, 50]] as const) {
    const place = { ...PLAIN, columns, rows };
    const plain = topLines(view(3), place);
    assert.ok(plain.every((line) => !line.includes("\x1b")));
    const styled = { ...place, styled: true };
    const black = topLines(view(3), styled);
    assert.ok(!black.join("").includes(`${ESC}[3`), "no colour");
    const colours = topLines(view(3), { ...styled, coloured: true });
    assert.ok(colours.join("").includes(`${ESC}[33mquiesced${ESC}[39m`));
    for (const lines of [black, colours]) {
      assert.deepEqual(lines.map((line) => bare(line).trimEnd()), plain);
    }
  }
});

test("a terminal of a few rows shows what fits, and no line too many", () => {
  for (let rows = 1; rows < 12; rows++) {
    const place = { ...PLAIN, rows, columns: 20, styled: true };
    const lines = topLines(view(5), { ...place, coloured: true }).map(bare);
    assert.ok(lines.length <= Math.max(rows, 5), `${rows}: ${lines.length}`);
    for (const line of lines) assert.ok(line.length <= 20, line);
  }
});
