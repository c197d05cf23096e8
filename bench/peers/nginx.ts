/**
 * nginx in front of processes that each have a port of their own:
 * https://nginx.org/en/docs/http/load_balancing.html, with connections to them
 * kept as https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive
 * has it.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cleanEnv, commandOn } from "../../tests/runtimes.ts";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";
import type { Peer } from "./peer.ts";

/** How long a signal to nginx may take, in ms. */
const SIGNAL_MS = 10_000;

const BEHIND = fileURLToPath(
  new URL("../servers/behind_nginx.ts", import.meta.url),
);

/** nginx. */
export const NGINX: Peer = {
  name: "nginx",
  by: "nginx, node program.js on a port each",
  runtime: "node",
  server: "http behind nginx",
  threads: false,
  fetch: false,
  rival: "balanced",
  start({ directory, program }) {
    if (spawnSync("nginx", ["-v"], { stdio: "ignore" }).error) {
      throw new Error("nginx is not installed: apt-get install nginx-light");
    }
    return {
      command: [...commandOn("node", BEHIND), directory, program],
      env: {},
    };
  },
  reloads: [{
    by: "each program by SIGTERM and start",
    renews: true,
    run({ supervisor }) {
      process.kill(supervisor, "SIGHUP");
      return Promise.resolve();
    },
  }, {
    by: "nginx -s reload, the programs stay",
    renews: false,
    async run({ directory }) {
      await outputOf(
        BOTH_CPUS,
        [
          ...["nginx", "-p", directory, "-c", join(directory, "nginx.conf")],
          ...["-s", "reload"],
        ],
        SIGNAL_MS,
        cleanEnv(),
      );
    },
  }],
};
