import assert from "node:assert/strict";
import process from "node:process";
import { LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs } from "./programs.ts";

const files = programs();

const lists = files.write(
  "lists.mjs",
  `
import { spawn } from "node:child_process";
import http from "node:http";
const LS = ["-l", "/proc/self/fd"];
const byNode = () => new Promise((resolve) => {
  let text = "";
  const child = spawn("ls", LS, { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.on("data", (bytes) => text += bytes);
  child.once("close", () => resolve(text));
});
const own = {
  deno: async () => new TextDecoder().decode(
    (await new Deno.Command("ls", { args: LS }).output()).stdout),
  bun: () => new Response(Bun.spawn(["ls", ...LS]).stdout).text(),
}[globalThis.Deno ? "deno" : globalThis.Bun ? "bun" : ""] ?? byNode;
http.createServer(async (_, response) => {
  response.end(await byNode() + await own());
}).listen(3000);
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
  test("is not inherited by what it starts", async () => {
    await using command = prefork(["-w", "1", "-r", runtime, ...LOCAL, lists]);
    const { listen } = await ready(command);
    const { body } = await get(listen!);
    const links = body.match(/(\d+) -> (.*)$/gm) ?? [];
    assert.ok(links.length >= 6, body);
    // Whoever runs the tests may have left a pipe open for everybody.
    const pools = /^(?:[3-9]|\d\d+) -> (?:socket:|.*prefork)/;
    assert.deepEqual(links.filter((link) => pools.test(link)), []);
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
