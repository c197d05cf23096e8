/**
 * Runs once, under bun: bytes are bytes, and tests/steer.test.ts has the kernel
 * judge them on every runtime.
 */
import assert from "node:assert/strict";
import { assemble, exit, jump, place } from "../../core/steer/instructions.ts";
import { steerProgram } from "../../core/steer/program.ts";
import {
  lightnessOf,
  loadIn,
  ROW,
  STEER_ROW_BYTES,
  steerTable,
} from "../../core/steer/table.ts";
import { describe, test } from "../harness.ts";
import { disassemble } from "./disassemble.ts";

describe("the program that chooses a shard", () => {
  test("says what its words say", () => {
    const bytes = steerProgram({ slots: 8, table: 33, sockets: 44 });
    assert.deepEqual(disassemble(bytes), [
      "0: r6 = r1",
      "1: call 5",
      "2: r0 s>>= 18",
      "3: *(u64 *)(r10 - 24) = r0",
      "4: r7 = 0",
      "5: r8 = 0",
      "6: r9 = 1",
      "7: r9 <<= 60",
      "8: *(u32 *)(r10 - 8) = 8",
      "9: *(u64 *)(r10 - 16) = 0",
      "10: *(u32 *)(r10 - 4) = r7",
      "11: r1 = map 33",
      "13: r2 = r10",
      "14: r2 += -4",
      "15: call 1",
      "16: if r0 == 0 goto 80",
      "17: r1 = *(u64 *)(r0 + 0)",
      "18: r8 += r1",
      "19: r2 = *(u32 *)(r0 + 32)",
      "20: if r2 == 0 goto 51",
      "21: r2 = *(u32 *)(r0 + 16)",
      "22: r1 -= r2",
      "23: r2 = *(u32 *)(r0 + 40)",
      "24: r1 -= r2",
      "25: r2 = *(u32 *)(r0 + 20)",
      "26: r1 += r2",
      "27: r2 = *(u32 *)(r0 + 36)",
      "28: if r2 == 0 goto 35",
      "29: r3 = *(u64 *)(r10 - 24)",
      "30: r3 -= r2",
      "31: r3 <<= 32",
      "32: r3 s>>= 32",
      "33: if r3 s< 4 goto 35",
      "34: r1 += 2",
      "35: r1 <<= 32",
      "36: r1 s>>= 32",
      "37: r2 = *(u32 *)(r0 + 44)",
      "38: r2 += 16",
      "39: r1 *= r2",
      "40: r2 = *(u32 *)(r0 + 24)",
      "41: r2 <<= 56",
      "42: r1 += r2",
      "43: r3 = *(u64 *)(r0 + 8)",
      "44: if r1 s> r9 goto 51",
      "45: if r1 s< r9 goto 48",
      "46: r2 = *(u64 *)(r10 - 16)",
      "47: if r3 >= r2 goto 51",
      "48: r9 = r1",
      "49: *(u64 *)(r10 - 16) = r3",
      "50: *(u32 *)(r10 - 8) = r7",
      "51: r7 += 1",
      "52: if r7 < 8 goto 10",
      "53: r1 = *(u32 *)(r10 - 8)",
      "54: if r1 == 8 goto 80",
      "55: r1 = *(u64 *)(r6 + 0)",
      "56: r2 = *(u64 *)(r6 + 8)",
      "57: r3 = r1",
      "58: r3 += 14",
      "59: if r3 > r2 goto 73",
      "60: r1 = *(u8 *)(r1 + 13)",
      "61: r1 &= 18",
      "62: if r1 != 2 goto 73",
      "63: r1 = map 33",
      "65: r2 = r10",
      "66: r2 += -8",
      "67: call 1",
      "68: if r0 == 0 goto 80",
      "69: r1 = 1",
      "70: lock *(u64 *)(r0 + 0) += r1",
      "71: r8 += 1",
      "72: *(u64 *)(r0 + 8) = r8",
      "73: r1 = r6",
      "74: r2 = map 44",
      "76: r3 = r10",
      "77: r3 += -8",
      "78: r4 = 0",
      "79: call 82",
      "80: r0 = 1",
      "81: exit",
    ]);
  });

  test("is as long for any number of slots", () => {
    const of = (slots: number) =>
      steerProgram({ slots, table: 3, sockets: 4 }).length;
    assert.equal(of(1), of(1024));
  });

  test("jumps to places that there are", () => {
    const code = [jump("end"), exit(), place("end"), exit()];
    assert.deepEqual(disassemble(assemble(code)), [
      "0: goto 2",
      "1: exit",
      "2: exit",
    ]);
    assert.throws(() => assemble([jump("nowhere")]), /no such place/);
  });
});

describe("the load table", () => {
  test("has words of its own for each slot", () => {
    const table = steerTable(new ArrayBuffer(2 * STEER_ROW_BYTES));
    const names = Object.keys(ROW) as (keyof typeof ROW)[];
    for (const [i, name] of names.entries()) table.set(1, name, 10 + i);
    assert.deepEqual(names.map((name) => table.get(1, name)), [
      ...names.map((_, i) => 10 + i),
    ]);
    assert.deepEqual(names.map((name) => table.get(0, name)), [
      ...names.map(() => 0),
    ]);
  });

  test("counts beyond 32 bits", () => {
    const table = steerTable(new ArrayBuffer(STEER_ROW_BYTES));
    table.set(0, "assigned", 3);
    table.set(0, "finished", 2 ** 32 - 2);
    assert.equal(loadIn(table, 0), 5);
    table.set(0, "bias", -7);
    assert.equal(loadIn(table, 0), -2);
  });

  test("counts connections of a light slot as many", () => {
    const table = steerTable(new ArrayBuffer(STEER_ROW_BYTES));
    table.set(0, "assigned", 3);
    table.set(0, "light", lightnessOf(0.25, 2));
    assert.equal(loadIn(table, 0), 3 * 8);
    assert.equal(lightnessOf(2, 2), 0);
    assert.equal(lightnessOf(0.001, 1000), lightnessOf(0.0001, 1000));
  });
});
