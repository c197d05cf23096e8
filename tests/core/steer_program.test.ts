/**
 * Runs once, under bun: bytes are bytes, and tests/steer.test.ts has the kernel
 * judge them on every runtime.
 */
import assert from "node:assert/strict";
import { assemble, exit, jump, place } from "../../core/steer/instructions.ts";
import { steerProgram } from "../../core/steer/program.ts";
import {
  BUSY_COUNTS,
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
      "1: r7 = 0",
      "2: r8 = 0",
      "3: r9 = 1",
      "4: r9 <<= 40",
      "5: *(u32 *)(r10 - 8) = 8",
      "6: *(u64 *)(r10 - 16) = 0",
      "7: *(u32 *)(r10 - 4) = r7",
      "8: r1 = map 33",
      "10: r2 = r10",
      "11: r2 += -4",
      "12: call 1",
      "13: if r0 == 0 goto 67",
      "14: r1 = *(u64 *)(r0 + 0)",
      "15: r8 += r1",
      "16: r2 = *(u32 *)(r0 + 32)",
      "17: if r2 == 0 goto 38",
      "18: r2 = *(u32 *)(r0 + 16)",
      "19: r1 -= r2",
      "20: r2 = *(u32 *)(r0 + 20)",
      "21: r1 += r2",
      "22: r2 = *(u32 *)(r0 + 36)",
      "23: r2 *= 2",
      "24: r1 += r2",
      "25: r1 <<= 32",
      "26: r1 s>>= 32",
      "27: r2 = *(u32 *)(r0 + 24)",
      "28: r2 <<= 32",
      "29: r1 += r2",
      "30: r3 = *(u64 *)(r0 + 8)",
      "31: if r1 s> r9 goto 38",
      "32: if r1 s< r9 goto 35",
      "33: r2 = *(u64 *)(r10 - 16)",
      "34: if r3 >= r2 goto 38",
      "35: r9 = r1",
      "36: *(u64 *)(r10 - 16) = r3",
      "37: *(u32 *)(r10 - 8) = r7",
      "38: r7 += 1",
      "39: if r7 < 8 goto 7",
      "40: r1 = *(u32 *)(r10 - 8)",
      "41: if r1 == 8 goto 67",
      "42: r1 = *(u64 *)(r6 + 0)",
      "43: r2 = *(u64 *)(r6 + 8)",
      "44: r3 = r1",
      "45: r3 += 14",
      "46: if r3 > r2 goto 60",
      "47: r1 = *(u8 *)(r1 + 13)",
      "48: r1 &= 18",
      "49: if r1 != 2 goto 60",
      "50: r1 = map 33",
      "52: r2 = r10",
      "53: r2 += -8",
      "54: call 1",
      "55: if r0 == 0 goto 67",
      "56: r1 = 1",
      "57: lock *(u64 *)(r0 + 0) += r1",
      "58: r8 += 1",
      "59: *(u64 *)(r0 + 8) = r8",
      "60: r1 = r6",
      "61: r2 = map 44",
      "63: r3 = r10",
      "64: r3 += -8",
      "65: r4 = 0",
      "66: call 82",
      "67: r0 = 1",
      "68: exit",
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
    table.set(0, "busy", 1);
    assert.equal(loadIn(table, 0), -2 + BUSY_COUNTS);
  });
});
