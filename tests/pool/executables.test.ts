/**
 * Programs of one file: which of them let prefork's part in.
 *
 * Runs once, under bun: it is about the workers, and each file has 100 MB.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOCAL, prefork, ready, readyPids } from "../command.ts";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { binary } from "../runtimes.ts";

describe("programs of one file", () => {
  let folder = "";
  const place = (name: string): string => join(folder, name);
  /** A server on Node that listens so. */
  const server = (name: string, where: string): void =>
    writeFileSync(
      place(name),
      `const { createServer } = require("node:http");
createServer((_, response) => response.end(String(process.pid))).listen(${where});
`,
    );
  /** Has Node (26) make one. */
  const build = (main: string): void => {
    const output = place(main.replace(".cjs", ""));
    const plan = { main: place(main), output };
    writeFileSync(place("sea.json"), JSON.stringify(plan));
    execFileSync(binary("node"), ["--build-sea", place("sea.json")]);
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "prefork-executables-"));
    server("fd.cjs", "{ fd: 3 }");
    server("port.cjs", `process.env.PORT, "127.0.0.1"`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("of Bun load it, and their listen() gets the pool's socket", async () => {
    const words = ["build", "--compile", place("port.cjs"), "--outfile"];
    execFileSync(binary("bun"), [...words, place("on-bun")]);
    await using pool = prefork(["-w", "2", ...LOCAL, place("on-bun")]);
    const { listen } = await ready(pool);
    assert.deepEqual(
      [...await distinct(listen!, 2)].map(Number).sort(),
      readyPids(pool).sort(),
    );
    pool.signal("SIGTERM");
    assert.equal((await pool.ended).code, 0);
  });

  test("of Node do not: by number 3 they serve, by a port they cannot", async () => {
    build("fd.cjs");
    {
      await using pool = prefork(["-w", "1", ...LOCAL, place("fd")]);
      const { listen } = await ready(pool);
      assert.equal((await distinct(listen!, 1)).size, 1);
    }
    build("port.cjs");
    await using pool = prefork(["-w", "1", ...LOCAL, place("port")]);
    assert.equal((await pool.ended).code, 3);
    await pool.line(
      /EADDRINUSE.*; it opens an address by itself that the pool/,
    );
  });
});
