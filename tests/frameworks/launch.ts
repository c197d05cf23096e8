/** What the command is told to run for an app of the matrix. */

import { fileURLToPath } from "node:url";
import { ownRuntime } from "../runtimes.ts";
import { NEXT, nextApp, OFFLINE } from "./next_build.ts";

/** A program with what belongs to it. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** What the command must hand to the runtime. */
  readonly runtimeArgs: readonly string[];
}

/** Finds an app's program, and builds it first if need be. */
export async function launchOf(app: string): Promise<Launch> {
  const plain = { args: [], env: {}, cwd: undefined, runtimeArgs: [] };
  switch (app) {
    case "next/standalone":
      return {
        ...plain,
        program: (await nextApp()).standalone,
        env: OFFLINE,
        // It is CommonJS in a package that does not say so (Deno 2.9).
        runtimeArgs: ownRuntime === "deno" ? ["--unstable-detect-cjs"] : [],
      };
    case "next/start":
      return {
        ...plain,
        program: NEXT,
        args: ["start"],
        env: OFFLINE,
        cwd: (await nextApp()).directory,
      };
    default:
      return {
        ...plain,
        program: fileURLToPath(new URL(`apps/${app}`, import.meta.url)),
      };
  }
}
