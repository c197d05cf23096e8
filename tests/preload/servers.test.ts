import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs } from "./programs.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-preload-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const atOnce = programs().write(
  "at_once.mjs",
  `
import http from "node:http";
const server = http.createServer((_, response) => response.end(String(port)));
server.listen(3000);
const port = server.address()?.port;
`,
);

/** The body of an answer over TLS. */
async function getTls(socketPath: string): Promise<string> {
  const request = https.request({
    socketPath,
    rejectUnauthorized: false,
    agent: false,
  }).end();
  const [response] = await once(request, "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return body;
}

/** The body of an answer over HTTP/2. */
async function getHttp2(path: string): Promise<string> {
  const session = http2.connect("https://localhost", {
    path,
    rejectUnauthorized: false,
  } as http2.SecureClientSessionOptions);
  try {
    let body = "";
    for await (const chunk of session.request()) body += chunk;
    return body;
  } finally {
    session.close();
  }
}

/** What comes back of a word. */
async function echo(path: string): Promise<string> {
  const socket = net.connect(path);
  socket.write("word");
  const [chunk] = await once(socket, "data");
  socket.destroy();
  return String(chunk);
}

describe("an unmodified program accepts on the pool's listener", () => {
  for (const file of ["http.mjs", "common.cjs"]) {
    test(`${file}: three workers answer, and the address shown is the pool's`, async () => {
      await using command = prefork([
        "-w",
        "3",
        "-r",
        runtime,
        ...LOCAL,
        fixture(`plain/${file}`),
      ]);
      const { listen } = await ready(command);
      const pids = readyPids(command).map((pid) => `pid=${pid}`);
      const bodies = await distinct(listen!, 3);
      assert.deepEqual(
        [...bodies].map((body) => body.trim()).sort(),
        pids.sort(),
      );
      const shown = `listening on ${listen}`;
      for (const slot of [0, 1, 2]) {
        await command.line(new RegExp(`^\\[${slot}\\] ${shown}$`));
      }
    });
  }

  test("its address is there when listen() returns", async () => {
    await using command = prefork(["-w", "1", "-r", runtime, ...LOCAL, atOnce]);
    const { listen } = await ready(command);
    assert.equal(`127.0.0.1:${(await get(listen!)).body}`, listen);
  });

  for (const share of ["balanced", "sharded", "handoff", "reuseport"]) {
    test(`http.mjs in ${share}: answers, and the address shown is the pool's`, async () => {
      await using command = prefork([
        "-w",
        "2",
        "-r",
        runtime,
        "-s",
        share,
        ...LOCAL,
        fixture("plain/http.mjs"),
      ]);
      const { listen } = await ready(command);
      await distinct(listen!, 2);
      for (const slot of [0, 1]) {
        await command.line(
          new RegExp(`^\\[${slot}\\] listening on ${listen}$`),
        );
      }
    });
  }

  test("http, https, http2 and net: each at its own path", async () => {
    const at = mkdtempSync(join(dir, "s-"));
    const kinds = ["http", "https", "http2", "net"];
    await using command = prefork([
      "-w",
      "2",
      "-r",
      runtime,
      ...kinds.flatMap((kind) => ["-l", `unix:${at}/${kind}`]),
      fixture("plain/kinds.mjs"),
      at,
    ]);
    await ready(command);
    const own = readyPids(command).map((pid) => `pid=${pid}\n`);
    const { body } = await get(`unix:${at}/http`);
    assert.ok(own.includes(body), body);
    assert.ok(own.includes(await getTls(`${at}/https`)));
    assert.ok(own.includes(await getHttp2(`${at}/http2`)));
    assert.equal(await echo(`${at}/net`), "word");
    for (const kind of kinds) {
      await command.line(new RegExp(`^\\[0\\] ${kind} on ${at}/${kind}$`));
    }
  });
});
