import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";
import { poolProgram, UNMODIFIED, workerProgram } from "./requests.ts";
import { tarball } from "./tarball.ts";

/** A directory of a user's own. */
export interface Consumer {
  /** Its path. */
  readonly path: string;
  /** Writes a file into it. */
  write(name: string, text: string): void;
  /** Removes it. */
  remove(): void;
}

/** Makes an empty directory. */
export function emptyConsumer(): Consumer {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "prefork-consumer-")));
  return {
    path,
    write: (name, text) => writeFileSync(join(path, name), text),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/**
 * Makes a directory in which the tarball is installed, with no registry in
 * reach: the package has no dependencies. A pool and its program are there too.
 */
export async function npmConsumer(): Promise<Consumer> {
  const packed = await tarball();
  const consumer = emptyConsumer();
  consumer.write("package.json", `{ "private": true, "type": "module" }\n`);
  consumer.write("app.mjs", workerProgram("prefork/worker"));
  consumer.write("unmodified.mjs", UNMODIFIED);
  consumer.write("pool.mjs", poolProgram("prefork", "app.mjs"));
  await run(
    ["npm", "install", "--offline", "--no-audit", "--no-fund", packed],
    consumer.path,
  );
  return consumer;
}
