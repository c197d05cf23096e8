import { rolldown } from "rolldown";
import { ROOT } from "./tree.ts";

const CHUNKS = "chunks";

/** What users import, run, and what workers load by its path. */
const ENTRIES = {
  mod: "mod.ts",
  worker: "worker.ts",
  cli: "cli.ts",
  "worker/preload": "worker/preload.ts",
};

/**
 * Bundles the library into a directory. Returns what is wrong, in words.
 *
 * @param dir an absolute path
 */
export async function bundle(dir: string): Promise<string[]> {
  const warnings: string[] = [];
  const build = await rolldown({
    cwd: ROOT,
    input: ENTRIES,
    platform: "node",
    external: /^(node|bun):/,
    transform: {
      target: "es2023",
      // Its module ends up in a chunk (adapters/shared/preload.ts).
      define: { PRELOAD_FILE: '"../worker/preload.js"' },
    },
    onLog: (_level, log) => void warnings.push(`rolldown: ${log.message}`),
  });
  await build.write({
    dir,
    format: "esm",
    chunkFileNames: `${CHUNKS}/[name].js`,
    // Names and lines stay, for stack traces; what explains the sources goes.
    minify: false,
    comments: { legal: true, annotation: true, jsdoc: false },
  });
  await build.close();
  return warnings;
}
