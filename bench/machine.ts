/**
 * Where and with what the bench ran.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { binary, RUNTIMES } from "../tests/runtimes.ts";
import { pinnedVersions } from "./peers/packages.ts";

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

/** One line about the versions of what runs beside prefork. */
export function peerVersions(): string {
  const { pm2, wattpm } = pinnedVersions();
  // To stderr, and nothing where it is not installed.
  const text: string | null = spawnSync("nginx", ["-v"], { encoding: "utf8" })
    .stderr;
  const nginx = /nginx\/([\d.]+)/.exec(text ?? "")?.[1] ?? "is missing";
  return `pm2 ${pm2}, wattpm ${wattpm}, nginx ${nginx}`;
}

function firstLine(file: string, args: readonly string[]): string {
  // Null when there is no such program: a start needs no wrk.
  const stdout: string | null = spawnSync(file, args, { encoding: "utf8" })
    .stdout;
  return stdout?.split("\n")[0] ?? "";
}
