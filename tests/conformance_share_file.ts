/** Files without a name that workers inherit. */

import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Adapter } from "../core/adapter.ts";
import { childOn, openFiles, settled, start } from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { RUNTIMES } from "./runtimes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Adds the tests. */
export function addShareFileTests(adapter: Adapter): void {
  const read = (file: { read(into: Uint8Array): number }): string => {
    const into = new Uint8Array(100);
    return new TextDecoder().decode(into.subarray(0, file.read(into)));
  };

  for (const runtime of RUNTIMES) {
    test(`a worker on ${runtime} reads and writes one`, async () => {
      const file = adapter.shareFile();
      try {
        file.write(bytes("from the supervisor"), 0);
        let inherited: readonly number[] = [];
        await using child = start(adapter, childOn(runtime), {
          inherits: [file],
          env: (fds) => {
            inherited = fds;
            return { NAME: runtime };
          },
        });
        await child.message({ started: true });
        child.process.send({ do: "file", fd: inherited[0], at: 30 });
        await child.message({ text: "from the supervisor" });
        assert.equal(
          read(file),
          `from the supervisor${"\0".repeat(11)}${runtime}`,
        );
        file.write(bytes("FROM"), 0);
        child.process.send({ do: "file", fd: inherited[0], at: 0 });
        await child.message({
          text: `FROM the supervisor${"\0".repeat(11)}${runtime}`,
        });
        assert.ok(read(file).startsWith(runtime));
      } finally {
        file.close();
      }
    });
  }

  test("what was written is read, from the beginning", () => {
    const file = adapter.shareFile();
    assert.equal(read(file), "");
    file.write(bytes("abcdef"), 0);
    file.write(bytes("XY"), 2);
    assert.equal(read(file), "abXYef");
    assert.equal(read(file), "abXYef");
    const short = new Uint8Array(3);
    assert.equal(file.read(short), 3);
    assert.deepEqual(short, bytes("abX"));
    file.write(bytes("z"), 8);
    assert.equal(read(file), "abXYef\0\0z");
    file.close();
  });

  test("of a size that was asked for is all 0, and holds what fits", () => {
    const file = adapter.shareFile(300);
    const whole = new Uint8Array(1000).fill(1);
    assert.equal(file.read(whole), 300);
    assert.deepEqual(whole.subarray(0, 300), new Uint8Array(300));
    file.write(bytes("end"), 297);
    assert.equal(file.read(whole), 300);
    assert.deepEqual(whole.subarray(297, 300), bytes("end"));
    file.close();
  });

  test("each is a file of its own that no directory has", () => {
    const directories = ["/dev/shm", tmpdir()];
    const names = (): string[] =>
      directories.flatMap((directory) => readdirSync(directory))
        .filter((name) => name.startsWith("prefork-"));
    const before = names();
    const one = adapter.shareFile();
    const other = adapter.shareFile();
    assert.deepEqual(names().filter((name) => !before.includes(name)), []);
    assert.match(readlinkSync(`/proc/self/fd/${one.fd}`), / \(deleted\)$/);
    one.write(bytes("one"), 0);
    assert.equal(read(other), "");
    one.close();
    other.close();
  });

  test("after the end nothing is read, written or closed", async () => {
    const before = openFiles();
    const file = adapter.shareFile();
    file.write(bytes("x"), 0);
    file.close();
    // The number is free for something else, which must not be touched.
    const next = adapter.shareFile();
    assert.equal(next.fd, file.fd);
    file.write(bytes("y"), 0);
    assert.equal(read(file), "");
    assert.equal(read(next), "");
    file.close();
    next.write(bytes("z"), 0);
    assert.equal(read(next), "z");
    next.close();
    await settled(openFiles, before);
  });

  test("workers that do not inherit it do not have it", async () => {
    const file = adapter.shareFile();
    try {
      await using child = start(adapter, [
        "sh",
        "-c",
        "readlink /proc/self/fd/*; true",
      ]);
      await child.exit;
      const found = child.lines.filter((line) =>
        /\(deleted\)/.test(line) && /prefork/.test(line)
      );
      assert.deepEqual(found, []);
    } finally {
      file.close();
    }
  });
}
