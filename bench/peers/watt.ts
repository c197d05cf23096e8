/**
 * Platformatic's Watt, whose workers are threads:
 * https://docs.platformatic.dev/docs/reference/node/overview and
 * https://docs.platformatic.dev/docs/reference/wattpm/cli-commands
 *
 * @module
 */

import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnv } from "../../tests/runtimes.ts";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";
import { installed, MODULES, pinnedVersions } from "./packages.ts";
import type { Peer } from "./peer.ts";

/** How long `wattpm restart` may take, in ms. */
const RESTART_MS = 120_000;

/** Watt. */
export const WATT: Peer = {
  name: "watt",
  by: "wattpm start",
  runtime: "node",
  server: "http",
  threads: true,
  fetch: false,
  rival: "balanced",
  start({ port, workers, directory, program }) {
    const write = (name: string, content: unknown): void =>
      writeFileSync(join(directory, name), `${JSON.stringify(content)}\n`);
    const version = pinnedVersions()["@platformatic/node"];
    write("package.json", { name: "app", type: "module", main: "index.js" });
    write("watt.json", {
      $schema:
        `https://schemas.platformatic.dev/@platformatic/node/${version}.json`,
      runtime: {
        server: { hostname: "127.0.0.1", port },
        workers,
        managementApi: true,
      },
    });
    writeFileSync(join(directory, "index.js"), `import "${program}";\n`);
    const command = [...installed("wattpm/bin/cli.js"), "start"];
    linkOnce(MODULES, join(directory, "node_modules"));
    return { command, env: {}, cwd: directory };
  },
  reloads: [{
    by: "wattpm restart",
    renews: true,
    async run({ supervisor }) {
      await outputOf(
        BOTH_CPUS,
        [...installed("wattpm/bin/cli.js"), "restart", String(supervisor)],
        RESTART_MS,
        cleanEnv(),
      );
    },
  }],
};

function linkOnce(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
