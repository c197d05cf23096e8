/**
 * The last lines of the log: how many are kept, and who reads them.
 *
 * Runs once, under bun: it is neither a runtime's nor a process'.
 */
import assert from "node:assert/strict";
import { KeptLog, MAX_KEPT } from "../../core/control/log.ts";
import type { LineSource } from "../../core/control/socket.ts";
import { describe, test } from "../harness.ts";

/** A log with lines from "0" on. */
function filled(lines: number): KeptLog {
  const log = new KeptLog();
  for (let i = 0; i < lines; i++) log.push(String(i));
  return log;
}

async function all(source: LineSource): Promise<string[]> {
  let text = "";
  for (let part; (part = await source.next()) !== undefined;) text += part;
  source.close();
  return text.split("\n").slice(0, -1);
}

describe("the last lines", () => {
  test("are as many as are asked for", async () => {
    const log = filled(5);
    assert.deepEqual(await all(log.read(2, false)), ["3", "4"]);
    assert.deepEqual(await all(log.read(9, false)), ["0", "1", "2", "3", "4"]);
    assert.deepEqual(await all(log.read(0, false)), []);
    assert.deepEqual(await all(new KeptLog().read(3, false)), []);
  });

  test("are no more than are kept, however many there were", async () => {
    const last = MAX_KEPT.lines * 3 + 7;
    const lines = await all(filled(last).read(last, false));
    assert.equal(lines.length, MAX_KEPT.lines);
    assert.equal(lines[0], String(last - MAX_KEPT.lines));
    assert.equal(lines.at(-1), String(last - 1));
  });

  test("are bounded in size, and the very last one is there", async () => {
    const log = new KeptLog();
    const long = "x".repeat(MAX_KEPT.units / 4);
    for (let i = 0; i < 9; i++) log.push(long);
    assert.equal((await all(log.read(9, false))).length, 4);
    log.push("y".repeat(MAX_KEPT.units + 1));
    assert.equal((await all(log.read(9, false))).length, 1);
  });

  test("are those of the moment in which they were asked for", async () => {
    const log = filled(2);
    const source = log.read(5, false);
    log.push("late");
    assert.deepEqual(await all(source), ["0", "1"]);
  });
});

describe("who follows", () => {
  test("gets what comes, and the end after the last line", async () => {
    const log = filled(2);
    const source = log.read(1, true);
    assert.equal(await source.next(), "1\n");
    const next = source.next();
    log.push("2");
    assert.equal(await next, "2\n");
    log.push("3");
    const closed = log.close();
    assert.equal(await source.next(), "3\n");
    assert.equal(await source.next(), undefined);
    let over = false;
    void closed.then(() => over = true);
    await Promise.resolve();
    assert.equal(over, false, "it has not been sent yet");
    source.close();
    await closed;
  });

  test("and is slow hears how much it has missed", async () => {
    const log = filled(1);
    log.explain = (lines) => `missed ${lines}`;
    const source = log.read(1, true);
    assert.equal(await source.next(), "0\n");
    for (let i = 0; i < MAX_KEPT.lines + 40; i++) log.push(`n${i}`);
    void log.close();
    const lines = await all(source);
    assert.deepEqual(lines.slice(0, 2), ["missed 40", "n40"]);
    assert.equal(lines.length, MAX_KEPT.lines + 1);
  });

  test("and goes away keeps nobody", async () => {
    const log = filled(1);
    const source = log.read(0, true);
    const waits = source.next();
    source.close();
    assert.equal(await waits, undefined);
    await log.close();
  });
});
