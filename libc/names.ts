/**
 * The name of a process as top(1), `ps -o comm` and pgrep(1) show it.
 *
 * @module
 */

import { writeFileSync } from "node:fs";

/** The longest that the kernel keeps (PR_SET_NAME of prctl(2)). */
const LONGEST = 15;

/**
 * Names this process. What is before the end is cut where both are too long. By
 * proc_pid_comm(5), which is prctl(2) without a foreign function; where that
 * cannot be written, as on Deno without `--allow-all`, the name stays as it is.
 */
export function nameProcess(name: string, end = ""): void {
  try {
    writeFileSync(
      "/proc/self/comm",
      name.slice(0, Math.max(0, LONGEST - end.length)) + end,
    );
  } catch {
    // What it is called is nothing that anybody waits for.
  }
}
