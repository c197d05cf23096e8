/** The supervisor answers how its pool is, whatever its workers do. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fixture, isAlive, LOCAL, prefork, ready, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get, target, unanswered } from "../http.ts";
import { freePort } from "../ports.ts";
import { programs } from "../preload/programs.ts";
import { upgraded } from "../upgraded.ts";

const files = programs();

/** Answers at once, but for `/busy`, where its event loop stands still. */
const PROGRAM = `
import http from "node:http";
http.createServer((request, response) => {
  const end = Date.now() + (request.url === "/busy" ? 60_000 : 0);
  while (Date.now() < end);
  response.end("done");
}).listen();
`;

/** Asks with another method: the status, and the length of the body. */
function asked(address: string, method: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { ...target(address), path: "/ready", method };
    request({ ...options, agent: false }, (response) => {
      let length = 0;
      response.on("data", ({ length: more }) => length += more);
      response.on("end", () => resolve(`${response.statusCode} ${length}`));
    }).on("error", reject).end();
  });
}

describe("where the supervisor answers", () => {
  test(
    "busy workers, an upgrade and a stop are told as they are, and nobody is refused",
    {
      timeout: 120_000,
    },
    async () => {
      const file = files.write("program.mjs", PROGRAM);
      const health = `127.0.0.1:${await freePort()}`;
      const command = prefork([
        ...["-w", "2", ...LOCAL, "--soak", "0", "--grace", "1s"],
        ...[
          "--health",
          health,
          "--min-ready",
          "2",
          "--drain-delay",
          "1m",
          file,
        ],
      ]);
      await using pool = upgraded(command);
      const { listen = "" } = await ready(command);
      assert.deepEqual(await get(health, "/ready"), {
        status: 200,
        body: "ready: 2 of 2 workers\n",
      });
      assert.match(await asked(health, "HEAD"), /^200 0$/);
      assert.match(await asked(health, "POST"), /^405 /);
      assert.equal((await get(health, "/")).status, 404);

      // Each worker computes for longer than this test takes.
      for (let i = 0; i < 2; i++) get(listen, "/busy").catch(() => {});
      assert.equal((await get(health, "/ready")).status, 200);

      let over = false;
      const seen = new Set<string>();
      const asking = (async () => {
        for (; !over; await new Promise((go) => setTimeout(go, 2))) {
          const one = get(health, "/ready");
          seen.add(await one.then(({ body }) => body.trim(), String));
        }
      })();
      const { pid } = pool;
      await pool.upgrade();
      assert.notEqual(pool.pid, pid);
      over = true;
      await asking;
      assert.deepEqual([...seen], ["ready: 2 of 2 workers"]);

      pool.signal("SIGTERM");
      await until(
        async () => (await get(health, "/ready")).status === 503,
        "it is not ready any more",
      );
      assert.equal((await get(listen)).body, "done");
      assert.equal((await get(health, "/live")).body, "live: stopping\n");
      // A second SIGTERM this soon would count as the first one.
      pool.signal("SIGINT");
      await until(() => !isAlive(pool.pid), "it has ended");
      await unanswered(health);
    },
  );

  test("one that is taken is an error, and a Unix socket is one too", async () => {
    const health = `unix:${join(files.directory, "health.sock")}`;
    const args = ["-w", "1", ...LOCAL, "--health", health];
    await using pool = prefork([...args, fixture("plain/http.mjs")]);
    await ready(pool);
    assert.equal((await get(health, "/ready")).status, 200);
    await using second = prefork([...args, fixture("plain/http.mjs")]);
    assert.equal((await second.ended).code, 4);
    assert.match(second.lines.join(), /another process answers on it/);
    assert.equal((await get(health, "/ready")).status, 200);
    pool.signal("SIGTERM");
    assert.equal((await pool.ended).code, 0);
    await assert.rejects(get(health), { code: "ENOENT" });
    writeFileSync(join(files.directory, "health.sock"), "");
    await using third = prefork([...args, fixture("plain/http.mjs")]);
    assert.equal((await third.ended).code, 4);
  });
});
