/**
 * A pool by the arguments of the command, which has no word for `status()`: on
 * SIGUSR2 this supervisor writes a line into the file that BENCH_LOG names, how
 * many connections its workers have passed on.
 */

import { appendFileSync } from "node:fs";
import process from "node:process";
import { parseCommandLine } from "../../cli/arguments.ts";
import { Pool } from "../../mod.ts";

const command = parseCommandLine(process.argv.slice(2));
if (command.kind !== "run") throw new TypeError("Cannot run without a program");
const { options: { program = "", ...options } } = command;
const pool = new Pool({ ...options, program });

process.on("SIGUSR2", () => {
  const { workers } = pool.status();
  const passedOn = workers.reduce((sum, worker) => sum + worker.passedOn, 0);
  appendFileSync(
    process.env["BENCH_LOG"] ?? "/dev/null",
    `passed ${passedOn}\n`,
  );
});
process.on("SIGTERM", () => void pool.stop().then(() => process.exit()));
await pool.start();
