/**
 * The worker's part in the help for stuck ones (`core/listeners/help.ts`): it
 * says when it has begun something last, and that something happens at all.
 *
 * @module
 */

import { readlinkSync } from "node:fs";
import { setImmediate } from "node:timers";
import {
  BOARD_BYTES,
  IDLE,
  ROW_BYTES,
  type Seat,
  TOUCHED_AT,
} from "../../core/balance/scoreboard.ts";
import { ACTIVE_MS } from "../../core/listeners/help.ts";
import type { FromWorker } from "../../core/protocol.ts";
import type { Steered } from "./steered.ts";
import { mapShared } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/** So often it says that something happens, in ms: before looks would end. */
const AGAIN_MS = ACTIVE_MS / 2;

/**
 * What is to be called for each request and each connection, which costs a look
 * at the clock, and once for each turn of the event loop that begins some;
 * undefined where nobody would read it: the kernel does not pick, and the
 * scoreboard cannot be mapped into memory, or could be cut, which would end
 * whoever has it mapped.
 */
export function touchBy(
  { fd, seat, helps }: Seat,
  tell: (message: FromWorker) => unknown,
  steered: Pick<Steered, "begin" | "turn"> | undefined,
): (() => void) | undefined {
  const row = helps ? rowIn(fd, seat) : undefined;
  if (row === undefined && steered === undefined) return undefined;
  let told = -Infinity;
  let turns = false;
  const touch = (at: number): void => {
    if (row !== undefined) row[TOUCHED_AT / 8] = at;
  };
  const idle = (): void => {
    turns = false;
    touch(IDLE);
    steered?.turn();
  };
  touch(IDLE);
  return () => {
    if (!turns) {
      turns = true;
      setImmediate(idle);
    }
    steered?.begin();
    if (row === undefined) return;
    const now = Date.now();
    touch(now);
    if (Math.abs(now - told) < AGAIN_MS) return;
    told = now;
    tell({ type: "active" });
  };
}

function rowIn(fd: number, seat: number): Float64Array | undefined {
  try {
    // Sealed, and ours: the number may be that of another file by now
    // (libc/share_file.ts, ./scoreboard.ts).
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    const libc = path.startsWith("/memfd:prefork") ? libcHere() : undefined;
    return libc && new Float64Array(
      mapShared(libc, fd, BOARD_BYTES),
      seat * ROW_BYTES,
      ROW_BYTES / 8,
    );
  } catch {
    return undefined;
  }
}
