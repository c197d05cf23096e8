import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOCAL, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-boot-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function program(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

describe("a program that cannot boot", () => {
  test("missing: exit code 3, named, nothing started", async () => {
    await using command = prefork([...LOCAL, join(dir, "no.ts")]);
    assert.equal((await command.ended).code, 3);
    assert.equal(command.lines.length, 1);
    assert.match(command.lines[0]!, /no\.ts": there is no such file/);
  });

  test("a command that is nowhere in PATH: exit code 3", async () => {
    await using command = prefork([...LOCAL, "no-such-command"]);
    assert.equal((await command.ended).code, 3);
    assert.match(command.lines[0]!, /"no-such-command"/);
  });

  for (
    const [name, text, pattern] of [
      ["does not parse", "const = 1;\n", /^\[\d\].*(SyntaxError|error)/i],
      [
        "throws",
        'throw new Error("no database today");\n',
        /^\[\d\].*no database today/,
      ],
    ] as const
  ) {
    test(`${name}: exit code 3, its own error once for four workers`, async () => {
      const path = program(`${name.replace(" ", "_")}.mjs`, text);
      await using command = prefork(["-w", "4", ...LOCAL, path]);
      assert.equal((await command.ended).code, 3);
      const shown = command.lines.filter((line) => pattern.test(line));
      const text1 = command.lines.join("\n");
      assert.ok(shown.length >= 1, text1);
      assert.equal(new Set(shown).size, shown.length, text1);
      // What the log says first is the reason that stands last.
      assert.match(
        command.lines.at(-1)!,
        /^prefork: Cannot start the program: .*(SyntaxError|error: .|no database today)/,
      );
      assert.equal(text1.includes("prefork ready"), false);
    });
  }

  for (const code of [0, 7]) {
    test(`exits at once with ${code}: exit code 3`, async () => {
      const path = program(
        `exit${code}.mjs`,
        `import process from "node:process"; process.exit(${code});\n`,
      );
      await using command = prefork(["-w", "2", ...LOCAL, path]);
      assert.equal((await command.ended).code, 3);
      assert.match(
        command.lines.at(-1)!,
        new RegExp(`exited with code ${code} before it was ready`),
      );
    });
  }

  test("ends itself by SIGTERM: exit code 3, after the fourth time", async () => {
    const path = program(
      "sigterm.mjs",
      `import process from "node:process";
process.kill(process.pid, "SIGTERM");
setInterval(() => {}, 1000);
`,
    );
    await using command = prefork(["-w", "1", ...LOCAL, path]);
    assert.equal((await command.ended).code, 3);
    const again = command.lines.filter((line) =>
      line.startsWith("prefork worker-respawning ")
    );
    assert.equal(again.length, 3, command.lines.join("\n"));
    assert.match(
      command.lines.at(-1)!,
      /^prefork: Cannot start the program: it (left by itself|was ended by SIGTERM) before it was ready/,
    );
  });

  test("is never ready: exit code 3 after the start timeout", async () => {
    const path = program("silent.mjs", "setInterval(() => {}, 1000);\n");
    await using command = prefork([
      "-w",
      "2",
      ...LOCAL,
      "--start-timeout",
      "3s",
      path,
    ]);
    assert.equal((await command.ended).code, 3);
    assert.match(
      command.lines.at(-1)!,
      /: the program (has not called listen\(\)|was not ready) in 3 s$/,
    );
  });
});

describe("a program with a name that means something to others", () => {
  const text = `import { createServer } from "node:http";
import process from "node:process";
createServer((_, response) => {
  response.end("hello");
  process.disconnect();
}).listen(0);
`;
  test("-dash.mjs is no option; one that leaves its pool is no crash", async () => {
    program("-dash.mjs", text);
    const args = ["-w", "1", ...LOCAL, "--", "-dash.mjs"];
    await using command = prefork(args, { cwd: dir });
    const { listen } = await ready(command);
    assert.equal((await get(listen!)).body, "hello");
    await command.line(/^prefork worker-exited .*reason=ended code=0 /);
    await command.line(/^prefork worker-respawning /);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  test("a?b#c.mjs runs, or the runtime that cannot is named", async () => {
    const path = program("a?b#c.mjs", text);
    await using command = prefork(["-w", "1", ...LOCAL, path]);
    if (ownRuntime === "bun") {
      assert.equal((await command.ended).code, 3);
      assert.match(
        command.lines.at(-1)!,
        /Module not found .*; Bun finds no file with a "\?" in its path/,
      );
    } else {
      await ready(command);
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0);
    }
  });
});
