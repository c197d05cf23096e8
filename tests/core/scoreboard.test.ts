import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import {
  createScoreboard,
  decodeRow,
  encodeRow,
  HUNG_MS,
  isServing,
  ROW_BYTES,
  type ScoreboardRow,
} from "../../core/balance/scoreboard.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";

const ROW: ScoreboardRow = {
  beat: 1_790_000_000_123,
  serving: true,
  takes: true,
  open: 25,
  busy: 0.25,
  ended: 12.5,
  recent: 100.75,
  weight: 0.15,
  accepted: 12_345_678_901,
  passedOn: 7,
  takenOver: 9,
  kept: 23,
  counts: true,
  requests: 98_765_432_109,
  lag: 1.5,
  moved: 31,
};

const doubles = (bytes: Uint8Array): Float64Array<ArrayBuffer> =>
  new Float64Array(Uint8Array.from(bytes).buffer);

describe("a record", () => {
  test("comes back as it was written, in each seat", () => {
    const others = { ...ROW, serving: false, takes: false, open: 0 };
    const board = doubles(Uint8Array.from([
      ...encodeRow(ROW),
      ...new Uint8Array(ROW_BYTES),
      ...encodeRow(others),
    ]));
    assert.deepEqual(decodeRow(board, 0), ROW);
    assert.equal(decodeRow(board, 1), undefined);
    assert.deepEqual(decodeRow(board, 2), others);
    assert.equal(decodeRow(board, 3), undefined);
  });

  test("is as long as is said, with nothing behind its fields", () => {
    const bytes = encodeRow(ROW);
    assert.equal(bytes.length, ROW_BYTES);
    // Whether requests count is said by their number.
    const used = 8 * (Object.keys(ROW).length - 1);
    assert.deepEqual([...bytes.subarray(used)], Array(128 - used).fill(0));
  });

  test("of any bytes, torn or garbage, has no number that does harm", () => {
    const kinds = [NaN, -1, Infinity, -Infinity, -0, 1e308, 5e-324, 0, 1];
    forSeeds(5_000, (random) => {
      const board = doubles(encodeRow(ROW));
      const bytes = new Uint8Array(board.buffer);
      for (let change = random.whole(1, 8); change > 0; change--) {
        if (random.chance(0.5)) {
          board[random.whole(0, board.length - 1)] = random.pick(kinds);
        } else bytes[random.whole(0, bytes.length - 1)] = random.whole(0, 255);
      }
      const read = decodeRow(board, 0);
      if (read === undefined) return;
      const seed = `seed ${random.seed}: ${JSON.stringify(read)}`;
      for (const value of Object.values(read)) {
        if (typeof value === "boolean") continue;
        assert.ok(Number.isFinite(value) && value >= 0, seed);
      }
      assert.ok(read.busy <= 1, seed);
      assert.ok(read.weight > 0, seed);
      assert.ok(read.beat > 0, seed);
    });
  });
});

test("a worker serves that accepts and has written lately", () => {
  const { beat } = ROW;
  assert.equal(isServing(ROW, beat), true);
  assert.equal(isServing(ROW, beat + HUNG_MS - 1), true);
  assert.equal(isServing(ROW, beat + HUNG_MS), false);
  // A clock that was set back.
  assert.equal(isServing(ROW, beat - HUNG_MS + 1), true);
  assert.equal(isServing(ROW, beat - HUNG_MS), false);
  assert.equal(isServing({ ...ROW, serving: false }, beat), false);
  assert.equal(HUNG_MS, 1000);
});

describe("the supervisor's scoreboard", () => {
  const make = () => {
    const file = new MemoryWorld().adapter.shareFile();
    return {
      file,
      board: createScoreboard(file),
      /** As a worker does it. */
      write: (seat: number, row: ScoreboardRow) =>
        file.write(encodeRow(row), seat * ROW_BYTES),
    };
  };

  test("gives each worker its own seat, also the 200th", () => {
    const { board, write } = make();
    for (let seat = 0; seat < 200; seat++) {
      assert.equal(board.allot(), seat);
      write(seat, { ...ROW, open: seat });
    }
    board.look();
    for (let seat = 0; seat < 200; seat++) {
      assert.equal(board.row(seat)?.open, seat);
    }
  });

  test("gives a seat that is free again, the first one", () => {
    const { board, write } = make();
    for (let seat = 0; seat < 4; seat++) write(board.allot()!, ROW);
    board.clear(2);
    board.clear(1);
    assert.deepEqual([board.allot(), board.allot(), board.allot()], [1, 2, 4]);
  });

  test("others see nobody in a seat that was cleared", () => {
    const { board, write } = make();
    const seats = [board.allot()!, board.allot()!];
    for (const seat of seats) write(seat, ROW);
    board.look();
    assert.deepEqual(seats.map((seat) => board.row(seat)?.open), [25, 25]);
    board.clear(0);
    board.look();
    assert.deepEqual(seats.map((seat) => board.row(seat)?.open), [
      undefined,
      25,
    ]);
    assert.equal(board.allot(), 0);
    board.look();
    assert.equal(board.row(0), undefined);
  });

  test("has no record of a worker without a seat, or that has said nothing", () => {
    const { board } = make();
    board.look();
    assert.equal(board.row(undefined), undefined);
    assert.equal(board.row(board.allot()), undefined);
    assert.equal(board.row(77), undefined);
  });

  test("shows what was there at the last look", () => {
    const { board, write } = make();
    const seat = board.allot()!;
    write(seat, ROW);
    assert.equal(board.row(seat), undefined);
    board.look();
    write(seat, { ...ROW, open: 26 });
    assert.equal(board.row(seat)?.open, 25);
    board.look();
    assert.equal(board.row(seat)?.open, 26);
  });

  test("has room for whoever comes, without losing the others", () => {
    const { board, write, file } = make();
    write(board.allot()!, ROW);
    for (let i = 0; i < 70; i++) board.allot();
    board.look();
    assert.deepEqual(board.row(0), ROW);
    // A worker reads the whole of it, without a hole.
    assert.equal(file.read(new Uint8Array(1e5)), 71 * ROW_BYTES);
  });
});
