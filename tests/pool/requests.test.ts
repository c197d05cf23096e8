/**
 * Which requests are counted, by kind of server and runtime: the table of
 * docs/METRICS.md.
 *
 * Runs once, under vitest: it is the workers that count, and all three runtimes
 * are among them.
 */
import assert from "node:assert/strict";
import http2 from "node:http2";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { PoolStatus } from "../../core/events.ts";
import {
  type Command,
  fixture,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { freePort } from "../ports.ts";
import { RUNTIMES } from "../runtimes.ts";

const skip = process.platform === "linux"
  ? false
  : "a runtime's own server takes an inherited socket over on Linux only";

const EACH = 5;

const dir = mkdtempSync(join(tmpdir(), "prefork-requests-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const env = { XDG_RUNTIME_DIR: dir };

/** What is asked of a pool, and what it says of it. */
interface Pool {
  readonly command: Command;
  readonly listeners: Readonly<Record<string, string>>;
  /** The requests that its metrics tell; undefined where there is no line. */
  told(): Promise<number | undefined>;
}

async function start(
  options: readonly string[],
  names: readonly string[],
  program: string,
): Promise<Pool> {
  const metrics = `127.0.0.1:${await freePort()}`;
  const command = prefork([
    ...["-w", "1", "--metrics", metrics, ...options],
    ...names.flatMap((name) => ["-l", `${name}=127.0.0.1:0`]),
    program,
  ]);
  const { listen = "" } = await ready(command);
  const addresses = listen.split(",");
  const listeners = Object.fromEntries(
    names.map((name, i) => [name, addresses[i]!]),
  );
  return {
    command,
    listeners,
    async told() {
      const { body } = await get(metrics, "/metrics");
      const line = /^prefork_worker_requests_total\{.*\} (\d+)$/m.exec(body);
      return line === null ? undefined : Number(line[1]);
    },
  };
}

/** As many requests of HTTP/2, on one connection. */
async function askHttp2(address: string, count: number): Promise<void> {
  const session = http2.connect(`http://${address}`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  session.on("error", reject);
  session.on("close", resolve);
  for (let left = count; left > 0; left--) {
    await new Promise<void>((resolve, reject) => {
      const stream = session.request({ ":path": "/" });
      stream.on("error", reject).on("close", resolve).resume().end();
    });
  }
  session.close();
  await promise;
}

async function ask(address: string, kind: string): Promise<void> {
  if (kind === "http2") return await askHttp2(address, EACH);
  for (let left = EACH; left > 0; left--) await get(address);
}

const KINDS = ["http", "http2", "serve", "net"];
const NATIVE = { bun: "plain/bun_serve.js", deno: "plain/deno_serve.ts" };

describe("requests", () => {
  for (const runtime of RUNTIMES) {
    // By the scoreboard, and by messages.
    for (const share of ["balanced", "shared", "handoff"]) {
      test(
        `on ${runtime} in ${share} are counted but for what no server of HTTP answers`,
        {
          skip,
        },
        async () => {
          const { command, listeners, told } = await start(
            ["-r", runtime, "-s", share],
            KINDS,
            fixture("kinds_of_requests.ts"),
          );
          await using _ = command;
          let wanted = 0;
          for (const kind of KINDS) {
            await ask(listeners[kind]!, kind);
            if (kind !== "net") wanted += EACH;
            // Messages come once a second.
            if (share !== "balanced" && kind !== KINDS.at(-1)) continue;
            await until(
              async () => await told() === wanted,
              `${wanted} are told, with those of ${kind}`,
            );
          }
          // The last word of a worker that ends by itself has them all, and its
          // successor adds to it.
          await get(listeners["serve"]!);
          const [pid] = readyPids(command);
          process.kill(pid!, "SIGUSR2");
          await until(() => readyPids(command).length === 2, "another one");
          assert.equal(await told(), wanted + 1);
          await get(listeners["serve"]!);
          await until(async () => await told() === wanted + 2, "one more");
        },
      );
    }
  }

  for (const [runtime, program] of Object.entries(NATIVE)) {
    for (const share of ["balanced", "shared"]) {
      test(`of ${program} in ${share} are counted`, { skip }, async () => {
        const { command, listeners, told } = await start(
          ["-r", runtime, "-s", share],
          ["web"],
          fixture(program),
        );
        await using _ = command;
        await ask(listeners["web"]!, "http");
        await until(async () => await told() === EACH, "all are told");
      });
    }
  }

  test("and lag, and what waits to be accepted, are in the status", async () => {
    await using pool = prefork([
      ...["-w", "2", "-s", "sharded", "--name", "web", ...LOCAL],
      fixture("plain/http.mjs"),
    ], { env });
    const { listen = "" } = await ready(pool);
    await distinct(listen, 2);
    let status!: PoolStatus;
    await until(async () => {
      const asked = prefork(["status", "web", "--json"], { env, verb: true });
      await asked.ended;
      ({ status } = JSON.parse(asked.of("stdout").join("")));
      return status.workers.every(({ requests = 0, lag }) =>
        requests > 0 && lag !== undefined
      );
    }, "both have told of requests and of lag");
    const [{ queue: all } = {}] = status.listeners;
    for (const { lag, queue } of status.workers) {
      assert.ok(lag! > 0, String(lag));
      assert.deepEqual(queue, { length: 0, limit: all!.limit / 2 });
    }
    await using text = prefork(["status", "web"], { env, verb: true });
    await text.line(/RESTARTS +CONNECTIONS +REQUESTS$/);
    await text.line(/^0 .* [1-9]\d*$/);
    await using top = prefork(["top", "web"], { env, verb: true });
    await top.line(/^listen .* sharded queue 0\/\d+$/);
    await top.line(/LAG .* REQ\/S .* QUEUE /);
    // The first look knows no rates.
    await top.line(/^ +1 .* \d+(?:\.\d)?m?s .* 0\.0 +0\.0 +0\/\d+ /);
  });

  test("have no line where nothing can count them", async () => {
    const { command, listeners, told } = await start(
      ["-r", "node"],
      ["net"],
      fixture("kinds_of_requests.ts"),
    );
    await using _ = command;
    await ask(listeners["net"]!, "net");
    assert.equal(await told(), undefined);
  });
});
