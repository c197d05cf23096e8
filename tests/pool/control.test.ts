/** A pool is asked by the command, and by whoever can speak HTTP. */
import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, until } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";

const directory = mkdtempSync(path.join(tmpdir(), "prefork-asked-"));
const env = { XDG_RUNTIME_DIR: directory };
const sockets = path.join(directory, "prefork");
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a verb: how it ended, and what it has written. */
async function verb(line: string): Promise<{ code: number; text: string }> {
  await using command = prefork(line.split(" "), { env, verb: true });
  const { code } = await command.ended;
  return { code: code ?? -1, text: command.lines.join("\n") };
}

/** A pool that can be asked by a name. */
function named(name: string, args: readonly string[] = []) {
  return prefork(["-w", "2", ...LOCAL, "--name", name, ...args], { env });
}

function get(file: string, method: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: file, method, path: url }, (answer) => {
      let text = "";
      answer.on("data", (part) => text += part);
      answer.on("end", () => resolve(`${answer.statusCode} ${text}`));
    });
    asked.on("error", reject);
    asked.end();
  });
}

describe("a pool that runs", () => {
  test("is asked and told by verbs", async () => {
    const program = path.join(directory, "program.mjs");
    const whole = `import { createServer } from "node:http";
      createServer((_, response) => response.end("whole")).listen();`;
    writeFileSync(program, whole);
    await using pool = named("web", ["--soak", "0", program]);
    await ready(pool);
    const file = path.join(sockets, "web.sock");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(sockets).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(sockets), ["web.sock"]);

    // By its name: whoever runs the tests may have pools of their own.
    const status = await verb("status web");
    assert.match(status.text, /^prefork web state=running ready=2\/2 gen.*=1 /);
    assert.match(status.text, new RegExp(`pid=${pool.pid} `));
    assert.equal(status.text.split("\n").length, 5, status.text);
    assert.match(await get(file, "GET", "/v1/status"), /^200 .*"prefork":1/);
    assert.match(await get(file, "POST", "/v1/reload?x"), /^200 /);
    assert.match((await verb("reload web")).text, /^prefork reloaded .*n=3 /);

    writeFileSync(program, `throw new Error("no such table");\n${whole}`);
    const { code, text } = await verb("reload web");
    assert.equal(code, 1);
    assert.match(
      text,
      /^prefork: Cannot reload: slot 0.*error: no such table/i,
    );
    writeFileSync(program, whole);
    const after = await verb("status web");
    assert.match(after.text, /^prefork web state=running ready=2\/2 gen.*=3 /);
    assert.match(after.text, /^prefork reload-failed .*no such table/m);

    assert.deepEqual(await verb(`scale 1 ${pool.pid}`), {
      code: 0,
      text: "prefork scaled pool=web from=2 to=1",
    });
    for (const word of ["web", String(pool.pid)]) {
      const { code, text } = await verb(`doctor ${word}`);
      assert.equal(code, 0, text);
      assert.match(text, /^ok +pool +"web" \(pid \d+\) is running, 1 of 1 /m);
      if (process.platform === "linux") {
        assert.match(text, /^ok +accept queue +0 of \d+ wait to be accepted/m);
        assert.match(text, /^ok +open files +the .* has \d+ of \d+, the most/m);
      }
    }
    const missing = await verb("doctor 999999999");
    assert.equal(missing.code, 1);
    assert.match(missing.text, /^prefork: .* there is no pool "999999999"/);
    const before = pool.lines.length;
    assert.equal((await verb(`restart 0 ${file}`)).code, 0);
    await pool.line(/^prefork worker-exited slot=0 .*reason=recycled/, before);

    const last = await verb("logs web -n 1000");
    assert.match(last.text, /^prefork listening /);
    assert.match(last.text, /^prefork worker-exited slot=0 .*=recycled/m);
    const [line] = (await verb("logs -n 1 web")).text.split("\n").slice(-1);
    assert.equal(line, last.text.split("\n").at(-1));
    await using following = prefork(["logs", "-n", "1", "-f", "web"], {
      env,
      verb: true,
    });
    await following.line(/./);
    pool.signal("SIGCONT");
    await following.line(/^prefork worker-status slot=0 /);

    const stopped = await verb("stop web");
    assert.equal(stopped.text, `prefork stopped pool=web pid=${pool.pid}`);
    assert.equal((await pool.ended).code, 0);
    assert.equal((await following.ended).code, 0);
    assert.deepEqual(following.lines.slice(-2), [
      "prefork stopped killed=0",
      `the pool web (pid ${pool.pid}) has ended`,
    ]);
    assert.deepEqual(readdirSync(sockets), []);
    const gone = await verb("status web");
    assert.equal(gone.code, 1);
    assert.match(gone.text, /^prefork: .* no pool "web".* \(looked in /);
  });

  test("tells its log through an upgrade, each line once, until it is gone", async () => {
    await using pool = named("next", [fixture("pid.ts")]);
    await ready(pool);
    const words = ["logs", "-n", "1000", "-f", "next"];
    await using following = prefork(words, { env, verb: true });
    await following.line(/^prefork ready /);
    const upgraded = await verb("upgrade next");
    const [, pid] = /^prefork upgraded .*pid=(\d+)$/.exec(upgraded.text) ?? [];
    assert.ok(pid, upgraded.text);
    await following.line(/^prefork stopped /);
    await following.line(new RegExp(`^prefork ready .*pid=${pid}`));
    process.kill(Number(pid), "SIGCONT");
    await following.line(/^prefork worker-status slot=0 /);
    assert.equal((await verb("stop next")).code, 0);
    assert.equal((await following.ended).code, 0);
    assert.equal(
      following.lines.at(-1),
      `the pool next (pid ${pid}) has ended`,
    );
    assert.deepEqual(
      following.lines.slice(0, -1).sort(),
      [
        ...pool.lines,
      ].sort(),
    );
  });

  test("has its name back after a kill, and shares it with nobody", async () => {
    await using one = named("app", [fixture("plain/http.mjs")]);
    await ready(one);
    one.signal("SIGKILL");
    await one.ended;
    assert.deepEqual(readdirSync(sockets), ["app.sock"]);
    assert.match((await verb("status app")).text, /it belonged to is gone$/);
    assert.doesNotMatch((await verb("list")).text, /^app\b/m);
    await using two = named("app", [fixture("plain/http.mjs")]);
    await ready(two);
    await using three = named("app", [fixture("plain/http.mjs")]);
    await ready(three);
    const names = ["app.sock", `app-${three.pid}.sock`];
    await until(
      () => readdirSync(sockets).sort().join() === names.sort().join(),
      "each has a socket",
    );
    assert.match((await verb("status app")).text, RegExp(`pid=${two.pid} `));
    assert.match((await verb("stop")).text, /several pools are there/);
    for (const pool of [two, three]) {
      await verb(`stop ${pool.pid}`);
      assert.equal((await pool.ended).code, 0);
    }
    assert.deepEqual(readdirSync(sockets), []);
  });

  test("starts as ever where it cannot be asked", async () => {
    const file = path.join(directory, "taken");
    writeFileSync(file, "");
    await using pool = prefork([
      ...["-w", "1", ...LOCAL, "--control", file],
      fixture("plain/http.mjs"),
    ], { env });
    await ready(pool);
    await pool.line(/^prefork control-off reason=".*taken/);
    assert.equal(statSync(file).isFile(), true);
  });
});
