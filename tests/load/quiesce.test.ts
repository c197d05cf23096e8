/**
 * A worker is quiesced and accepts again, under load by clients that never
 * retry: what it has open goes on, and nothing new reaches it meanwhile, in each
 * mode, by `node:http` and by the runtime's own server.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { prefork, ready, readyPids, until } from "../command.ts";
import { afterAll, test } from "../harness.ts";
import { get, target } from "../http.ts";
import { freePort } from "../ports.ts";
import { load } from "../strict_client.ts";

const directory = mkdtempSync(path.join(tmpdir(), "prefork-quiesce-"));
const env = { XDG_RUNTIME_DIR: directory };
afterAll(() => rmSync(directory, { recursive: true }));

const MODES = ["balanced", "shared", "sharded", "handoff"] as const;

/** Serves what each mode has, and on the last port by its own means. */
const program = (ports: readonly number[]): string => `
  import { createServer } from "node:http";
  import process from "node:process";
  const body = "pid=" + process.pid + "\\n";
  const [last, ...ports] = ${JSON.stringify(ports.toReversed())};
  // Idle connections end after 5 s otherwise, those of Bun.serve after 10: a verb
  // takes longer on a slow machine.
  const serve = (port) =>
    createServer({ keepAliveTimeout: 600_000 }, (_, response) => response.end(body))
      .listen(port, "127.0.0.1");
  for (const port of ports) serve(port);
  const at = { hostname: "127.0.0.1", port: last };
  if (globalThis.Deno) Deno.serve(at, () => new Response(body));
  else if (globalThis.Bun) {
    Bun.serve({ ...at, idleTimeout: 255, fetch: () => new Response(body) });
  }
  else serve(last);
`;

/** Runs a verb: how it ended, and what it has written. */
async function verb(line: string): Promise<{ code: number; text: string }> {
  await using command = prefork(line.split(" "), { env, verb: true });
  const { code } = await command.ended;
  return { code: code ?? -1, text: command.lines.join("\n") };
}

/** Asks again and again on one connection. */
class Kept implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #address: string;

  constructor(address: string) {
    this.#address = address;
  }

  ask(): Promise<{ body: string; reused: boolean }> {
    return new Promise((resolve, reject) => {
      const agent = this.#agent;
      const asked = request({ ...target(this.#address), agent }, (answer) => {
        let body = "";
        answer.on("data", (part) => body += part);
        answer.on("end", () => resolve({ body, reused: asked.reusedSocket }));
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

test(
  "a quiesced worker keeps what it has, gets nothing new, and serves again",
  {
    timeout: 120_000,
    skip: process.platform !== "linux" && "to quiesce needs Linux",
  },
  async () => {
    const ports = await Promise.all([...MODES, "balanced"].map(freePort));
    const listeners = ports.map((port, i) =>
      `127.0.0.1:${port}?share=${MODES[i] ?? "balanced"}`
    );
    const file = path.join(directory, "program.mjs");
    writeFileSync(file, program(ports));
    await using pool = prefork([
      // One that serves again may hold more than its share by then.
      ...["-w", "2", "--name", "web", "--rebalance", "off"],
      ...listeners.flatMap((listener) => ["-l", listener]),
      file,
    ], { env });
    await ready(pool);
    const [pid = 0] = readyPids(pool);
    const [, slot] = await pool.line(
      RegExp(`worker-ready slot=(\\d) .*=${pid} `),
    );
    const own = `pid=${pid}\n`;
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const kept: Kept[] = [];
    const held: Kept[] = [];
    for (const address of addresses) {
      for (let body = "";;) {
        const one = new Kept(address);
        ({ body } = await one.ask());
        if (body !== own) {
          one[Symbol.dispose]();
          continue;
        }
        kept.push(one);
        break;
      }
    }
    await using clients = await load(
      addresses.flatMap((address) =>
        (["connect", "keepalive"] as const).map((kind) => ({
          ...{ kind, address, loops: 1 },
        }))
      ),
    );

    assert.deepEqual(await verb(`quiesce ${slot} web`), {
      code: 0,
      text: `prefork quiesced pool=web slot=${slot}`,
    });
    await pool.line(RegExp(`^prefork worker-quiesced slot=${slot} .*=${pid}$`));
    for (const address of addresses) {
      for (let i = 0; i < 30; i++) {
        assert.notEqual((await get(address)).body, own, address);
      }
      for (const one of kept) {
        assert.deepEqual(await one.ask(), { body: own, reused: true });
      }
    }
    // With these it is the other one that holds more, once both accept again.
    for (const address of [...addresses, ...addresses, ...addresses]) {
      const one = new Kept(address);
      held.push(one);
      assert.notEqual((await one.ask()).body, own, address);
    }
    const { text } = await verb("status web");
    assert.match(text, /^prefork web state=running ready=1\/2 /);
    assert.match(text, RegExp(`^${slot} +${pid} +quiesced `, "m"));
    const only = await verb(`quiesce ${1 - Number(slot)} web`);
    assert.equal(only.code, 1);
    assert.match(only.text, /is the only one that is ready; with "--force"/);

    assert.deepEqual(await verb(`resume ${slot} web`), {
      code: 0,
      text: `prefork resumed pool=web slot=${slot}`,
    });
    for (const address of addresses) {
      await until(async () => (await get(address)).body === own, address);
      for (const one of kept) {
        assert.deepEqual(await one.ask(), { body: own, reused: true });
      }
    }
    for (const one of kept) {
      assert.deepEqual(await one.ask(), { body: own, reused: true });
      one[Symbol.dispose]();
    }
    for (const one of held) one[Symbol.dispose]();
    const { done, failed, cut } = await clients.stop();
    assert.deepEqual({ failed, cut }, { failed: [], cut: [] });
    assert.ok((done.connect ?? 0) > 0 && (done.keepalive ?? 0) > 0);

    await verb("stop web");
    assert.equal((await pool.ended).code, 0);
  },
);
