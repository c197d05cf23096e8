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
 * Asks Deno what it would publish. Needs no network and no account.
 *
 * @param check false leaves out the types, which take ten seconds of CPU: for
 * who wants to know the files
 */
export function publishedFiles(deno = "deno", check = true): DryRun {
  const { status, stdout, stderr } = spawnSync(
    deno,
    [
      ...["publish", "--dry-run", "--allow-dirty"],
      ...(check ? [] : ["--no-check"]),
    ],
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
