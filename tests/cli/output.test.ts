import assert from "node:assert/strict";
import { MAX_WAITING, SafeOutput } from "../../cli/output.ts";
import { describe, test } from "../harness.ts";

/** An output over a sink that takes what it is told to. */
function stage(): {
  output: SafeOutput;
  written: () => string;
  failures: string[];
  /** How much the next writes take; an error's code for those that fail. */
  room: (number | string)[];
  /** What writes do when there is nothing in `room`. */
  set: (usual: number | string) => void;
} {
  let text = "";
  let usual: number | string = Infinity;
  const room: (number | string)[] = [];
  const failures: string[] = [];
  const output = new SafeOutput((bytes) => {
    const next = room.shift() ?? usual;
    if (typeof next === "string") {
      throw Object.assign(new Error(next), { code: next });
    }
    const count = Math.min(next, bytes.length);
    text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  });
  output.explain = ({ lines, reason }) => `lost ${lines} ${reason}`;
  output.onFailure = (reason) => failures.push(reason);
  const set = (to: number | string): void => void (usual = to);
  return { output, written: () => text, failures, room, set };
}

describe("an output", () => {
  test("is written at once, however little is taken at a time", () => {
    const { output, written, set } = stage();
    set(3);
    output.write("abc\n");
    output.write(`${"x".repeat(10_000)}\n`);
    assert.equal(written(), `abc\n${"x".repeat(10_000)}\n`);
  });

  test("waits for room, in order", async () => {
    const { output, written, room } = stage();
    room.push(2, "EAGAIN", "EAGAIN");
    output.write("one\n");
    output.write("two\n");
    assert.equal(written(), "on");
    await output.flushed();
    assert.equal(written(), "one\ntwo\n");
  });

  test("counts what fails, and tells it once it can again", () => {
    const { output, written, room, set, failures } = stage();
    room.push(2);
    set("ENOSPC");
    output.write("one\n");
    output.write("two\nthree\n");
    assert.deepEqual(failures, ["ENOSPC"]);
    set(Infinity);
    output.write("four\n");
    output.write("five\n");
    assert.equal(written(), "on\nlost 3 ENOSPC\nfour\nfive\n");
    set("EPIPE");
    output.write("six\n");
    assert.deepEqual(failures, ["ENOSPC", "EPIPE"]);
  });

  test("keeps what it counted when it cannot tell it", () => {
    const { output, written, room, set } = stage();
    room.push("EIO", "EIO", "EIO");
    for (const line of ["1\n", "2\n", "3\n"]) output.write(line);
    set(5);
    room.push(4, "EIO");
    output.write("4\n");
    output.write("5\n");
    assert.equal(written(), "lost\nlost 4 EIO\n5\n");
  });

  test("holds a bounded part for a slow reader and tells what is missing", async () => {
    const { output, written, set } = stage();
    const line = `${"x".repeat(1023)}\n`;
    set("EAGAIN");
    for (let i = 0; i < MAX_WAITING / 1024 + 7; i++) output.write(line);
    set(Infinity);
    await output.flushed();
    assert.equal(written(), line.repeat(MAX_WAITING / 1024) + "lost 7 slow\n");
    output.write("again\n");
    assert.ok(written().endsWith("lost 7 slow\nagain\n"));
  });

  test("that nobody reads does not keep the process from ending", async () => {
    const { output, set } = stage();
    set("EAGAIN");
    output.write("x\n");
    await output.flushed();
    set("EPIPE");
  });
});
