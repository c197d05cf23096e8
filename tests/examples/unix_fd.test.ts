/** examples/unix-fd: workers in other languages on an inherited socket. */

import assert from "node:assert/strict";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isAlive, PATH } from "../command.ts";
import { describe, test } from "../harness.ts";
import { documented, leaves, pids, start, talkUnix } from "./example.ts";

describe("examples/unix-fd", () => {
  for (const line of documented("unix-fd")) {
    const [, language, file] = / (\w+) (\S+)$/.exec(line)!;
    const skip = !inPath(language!) && `there is no ${language} in PATH`;

    test(`two workers run ${language} ${file}`, { skip }, async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "example-"));
      try {
        await serves(line, path.join(folder, "socket"));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

async function serves(line: string, socket: string): Promise<void> {
  // A program that does not speak to the pool is ready after its soak time.
  const soon = ["--soak", "100ms"];
  await using command = start(line, `unix:${socket}`, soon);
  await command.line(/^prefork ready /);
  const old = await pids(2, () => talkUnix(socket, 16));

  // What a leaving worker does with the socket must not reach the others.
  command.signal("SIGHUP");
  await command.line(/^prefork reload-finished /);
  assert.deepEqual([...old].filter(isAlive), []);
  const seen = await pids(2, () => talkUnix(socket, 16));
  await leaves(command, "SIGINT", seen);
  assert.equal(existsSync(socket), false);
}

function inPath(name: string): boolean {
  return PATH.split(":").some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
