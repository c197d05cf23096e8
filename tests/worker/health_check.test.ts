/**
 * A standby answers a request that comes to it alone, and accepts as ever after
 * that: each kind of server.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { feedProbe } from "../../worker/listening/probe.ts";
import { check } from "../../worker/health_check.ts";
import { afterAll, test } from "../harness.ts";
import { within } from "../within.ts";
import { ownRuntime } from "../runtimes.ts";
import { connect } from "./client.ts";
import type { FakeWorker, ListenerPlan } from "./fake_supervisor.ts";
import { ask, type Kind } from "./requests.ts";
import { testWorker } from "./test_worker.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-check-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** How a worker that stands by answers a request. */
async function checked(
  worker: FakeWorker,
  path: string,
  nth = 1,
): Promise<[unknown, string]> {
  await worker.send({ prefork: 1, type: "check", path });
  const { status, reason } = await worker.until({ type: "checked" }, nth);
  return [status, String(reason)];
}

/** The worker takes over its slot. */
async function resumed(worker: FakeWorker): Promise<void> {
  await worker.send({ prefork: 1, type: "resume", slot: 0 });
  await worker.until({ type: "ready" });
}

const KINDS: Readonly<Record<Kind, RegExp | 200>> = {
  http: 200,
  serve: 200,
  https: 200,
  http2: /./,
  h2c: /no server of the program answers HTTP\/1/,
  net: /no server of the program answers HTTP\/1/,
};

testWorker(
  "a server of each kind answers before it accepts",
  async (runtime, supervisor) => {
    if (process.platform !== "linux") return;
    const check = async (kind: Kind, expected: RegExp | 200): Promise<void> => {
      const { index, port } = await supervisor.bind();
      const worker = await supervisor.spawn({
        runtime,
        program: ["park_program.ts"],
        listeners: [{ name: `shared-${kind}`, port, sockets: [index] }],
        standby: true,
      });
      await worker.until({ type: "standby" });
      const [status, reason] = await checked(worker, "/health");
      if (expected === 200) {
        assert.deepEqual([kind, status], [kind, 200], reason);
      } else {
        assert.equal(status, 0, kind);
        assert.match(reason, expected, kind);
      }
      await resumed(worker);
      if (kind !== "net") {
        assert.match(await ask(kind, port), new RegExp(`pid ${worker.pid}$`));
      }
      await worker.kill("SIGKILL");
    };
    for (const [kind, expected] of Object.entries(KINDS)) {
      await check(kind as Kind, expected);
    }
  },
);

testWorker(
  "a program that knows nothing of prefork answers, on a port, on a path and by TLS, again and again",
  async (runtime, supervisor) => {
    if (process.platform !== "linux") return;
    for (const how of ["port", "path", "tls"] as const) {
      const path = how === "path" ? join(dir, ownRuntime) : undefined;
      const { index, port } = await supervisor.bind(false, 0, path);
      const listener: ListenerPlan = {
        name: "web",
        port,
        path,
        sockets: [index],
      };
      const worker = await supervisor.spawn({
        runtime,
        program: ["plain_native.ts", path ?? String(port), how],
        listeners: [listener],
        standby: true,
        preload: {},
      });
      await worker.until({ type: "standby" });
      for (const [nth, status] of [200, 503, 301].entries()) {
        const [said, reason] = await checked(worker, `/${status}`, nth + 1);
        assert.equal(said, status, `${reason} ${worker.output()}`);
      }
      assert.equal(worker.messages.some(({ type }) => type === "ready"), false);
      await resumed(worker);
      for (let i = 0; i < 3; i++) {
        const text = await within(
          how === "tls"
            ? ask("https", port)
            : answerOf(path === undefined ? { port } : { socketPath: path }),
          () => `an answer on ${path ?? port}`,
        );
        assert.equal(text, `pid ${worker.pid}`);
      }
      await worker.kill("SIGKILL");
    }
  },
);

test("whoever else has found the address is cut off", async () => {
  const asked: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url);
    response.statusCode = 204;
    response.end();
  });
  const probe = await feedProbe(server, "http")!();
  assert.ok("port" in probe.at);
  const stranger = await connect(probe.at.port);
  stranger.send("GET /stranger HTTP/1.1\r\nHost: x\r\n\r\n");
  const { type, ...answer } = await check("/own", () => probe) as Record<
    string,
    unknown
  >;
  assert.deepEqual([type, answer["status"]], ["checked", 204]);
  await stranger.ended;
  assert.equal(stranger.text(), "");
  assert.deepEqual(asked, ["/own"]);
});

/** The text that a server answers with, on a connection of its own. */
function answerOf(at: http.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    http.get({ ...at, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => text += chunk);
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}
