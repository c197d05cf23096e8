/** Builds the Next.js app, once per content and version. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { locked } from "../lock.ts";
import { binary, cleanEnv } from "../runtimes.ts";
import { versionOf } from "./versions.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = fileURLToPath(new URL("apps/next", import.meta.url));

/** The program that `npx next` runs. */
export const NEXT: string = `${ROOT}node_modules/next/dist/bin/next`;

/** Next.js looks on the network for nothing else. */
export const OFFLINE: Readonly<Record<string, string>> = {
  NEXT_TELEMETRY_DISABLED: "1",
};

/** Where the built app is. */
export interface NextApp {
  /** The app's directory, for `next start`. */
  readonly directory: string;
  /** The program of `output: "standalone"`. */
  readonly standalone: string;
}

/**
 * Builds the app, unless that has been done.
 *
 * Below the project, since Next.js looks for itself from there, and outside of
 * node_modules, where it would take the app for somebody else's code.
 */
export async function nextApp(): Promise<NextApp> {
  const name = `next-${contentHash()}`;
  const directory = `${ROOT}.reports/${name}`;
  const finished = `${directory}/finished`;
  const standalone = `${directory}/.next/standalone/.reports/${name}/server.js`;
  await locked("next", () => {
    if (existsSync(finished)) return;
    rmSync(directory, { recursive: true, force: true });
    cpSync(SOURCE, directory, { recursive: true });
    const { status, stdout, stderr, error } = spawnSync(
      binary("node"),
      [NEXT, "build"],
      { cwd: directory, env: cleanEnv(OFFLINE), encoding: "utf8" },
    );
    if (status !== 0 || !existsSync(standalone)) {
      throw new Error(
        `Cannot build the Next.js app: ${error ?? ""}${stdout}${stderr}`,
      );
    }
    writeFileSync(finished, "");
  });
  return { directory, standalone };
}

function contentHash(): string {
  const hash = createHash("sha256").update(versionOf("next"));
  const names = readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`)
    .sort();
  for (const name of names) {
    hash.update(name.slice(SOURCE.length)).update(readFileSync(name));
  }
  return hash.digest("hex").slice(0, 12);
}
