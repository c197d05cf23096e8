import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { LOCAL, prefork, ready, readyPids } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-down-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const program = join(dir, "server.mjs");
writeFileSync(
  program,
  `import { existsSync } from "node:fs";
import { createServer } from "node:http";
if (existsSync(new URL("./broken", import.meta.url))) {
  throw new Error("no database today");
}
createServer((_, response) => response.end("hello")).listen(0);
`,
);

/** The same with each listener of the pool. */
const several = join(dir, "several.mjs");
writeFileSync(
  several,
  `import { existsSync } from "node:fs";
import { attach, serve } from ${JSON.stringify(libraryFile("worker"))};
if (existsSync(new URL("./crowded", import.meta.url))) {
  throw new Error("no database today");
}
for (const name of attach().listeners.keys()) {
  await serve(() => new Response("hello"), { name });
}
`,
);

const NO_FFI = "--no-experimental-ffi";

/** Node has two means for it, by its version. */
const NODES = [
  ["with libc", {}, {}],
  ["on Node without libc", {
    skip: ownRuntime !== "node" && "the supervisor is Node's",
  }, {
    NODE_OPTIONS: process.allowedNodeEnvironmentFlags?.has(NO_FFI)
      ? NO_FFI
      : "",
  }],
] as const;

/** What comes back for a text, until the other end closes. */
function say(address: string, text: string): Promise<string> {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = host === undefined
      ? net.connect(address.slice("unix:".length))
      : net.connect(Number(port), host);
    socket.setEncoding("latin1");
    socket.on("data", (data) => answer += String(data));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

describe("while no worker serves", () => {
  test("clients are told so, none is reset, and the next worker gets the rest", async () => {
    await using command = prefork(
      ["-w", "1", "--down-after", "200ms", ...LOCAL, program],
    );
    const { listen } = await ready(command);
    const broken = join(dir, "broken");
    writeFileSync(broken, "");
    process.kill(readyPids(command)[0]!, "SIGKILL");
    await command.line(/^prefork worker-exited .*signal=SIGKILL/);
    // It waits, and is told with the others.
    const early = get(listen!);
    await command.line(
      /^prefork pool-down wanted=1 reason=".*slot 0: .*(SIGKILL|no database today)/,
    );
    await command.line(/^prefork listener-down .* answer=503$/);
    assert.equal((await early).status, 503);
    const answer = await say(listen!, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(answer, /\r\nRetry-After: 5\r\n/);
    assert.match(answer, /\r\nConnection: close\r\n/);
    const body = "x".repeat(300_000);
    const post = `POST / HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`;
    assert.match(await say(listen!, post + body), /^HTTP\/1\.1 503 /);
    assert.equal(await say(listen!, "hello?\n\n"), "");
    const many = await Promise.all(
      Array.from({ length: 100 }, () => get(listen!)),
    );
    assert.ok(many.every(({ status }) => status === 503));
    rmSync(broken);
    const [, answered] = await command.line(
      /^prefork listener-up .* answered=(\d+)$/,
    );
    assert.equal(Number(answered), 103);
    assert.equal((await get(listen!)).body, "hello");
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  test("they are refused where that is asked for, and served at the same port", async () => {
    await using command = prefork([
      ...["-w", "1", "--down", "refuse", "--down-after", "200ms"],
      ...[...LOCAL, program],
    ]);
    const { listen } = await ready(command);
    const broken = join(dir, "broken");
    writeFileSync(broken, "");
    process.kill(readyPids(command)[0]!, "SIGKILL");
    await command.line(/^prefork listener-down .* answer=refuse$/);
    await assert.rejects(get(listen!), { code: "ECONNREFUSED" });
    rmSync(broken);
    await command.line(/^prefork listener-up /);
    assert.equal((await get(listen!)).body, "hello");
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  for (const [what, options, env] of NODES) {
    test(
      `answered behind a balancer's header, in handoff, and at a path: ${what}`,
      options,
      async () => {
        const broken = join(dir, "crowded");
        const listen = [
          "127.0.0.1:0?proxy=v1",
          "127.0.0.1:0?share=handoff",
          `unix:${join(dir, "s")}`,
        ];
        await using command = prefork([
          ...["-w", "1", "--down", "503", "--down-after", "200ms"],
          ...[...listen.flatMap((each) => ["-l", each]), several],
        ], { env });
        await ready(command);
        const [headed, handed, path] = listen.map((_, i) =>
          / address=(\S+)/.exec(
            command.lines.filter((line) =>
              line.startsWith("prefork listening ")
            )[i]!,
          )![1]!
        );
        writeFileSync(broken, "");
        process.kill(readyPids(command)[0]!, "SIGKILL");
        const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        const head = "PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n";
        assert.match(await say(headed!, head + request), /^HTTP\/1\.1 503 /);
        assert.equal(await say(headed!, request), "");
        assert.match(await say(handed!, request), /^HTTP\/1\.1 503 /);
        assert.match(await say(path!, request), /^HTTP\/1\.1 503 /);
        rmSync(broken);
        await command.line(/^prefork listener-up .*address=unix:/);
        for (const address of [handed!, path!]) {
          assert.equal((await get(address)).body, "hello");
        }
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0);
      },
    );
  }
});
