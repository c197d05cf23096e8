/** `prefork check`: what a start would find, and nothing is started. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { prefork } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";

const cwd = mkdtempSync(join(tmpdir(), "prefork-check-"));
afterAll(() => rmSync(cwd, { recursive: true }));
const mark = join(cwd, "started");
writeFileSync(
  join(cwd, "program.mjs"),
  `import { writeFileSync } from "node:fs";
   writeFileSync(${JSON.stringify(mark)}, "");`,
);
writeFileSync(join(cwd, "broken.mjs"), "\nconst a = ;\n");

/** Runs it: its exit code, and what it said. */
async function check(
  ...args: readonly string[]
): Promise<{ code: number | null; text: string }> {
  await using command = prefork(["check", ...args], { cwd, verb: true });
  const { code } = await command.ended;
  return { code, text: command.lines.join("\n") };
}

async function listening(at: number | string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((done) =>
    typeof at === "number"
      ? server.listen(at, "127.0.0.1", done)
      : server.listen(at, done)
  );
  return server;
}

describe("prefork check", () => {
  test("says that a pool would start, and leaves nothing behind", async () => {
    const free = await listening(0);
    const { port } = free.address() as { port: number };
    await new Promise((closed) => free.close(closed));
    const { code, text } = await check(
      ...["-w", "2", "-l", `127.0.0.1:${port}`, "-l", "unix:a.sock"],
      ...["--pid-file", "pid", "-r", "node"],
      ...["--log-file", "pool.log", "--output", "app-{slot}.log"],
      ...["--status-file", "status.json", "--control", "asked.sock"],
      "program.mjs",
    );
    assert.equal(code, 0, text);
    assert.match(text, /^ok +pid file +.*pid can be written/m);
    assert.match(text, /^ok +program +"program\.mjs" is there, for 2 workers/m);
    assert.match(
      text,
      new RegExp(`^ok +listen +127\\.0\\.0\\.1:${port} can`, "m"),
    );
    assert.match(text, /^ok +listen +unix:.*a\.sock can be bound/m);
    assert.match(text, /^ok +syntax +Node can read it$/m);
    assert.match(text, /^ok +log +.*\/pool\.log can be written$/m);
    assert.match(text, /^ok +output +.*\/app-0\.log can be written$/m);
    assert.match(text, /^ok +status file +.*\/status\.json can be written$/m);
    assert.match(text, /^ok +control +.*\/asked\.sock can be made$/m);
    const made = ["pool.log", "app-0.log", "status.json", "asked.sock"];
    for (const file of ["started", "pid", "a.sock", ...made]) {
      assert.ok(!existsSync(join(cwd, file)), file);
    }
    const again = await listening(port);
    await new Promise((closed) => again.close(closed));
  });

  test("says so where the configuration ends the process", async () => {
    writeFileSync(
      join(cwd, "exits.mjs"),
      `import process from "node:process";
       export default () => process.exit(0);`,
    );
    const { code, text } = await check("--config", "exits.mjs");
    assert.equal(code, 2, text);
    assert.match(text, /^prefork: Cannot read ".*exits\.mjs": it ends the pr/);
  });

  test("says which files cannot be written", async () => {
    const { code, text } = await check(
      ...["--log-file", "none/pool.log", "--output", cwd],
      ...["--status-file", "none/status.json", "--control", "none/a.sock"],
      ...["-l", "127.0.0.1:0", "program.mjs"],
    );
    assert.equal(code, 4, text);
    for (
      const line of [
        /^problem +log +Cannot use "none\/pool\.log" for "--log-file": it cannot be opened \(ENOENT\)/m,
        /^problem +output +Cannot use ".*" for "--output": .* \(EISDIR\)/m,
        /^problem +status file +Cannot write the status file ".*none\/status/m,
        /^note +control +no verb reaches the pool, since ".*none\/a\.sock"/m,
      ]
    ) assert.match(text, line);
    const started = await prefork(["--log-file", "none/a.log", "program.mjs"], {
      cwd,
    }).ended;
    assert.equal(started.code, code);
  });

  test("says all that keeps it from starting, and ends as the start would", async () => {
    const path = join(cwd, "taken.sock");
    const [tcp, unix] = [await listening(0), await listening(path)];
    const { port } = tcp.address() as { port: number };
    const { code, text } = await check(
      ...["-l", `127.0.0.1:${port}`, "-l", `unix:${path}`, "-r", "node"],
      "broken.mjs",
    );
    assert.equal(code, 4, text);
    const by = `by process ${process.pid} `;
    assert.match(
      text,
      new RegExp(
        `^problem +listen +.*:${port}": the port is in use ${by}`,
        "m",
      ),
    );
    assert.match(text, new RegExp(`another process answers on it ${by}`));
    assert.match(
      text,
      /^problem +syntax +.*"broken\.mjs": line 2: SyntaxError/m,
    );
    assert.ok(existsSync(path), "what another one has stays");
    for (const server of [tcp, unix]) server.close();
  });

  test("and a start refuse a program that nobody can execute, before anything starts", async () => {
    mkdirSync(join(cwd, "dir"));
    writeFileSync(join(cwd, "plain"), "#!/bin/sh\n", { mode: 0o644 });
    for (
      const [program, why] of [
        ["./dir", "is a directory, write the path of a program"],
        ["./plain", 'is not executable, make it so with "chmod \\+x", or'],
      ] as const
    ) {
      const sentence = `Cannot start "${program}": it ${why}`;
      const line = ["-w", "1", "-l", "127.0.0.1:0", program];
      const { code, text } = await check(...line);
      assert.equal(code, 3, text);
      assert.match(text, new RegExp(`^problem +program +${sentence}`, "m"));
      await using started = prefork(line, { cwd });
      assert.equal((await started.ended).code, code);
      const said = started.lines.join("\n");
      assert.match(said, new RegExp(`^prefork: ${sentence}`, "m"));
      assert.doesNotMatch(said, /worker-|setpriv/);
    }
  });

  test("looks at each pool of a file", async () => {
    writeFileSync(
      join(cwd, "prefork.config.json"),
      JSON.stringify({
        pools: {
          web: { program: "program.mjs" },
          api: { program: "missing.mjs" },
        },
      }),
    );
    const { code, text } = await check();
    rmSync(join(cwd, "prefork.config.json"));
    assert.equal(code, 3, text);
    assert.match(text, /^pool "web"\nok +program[^]*^note +listen +where/m);
    assert.match(text, /^pool "api"\nproblem +program +.*"missing\.mjs": /m);
    assert.ok(!existsSync(mark));
  });
});
