/**
 * Reads and writes the scoreboard of a fake supervisor's workers.
 *
 * @module
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import {
  decodeRow,
  encodeRow,
  ROW_BYTES,
} from "../../core/balance/scoreboard.ts";
import { rowOf } from "../core/rows.ts";

/**
 * How busy the busiest of some workers says it is, since a time. A hundred ends
 * per second count as being busy: they allow for more connections as well.
 */
export function busiest(path: string, seats: number, since: number): number {
  const bytes = readFileSync(path);
  const board = new Float64Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  );
  const rows = Array.from(
    { length: seats },
    (_, seat) => decodeRow(board, seat),
  );
  return Math.max(
    ...rows.map((each) =>
      each === undefined || each.beat < since
        ? 1
        : Math.max(each.busy, each.ended / 100)
    ),
  );
}

/** A row of a worker that is not there, as long as the test. */
export function haunt(path: string, seat: number): Disposable {
  const file = openSync(path, "r+");
  const write = (serving: boolean): void => {
    const row = encodeRow(rowOf({ serving, takes: false }));
    writeSync(file, row, 0, row.length, seat * ROW_BYTES);
  };
  write(true);
  const timer = setInterval(() => write(true), 50);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      closeSync(file);
    },
  };
}
