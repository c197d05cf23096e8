/**
 * Where and with what the bench ran.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { binary, RUNTIMES } from "../tests/runtimes.ts";

/** One line about the machine and one about the versions. */
export function machine(): string {
  const model = cpus()[0]?.model ?? "unknown CPU";
  const memory = Math.round(totalmem() / 2 ** 30);
  const versions = RUNTIMES.map((runtime) => {
    const text = firstLine(binary(runtime), ["--version"]);
    return `${runtime} ${/\d[\d.]*\d/.exec(text)?.[0] ?? "?"}`;
  });
  const wrk = /wrk \S+/.exec(firstLine("wrk", ["-v"]))?.[0];
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${model}, ${cpus().length} CPUs, ${memory} GiB, Linux ${release()}, ${date}`,
    [...versions, ...(wrk === undefined ? [] : [wrk])].join(", "),
  ].join("\n");
}

function firstLine(file: string, args: readonly string[]): string {
  // Null when there is no such program: a start needs no wrk.
  const stdout: string | null = spawnSync(file, args, { encoding: "utf8" })
    .stdout;
  return stdout?.split("\n")[0] ?? "";
}
