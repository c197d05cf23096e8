/**
 * The programs of the pages for who comes from something else, as they stand
 * there.
 *
 * Runs once, under vitest: what each runtime does with such programs is tested
 * elsewhere, and the pages are about Node.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { LOCAL, prefork, ready } from "../command.ts";
import { docsPage } from "../core/docs_page.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { programs } from "../preload/programs.ts";

const files = programs();

/** The programs of a page in a language. */
function blocks(page: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms");
  return [...docsPage(page).matchAll(fence)].map(([, text]) => text!);
}

const servers = [
  ...blocks("from/NODE_CLUSTER.md", "js"),
  ...blocks("from/THRONG.md", "js"),
];

describe("a program of a page for who comes from something else", () => {
  test("there are three", () => assert.equal(servers.length, 3));

  for (const [i, text] of servers.entries()) {
    test(`${i} is a worker, and leaves gracefully`, async () => {
      const path = files.write(`server_${i}.mjs`, text);
      await using command = prefork(["-w", "2", ...LOCAL, path], {
        runtime: "node",
      });
      const { listen } = await ready(command);
      for (const body of await distinct(listen!, 2)) {
        assert.match(body, /^Hello from \d+\n$/);
      }
      process.kill(command.pid, "SIGTERM");
      assert.equal((await command.ended).code, 0);
      const cleanups = command.lines.filter((line) => /cleanup/.test(line));
      assert.equal(cleanups.length, text.includes("cleanup") ? 2 : 0);
    });
  }

  test("a configuration can be started", async () => {
    const [config, ...more] = blocks("from/UNICORN_PUMA_GUNICORN.md", "ts");
    assert.deepEqual(more, []);
    const library = fileURLToPath(new URL("../../mod.ts", import.meta.url));
    files.write("app.js", servers[1]!);
    const path = files.write(
      "prefork.config.mts",
      config!.replace('"prefork"', JSON.stringify(library))
        .replace("127.0.0.1:8080", "127.0.0.1:0"),
    );
    await using command = prefork(["check", "--config", path], {
      cwd: files.directory,
      runtime: "node",
      verb: true,
    });
    assert.equal(
      (await command.ended).code,
      0,
      command.lines.join("\n"),
    );
  });
});
