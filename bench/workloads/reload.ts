/**
 * How long a reload of a large program takes, from HUP to the last of four
 * workers replaced: this build beside another one, each in a pool that runs all
 * the time.
 *
 * @module
 */

import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { type Launch, launchOf } from "../../tests/frameworks/launch.ts";
import { binary, cleanEnv } from "../../tests/runtimes.ts";
import { endGroup, freePort } from "../session.ts";

/** The programs, by their names in `tests/frameworks/apps`. */
export const RELOADED: Readonly<Record<string, string>> = {
  NestJS: "nest.mjs",
  "Next.js": "next/start",
};

/** A pool that is reloaded. */
export interface Reloaded {
  /** Reloads it; the time until all workers are replaced, in ms. */
  reload(): Promise<number>;
  /** Ends it. */
  end(): Promise<void>;
}

/** A build to compare with may have no such option. */
function hasProbation(cli: string): boolean {
  const { stdout } = spawnSync(binary("node"), [cli, "--help"], {
    encoding: "utf8",
  });
  return stdout.includes("--probation");
}

/** Starts four workers of a program by the command of a build. */
export async function startReloaded(
  cli: string,
  app: string,
  env: Readonly<Record<string, string>>,
): Promise<Reloaded> {
  const launch: Launch = await launchOf(app);
  const port = await freePort();
  const child = spawn(
    binary("node"),
    [
      cli,
      ...(hasProbation(cli) ? ["--probation", "0"] : []),
      ...["-w", "4", "-l", `127.0.0.1:${port}`, launch.program],
      ...launch.args,
    ],
    {
      cwd: launch.cwd,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: cleanEnv({ ...launch.env, ...env }),
    },
  );
  let words = "";
  const lines = createInterface({ input: child.stderr });
  lines.on("line", (line) => void (words = `${words}${line}\n`.slice(-2000)));
  const line = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const hear = (text: string): void => {
        if (!pattern.test(text)) return;
        lines.off("line", hear);
        resolve();
      };
      lines.on("line", hear);
      child.once("exit", () => reject(new Error(`${app} ended: ${words}`)));
    });
  // Builds that have no --log-time write none.
  await line(/(?:^| )prefork ready /);
  return {
    async reload() {
      const began = performance.now();
      const done = line(/(?:^| )prefork reload-(finished|failed) /);
      process.kill(child.pid!, "SIGHUP");
      await done;
      return performance.now() - began;
    },
    async end() {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      // Workers are no part of its group, and end with it.
      await endGroup(child, exited);
    },
  };
}
