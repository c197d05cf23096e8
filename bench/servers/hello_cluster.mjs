// Four of hello.mjs by node:cluster.

import cluster from "node:cluster";
import process from "node:process";
import { fileURLToPath } from "node:url";

cluster.setupPrimary({
  exec: fileURLToPath(new URL("hello.mjs", import.meta.url)),
});
for (let i = 0; i < 4; i++) cluster.fork();
process.on("SIGTERM", () => process.exit());
