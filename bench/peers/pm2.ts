/**
 * PM2's cluster mode, in the foreground:
 * https://pm2.keymetrics.io/docs/usage/cluster-mode/ and
 * https://pm2.keymetrics.io/docs/usage/docker-pm2-nodejs/
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cleanEnv } from "../../tests/runtimes.ts";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";
import { installed } from "./packages.ts";
import type { Peer } from "./peer.ts";

/** How long `pm2 reload` may take, in ms. */
const RELOAD_MS = 120_000;

/** Nothing of another PM2 on this machine. */
const homeIn = (directory: string): Record<string, string> => ({
  PM2_HOME: join(directory, "pm2"),
});

/** PM2. */
export const PM2: Peer = {
  name: "pm2",
  by: "pm2-runtime start ecosystem.config.js",
  runtime: "node",
  server: "http",
  threads: false,
  fetch: false,
  rival: "balanced",
  start({ workers, directory, program }) {
    // A module, whatever the program is: PM2 has another runtime for others.
    writeFileSync(join(directory, "app.mjs"), `import "${program}";\n`);
    const apps = [{
      name: "app",
      script: join(directory, "app.mjs"),
      instances: workers,
      exec_mode: "cluster",
    }];
    const file = join(directory, "ecosystem.config.js");
    writeFileSync(file, `module.exports = ${JSON.stringify({ apps })};\n`);
    return {
      command: [...installed("pm2/bin/pm2-runtime"), "start", file],
      env: homeIn(directory),
    };
  },
  reloads: [{
    by: "pm2 reload app",
    renews: true,
    async run({ directory }) {
      await outputOf(
        BOTH_CPUS,
        [...installed("pm2/bin/pm2"), "reload", "app"],
        RELOAD_MS,
        cleanEnv({ ...process.env, ...homeIn(directory) }),
      );
    },
  }],
};
