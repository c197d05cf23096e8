import assert from "node:assert/strict";
import process from "node:process";
import { libraryFile } from "../fixtures/library_file.ts";
import { LOCAL, prefork, ready } from "../command.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { hasNpm, programs } from "../preload/programs.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

const files = programs();
files.write(
  "server.mjs",
  `import http from "node:http";
   http.createServer((_, response) => response.end("hi")).listen(3000);`,
);
const start = [
  ...commandOn(ownRuntime, libraryFile("cli")),
  "-w",
  "1",
  ...["--log-time", "off"],
  ...LOCAL,
];
files.write(
  "package.json",
  JSON.stringify({ scripts: { start: `${start.join(" ")} server.mjs` } }),
);

const skip = process.platform !== "linux"
  ? "processes are looked for in /proc"
  : !hasNpm() && "npm is not installed";

// npm hands SIGTERM to its shell, which keeps it; it can hand on no SIGKILL.
for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(
    `${signal} to npm drains the pool that it started`,
    { skip },
    async () => {
      await using npm = prefork([], {
        command: ["npm", "start"],
        verb: true,
        cwd: files.directory,
        env: { npm_config_update_notifier: "false" },
      });
      const { listen } = await ready(npm);
      assert.equal((await get(listen!)).body, "hi");
      npm.signal(signal);
      await npm.line(/npm start \(pid \d+\), which started this, has ended/);
      await npm.line(/^prefork stopped killed=0/);
      // Whoever holds its output is gone with it.
      await npm.ended;
    },
  );
}
