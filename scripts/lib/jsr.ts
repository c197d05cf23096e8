import { spawnSync } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { ROOT } from "./tree.ts";

/** What a dry run of publishing to JSR says. */
export interface DryRun {
  /** The files, relative to the root, sorted. */
  readonly files: readonly string[];
  /** Everything that was printed. */
  readonly output: string;
  /** False when JSR would refuse the package. */
  readonly ok: boolean;
}

/**
 * Asks Deno what it would publish, and whether the types of what it exports are
 * written down. Needs no network and no account.
 *
 * Without the types themselves: `npm run check:types` has Deno check them, of
 * these files and all others, and a second time costs ten seconds of CPU.
 */
export function publishedFiles(deno = "deno"): DryRun {
  const { status, stdout, stderr } = spawnSync(
    deno,
    ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    { cwd: ROOT, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  const output = stdout + stderr;
  const root = pathToFileURL(ROOT).href;
  const files = output.split("\n").flatMap((line) => {
    const url = /^\s*(file:\/\/.*) \([\d.]+ ?[KM]?B\)$/.exec(line)?.[1];
    return url?.startsWith(root) ? [decodeURI(url.slice(root.length))] : [];
  });
  return { files: files.sort(), output, ok: status === 0 && files.length > 0 };
}
