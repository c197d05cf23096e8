import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { programs } from "../preload/programs.ts";

const files = programs();

const PROGRAM = `import http from "node:http";
import { answer } from "./answer.mjs";
http.createServer((_, response) => response.end(answer)).listen(3000);
`;

test("a reload follows each change of a file, and one that is broken changes nothing", async () => {
  const { directory } = files;
  const at = (name: string): string => join(directory, name);
  const write = (name: string, text: string): void =>
    writeFileSync(at(name), text);
  files.write("server.mjs", PROGRAM);
  write("answer.mjs", 'export const answer = "one";');
  await using command = prefork(
    ["-w", "1", ...LOCAL, "--watch", "server.mjs"],
    { cwd: directory },
  );
  const { listen } = await ready(command);
  /** Changes something, and waits for how it ends. */
  const change = async (
    how: () => void,
    file: string,
    end: string,
    body: string,
  ): Promise<string> => {
    const from = command.lines.length;
    how();
    const [, named] = await command.line(/ files-changed file=(\S+)/, from);
    assert.equal(named, file);
    const [line] = await command.line(/ reload-(finished|failed) .*/, from);
    assert.ok(line.startsWith(` reload-${end} `), line);
    assert.equal((await get(listen!)).body, body);
    return line;
  };
  await command.line(/ watching directories=\S+ files=2$/);

  // As editors save.
  await change(
    () => {
      write(".answer.mjs.swp", 'export const answer = "two";');
      renameSync(at(".answer.mjs.swp"), at("answer.mjs"));
    },
    "answer.mjs",
    "finished",
    "two",
  );
  const why = await change(
    () => write("answer.mjs", "export const answer = ;"),
    "answer.mjs",
    "failed",
    "two",
  );
  assert.match(why, /slot 0: it exited with code 1 before it was ready: /);
  await change(
    () => {
      mkdirSync(at("lib"));
      write("lib/part.mjs", 'export const part = "three";');
      write("answer.mjs", 'export { part as answer } from "./lib/part.mjs";');
    },
    "answer.mjs",
    "finished",
    "three",
  );
  await change(
    () => write("lib/part.mjs", 'export const part = "four";'),
    "lib/part.mjs",
    "finished",
    "four",
  );
  await change(
    () => rmSync(at("lib"), { recursive: true }),
    "lib/part.mjs",
    "failed",
    "four",
  );
});

describe("a program that is broken at the first start is waited for", () => {
  const places = {
    "where -l says where it listens": LOCAL,
    "where it says so itself": [],
  };
  for (const [name, where] of Object.entries(places)) {
    test(name, async () => {
      const broken = 'throw new Error("not yet");';
      const file = files.write("first.mjs", broken);
      await using running = prefork(["-w", "1", ...where, "--watch", file]);
      await running.line(
        /^prefork: Cannot start the program: .*not yet.*; it is tried again when a file changes$/,
      );
      const from = running.lines.length;
      writeFileSync(file, broken.replace("yet", "even now"));
      await running.line(
        /^prefork: Cannot start .*not even now.*; it is tried/,
        from,
      );
      const told = running.lines.filter((line) => /tried again/.test(line));
      assert.equal(told.length, 2);
      writeFileSync(
        file,
        `import http from "node:http";
         http.createServer((_, response) => response.end("well"))
           .listen(0, "127.0.0.1");`,
      );
      const { listen } = await ready(running);
      assert.equal((await get(listen!)).body, "well");
      running.signal("SIGTERM");
      assert.deepEqual(await running.ended, { code: 0, signal: null });
    });
  }

  test("and ends by a signal", async () => {
    const file = files.write("first.mjs", 'throw new Error("not yet");');
    await using waiting = prefork(["-w", "1", ...LOCAL, "--watch", file]);
    await waiting.line(/tried again when a file changes$/);
    waiting.signal("SIGINT");
    assert.deepEqual(await waiting.ended, { code: 0, signal: null });
  });
});
