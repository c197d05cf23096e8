import assert from "node:assert/strict";
import { basename } from "node:path";
import process from "node:process";
import { LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs } from "./programs.ts";

const files = programs();

/**
 * Answers with what children have: one that was started before it listens, one
 * in the middle of a request, each by `node:child_process` and by the runtime's
 * own means.
 */
const starts = files.write(
  "starts.mjs",
  `
import { spawn } from "node:child_process";
import http from "node:http";
import process from "node:process";
const LOOK = ["-c", "ls -l /proc/self/fd; env"];
const byNode = () => new Promise((resolve) => {
  let text = "";
  const child = spawn("sh", LOOK, { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.on("data", (bytes) => text += bytes);
  child.once("close", () => resolve(text));
});
const own = {
  deno: async () => new TextDecoder().decode(
    (await new Deno.Command("sh", { args: LOOK }).output()).stdout),
  bun: () => new Response(Bun.spawn(["sh", ...LOOK]).stdout).text(),
}[globalThis.Deno ? "deno" : globalThis.Bun ? "bun" : ""] ?? byNode;
const early = [byNode(), own()];
const { env } = process;
const { get } = globalThis.Deno?.env ?? {};
const sees = () => [
  env.PREFORK_SLOT, env.PREFORK_GENERATION, "SERVER_STARTER_PORT" in env,
  get ? get("PREFORK_SLOT") : (globalThis.Bun?.env ?? env).PREFORK_SLOT,
];
const look = async () => JSON.stringify({
  sees: sees(),
  children: await Promise.all([...early, byNode(), own()]),
});
let looked;
for (const place of [env.PORT, ...process.argv.slice(2)]) {
  http.createServer(async (_, response) => {
    response.end(await (looked ??= look()));
  }).listen(place);
}
`,
);

const inherits = files.write(
  "inherits.mjs",
  `
import { spawnSync } from "node:child_process";
import http from "node:http";
http.createServer((_, response) => {
  const stdio = ["inherit", "pipe", "pipe"];
  const { status, stderr } = spawnSync("sh", ["-c", "exec 9<&0"], { stdio });
  response.end(status + String(stderr));
}).listen(3000);
`,
);

const resizes = files.write(
  "resizes.mjs",
  `
import fs from "node:fs";
import http from "node:http";
import process from "node:process";
function resize(length) {
  const fd = fs.readdirSync("/proc/self/fd").find((fd) => {
    try {
      return fs.readlinkSync("/proc/self/fd/" + fd).startsWith("/memfd:prefork");
    } catch {
      return false;
    }
  });
  if (fd === undefined) return "no such file";
  try {
    fs.truncateSync("/proc/self/fd/" + fd, length);
    return "done";
  } catch (error) {
    return error.code;
  }
}
http.createServer((request, response) => {
  const length = Number(request.url.slice(1));
  response.end(request.url === "/" ? String(process.pid) : resize(length));
}).listen(3000);
`,
);

/** Node has libc from 26.9 on; the command gives Deno the permission. */
const hasLibc = process.versions["deno"] !== undefined ||
  process.versions["bun"] !== undefined ||
  process.getBuiltinModule("node:module").isBuiltin("node:ffi");

describe("what a worker inherited", () => {
  test("is not inherited by what it starts, in any mode", async () => {
    const paths = [`${files.directory}/balanced`, `${files.directory}/handoff`];
    await using command = prefork([
      ...["-r", "node=1,deno=1,bun=1", "-l", "127.0.0.1:0?share=sharded"],
      ...paths.flatMap((
        path,
      ) => ["-l", `unix:${path}?share=${basename(path)}`]),
      starts,
      ...paths,
    ]);
    const { listen } = await ready(command);
    const answers = await distinct(listen!.split(",")[0]!, 3);
    const slots = [...answers].map((body) => {
      const { sees, children } = JSON.parse(body) as {
        readonly sees: readonly unknown[];
        readonly children: readonly string[];
      };
      for (const text of children) {
        assert.match(text, / -> /);
        // Whoever runs the tests may have left a pipe open for everybody.
        assert.doesNotMatch(text, / (?:[3-9]|\d\d+) -> (?:socket:|.*prefork)/);
        assert.doesNotMatch(text, /^(?:PREFORK_|SERVER_STARTER_|LISTEN_)/m);
        assert.doesNotMatch(text, /^NODE_CHANNEL_/m);
      }
      assert.deepEqual(sees, [sees[0], "1", true, sees[0]]);
      return sees[0];
    });
    assert.deepEqual(slots.sort(), ["0", "1", "2"]);
  });

  test("is where Deno may not prevent it, which it says", async () => {
    const allowed = ["net", "env", "run", "read"].flatMap((name) => [
      "--runtime-arg",
      `--allow-${name}`,
    ]);
    await using command = prefork(
      ["-w", "1", "-r", "deno", ...allowed, ...LOCAL, inherits],
    );
    await ready(command);
    await command.line(/inherits the pool's sockets .* allow it --allow-ffi$/);
  });

  test("is, as standard input", async () => {
    await using command = prefork(
      ["-w", "1", "-r", runtime, ...LOCAL, inherits],
    );
    const { listen } = await ready(command);
    assert.equal((await get(listen!)).body, "0");
  });

  test("as scoreboard keeps its size, whatever a worker does", {
    skip: process.platform === "linux" && hasLibc
      ? false
      : "a file is sealed by libc, on Linux",
  }, async () => {
    await using command = prefork(
      ["-w", "2", "-r", runtime, "-s", "balanced", ...LOCAL, resizes],
    );
    const { listen } = await ready(command);
    for (const length of [0, 4096, 2 ** 40]) {
      assert.equal((await get(listen!, `/${length}`)).body, "EPERM");
    }
    await distinct(listen!, 2);
    assert.doesNotMatch(command.of("stderr").join(), /ExperimentalWarning/);
  });
});
