/** What the scripts beside this folder share: real parts, and what they show. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { LoadReport } from "../../tests/strict_client.ts";

/** The root of the repository, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** How a command ended. */
export interface Ran {
  readonly code: number;
  /** What it wrote to both streams. */
  readonly text: string;
}

/** Runs a command to its end, within so many seconds; its code is looked at by who calls. */
export function attempt(words: readonly string[], seconds = 300): Ran {
  const [file, ...args] = words;
  const { status, stdout, stderr, error } = spawnSync(file!, args, {
    encoding: "utf8",
    timeout: seconds * 1000,
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 2 ** 26,
  });
  return {
    code: status ?? -1,
    text: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`.trim(),
  };
}

/** Runs a command, which must go well, and returns what it wrote. */
export function run(words: readonly string[], seconds?: number): string {
  const { code, text } = attempt(words, seconds);
  if (code === 0) return text;
  throw new Error(`${words.join(" ")} ended with ${code}:\n${text}`);
}

/** Commands, and the packages of Debian that bring them. */
const PACKAGES: Readonly<Record<string, string>> = {
  "cgi-fcgi": "libfcgi-bin",
  gunicorn: "gunicorn",
  haproxy: "haproxy",
  hypercorn: "python3-hypercorn",
  ip: "iproute2",
  mmdebstrap: "mmdebstrap",
  nginx: "nginx-light",
  "php-fpm8.2": "php8.2-fpm",
  podman: "podman",
  puma: "puma",
  runc: "runc",
  runsv: "runit",
  "s6-svscan": "s6",
  supervisord: "supervisor",
  start_server: "libserver-starter-perl",
  "systemd-socket-activate": "systemd",
  plackup: "starlet",
  starman: "starman",
  unicorn: "unicorn",
  uvicorn: "uvicorn",
};

/** Installs what is missing, or says so and ends. */
export function need(...commands: readonly string[]): void {
  const missing = commands.filter((command) =>
    attempt(["sh", "-c", `PATH=$PATH:/usr/sbin command -v ${command}`])
      .code !== 0
  );
  if (missing.length === 0) return;
  const packages = missing.map((command) => PACKAGES[command]!);
  const install = ["apt-get", "install", "-y", "--no-install-recommends"];
  if (process.geteuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    process.stderr.write(
      `This needs ${missing.join(", ")}: ${
        [...install, ...packages].join(" ")
      }\n`,
    );
    process.exit(2);
  }
  process.stdout.write(`installing ${packages.join(", ")}\n`);
  run(["apt-get", "update"]);
  run(["env", "DEBIAN_FRONTEND=noninteractive", ...install, ...packages]);
}

/** A temporary directory, until disposed. */
export function temporary(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(os.tmpdir(), "prefork-deploy-"));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

const failed: string[] = [];

/** Says what was seen, and whether that is what should be seen. */
export function show(what: string, good: boolean, seen: unknown = ""): void {
  if (!good) failed.push(what);
  const text = String(seen).trim().replaceAll(/\s*\n\s*/g, " | ");
  process.stdout.write(
    `${good ? "ok  " : "FAIL"} ${what}${text === "" ? "" : `: ${text}`}\n`,
  );
}

/** Says what clients that never retry have seen, which is to be nothing. */
export function showLoad(what: string, report: LoadReport): void {
  const { done, failed, cut } = report;
  const lost = [...failed, ...cut].slice(0, 3);
  show(
    what,
    failed.length + cut.length === 0,
    `${JSON.stringify(done)} failed=${failed.length} cut=${cut.length} ${lost}`,
  );
}

/** The last word of a script. */
export function conclude(): void {
  process.stdout.write(
    failed.length === 0 ? "all as it should be\n" : `${failed.length} failed\n`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

/** Waits until something is so; fails after so many seconds. */
export async function until(
  what: string,
  isSo: () => boolean,
  seconds = 60,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`Not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
