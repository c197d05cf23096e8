/**
 * The scoreboard as a worker uses it: it writes its own row and reads all.
 *
 * @module
 */

import { readlinkSync } from "node:fs";
import process from "node:process";
import { codeOf } from "../../core/errors.ts";
import type { Seat } from "../../core/balance/scoreboard.ts";
import {
  BOARD_BYTES,
  decodeRow,
  encodeRow,
  isServing,
  ROW_BYTES,
  type ScoreboardRow,
  TOUCHED_AT,
  wasTaken,
} from "../../core/balance/scoreboard.ts";
import { openLibc } from "../../libc/open.ts";
import { openProc } from "../../libc/proc.ts";
import { inheritedFile } from "../../libc/share_file.ts";
import { RUNTIME } from "../process/runtime.ts";

/** What another worker says of itself, and where. */
export interface OtherRow extends ScoreboardRow {
  /** The number of its row. */
  readonly seat: number;
}

/** The scoreboard of this worker's pool. */
export interface WorkerScoreboard {
  /** Writes the own row. */
  write(row: ScoreboardRow): void;
  /** Reads the others that accept connections now, in the order of their seats. */
  others(): readonly OtherRow[];
}

/** How many rows are read at first; doubled as long as there are more. */
const FIRST = 16;

/**
 * Opens the inherited scoreboard.
 *
 * @throws {Error} of the system, where it cannot be opened
 */
export function openScoreboard({ fd, seat }: Seat): WorkerScoreboard {
  if (!isScoreboard(fd)) throw new Error(`number ${fd} is not its file`);
  const file = inheritedFile(fd);
  let bytes = new Uint8Array(FIRST * ROW_BYTES);
  // A look at once, so that one which cannot be read is not believed in.
  file.read(bytes);
  return {
    write(row) {
      const own = encodeRow(row);
      // What comes after it is written in memory, see ./help.ts.
      file.write(own.subarray(0, TOUCHED_AT), seat * ROW_BYTES);
    },
    others() {
      let read = file.read(bytes);
      // The file may be longer than what is in use, but of no use beyond its
      // size: a worker may change that where the system cannot forbid it.
      while (isFull(bytes, read) && read < BOARD_BYTES) {
        bytes = new Uint8Array(2 * bytes.length);
        read = file.read(bytes);
      }
      const rows: OtherRow[] = [];
      const now = Date.now();
      const values = new Float64Array(bytes.buffer, 0, read / 8);
      for (let at = 0; at * ROW_BYTES < read; at++) {
        const row = at === seat ? undefined : decodeRow(values, at);
        if (row !== undefined && isServing(row, now)) {
          rows.push(Object.assign(row, { seat: at }));
        }
      }
      return rows;
    },
  };
}

/** True when there may be more than was read. */
function isFull(bytes: Uint8Array<ArrayBuffer>, read: number): boolean {
  const last = bytes.length / ROW_BYTES - 1;
  return read === bytes.length &&
    wasTaken(new Float64Array(bytes.buffer), last);
}

/**
 * True for a scoreboard by its name. Something that started this process may
 * have closed it, and the number may be that of a file of somebody else, which
 * must not be written to. Where there is no such directory it is believed.
 */
function isScoreboard(fd: number): boolean {
  try {
    return /[/:]prefork[^/]*$/.test(linkOf(fd));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return process.platform !== "linux";
  }
}

/** Deno 2.9.5 lets no path in /proc be read but with `--allow-all`. */
function linkOf(fd: number): string {
  const path = `/proc/self/fd/${fd}`;
  return RUNTIME.name === "deno"
    ? openProc(openLibc()).link(path) ?? ""
    : readlinkSync(path);
}
