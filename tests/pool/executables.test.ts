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
import { executable } from "../../adapters/shared/executable.ts";
import { LOCAL, prefork, ready, readyPids } from "../command.ts";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { binary, RUNTIMES } from "../runtimes.ts";

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

  /** A pool of two of them, in which each answers for itself. */
  async function serves(name: string, ...options: string[]): Promise<string> {
    await using pool = prefork(["-w", "2", ...LOCAL, ...options, place(name)]);
    const { listen, share } = await ready(pool);
    assert.deepEqual(
      [...await distinct(listen!, 2)].map(Number).sort(),
      readyPids(pool).sort(),
    );
    pool.signal("SIGTERM");
    assert.equal((await pool.ended).code, 0);
    const [, told] = await pool.line(/^prefork program (.*) pass=/);
    return `${share}: ${told}`;
  }
  const part = (variable: string): string =>
    `with prefork's part in ${variable}"`;

  test("of Bun load it, and their listen() gets the pool's socket", async () => {
    const words = ["build", "--compile", place("port.cjs"), "--outfile"];
    execFileSync(binary("bun"), [...words, place("on-bun")]);
    assert.equal(
      await serves("on-bun"),
      `balanced: executable=bun sockets="the pool's, by listen(), ${
        part("BUN_OPTIONS")
      }`,
    );
    assert.equal(
      await serves("on-bun", "--share", "reuseport"),
      `reuseport: executable=bun sockets="its own, bound by listen(), ${
        part("BUN_OPTIONS")
      }`,
    );
  });

  test("of Node load it by what they require, and do the same", async () => {
    build("port.cjs");
    assert.equal(
      await serves("port"),
      `balanced: executable=node sockets="the pool's, by listen(), ${
        part("NODE_OPTIONS")
      }`,
    );
    assert.equal(
      await serves("port", "--share", "reuseport"),
      `reuseport: executable=node sockets="its own, bound by listen(), ${
        part("NODE_OPTIONS")
      }`,
    );
  });

  test("of Node that let nothing in serve by number 3, and cannot by a port of their own", async () => {
    build("fd.cjs");
    const listenFds = ["--pass", "listen-fds"] as const;
    assert.equal(
      await serves("fd", ...listenFds),
      `shared: executable=node sockets="by LISTEN_FDS, or listen({ fd: 3 })"`,
    );
    await using pool = prefork([
      ...["-w", "1", ...LOCAL, ...listenFds],
      place("port"),
    ]);
    assert.equal((await pool.ended).code, 3);
    await pool.line(
      /EADDRINUSE.*; it opens an address by itself that the pool/,
    );
  });

  test("are known from their runtimes alone", () => {
    assert.equal(executable(place("on-bun")), "bun");
    assert.equal(executable(place("port")), "node");
    for (const name of RUNTIMES) {
      assert.equal(executable(binary(name)), undefined, name);
    }
    assert.equal(executable(place("port.cjs")), undefined);
    assert.equal(executable(place("none")), undefined);
  });
});
