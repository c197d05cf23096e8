/** Programs that are written for one test, in a directory of their own. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATH } from "../command.ts";
import { afterAll } from "../harness.ts";
import { cleanEnv } from "../runtimes.ts";

/** False where npm is not installed. */
export function hasNpm(): boolean {
  const { status } = spawnSync("npm", ["--version"], {
    env: cleanEnv({ PATH }),
  });
  return status === 0;
}

/** As npm and npx start their commands: in the foreground, with no channel. */
export const WRAPPER = `import { spawn } from "node:child_process";
const [file, ...args] = process.argv.slice(2);
const child = spawn(file, args, { stdio: "inherit" });
child.once("exit", (code) => process.exit(code ?? 1));
`;

/** Writes files; they are removed after the tests of the calling file. */
export interface Programs {
  /** The directory. */
  readonly directory: string;
  /** Writes a file and returns its path. */
  write(name: string, text: string): string;
}

/** Makes a directory for programs. */
export function programs(): Programs {
  const directory = mkdtempSync(join(tmpdir(), "prefork-programs-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return {
    directory,
    write(name, text) {
      const path = join(directory, name);
      writeFileSync(path, text);
      return path;
    },
  };
}

/**
 * A server that answers "/slow" after `ms`, and tells on stdout that it has
 * begun to.
 */
export function slowServer(ms: number, rest: string): string {
  // As an object: Node's `import` of it loads undici, and it starts often.
  return `
import process from "node:process";
const http = process.getBuiltinModule("node:http");
const server = http.createServer((request, response) => {
  if (request.url !== "/slow") return response.end(String(process.pid));
  process.stdout.write("slow begun\\n");
  setTimeout(() => response.end("slow done"), ${ms});
});
server.listen(3000);
${rest}
`;
}
