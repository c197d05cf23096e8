/** A log that cannot be written costs lines, and the pool nothing. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { PATH, until, watch } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { cleanEnv, commandOn, ownRuntime } from "../runtimes.ts";

const directory = mkdtempSync(join(tmpdir(), "prefork-output-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/**
 * "/lines/8000" writes so many of 1 KiB to each stream, "/long" a long one to
 * stdout, "/mixed" 80 of 20 KiB to each in turn.
 */
const program = join(directory, "talks.mjs");
writeFileSync(
  program,
  `
import http from "node:http";
import process from "node:process";
http.createServer((request, response) => {
  const [, what, count] = request.url.split("/");
  if (what === "mixed") {
    let under = 160;
    // Bun calls back at once for an empty text.
    const written = () => --under === 0 && response.end("mixed");
    for (let i = 0; i < 80; i++) {
      process.stdout.write("a".repeat(20_479) + "\\n", written);
      process.stderr.write("b".repeat(20_479) + "\\n", written);
    }
    return;
  }
  const text = what === "long"
    ? JSON.stringify({ long: "x".repeat(900_000) }) + "\\n"
    : ("y".repeat(1023) + "\\n").repeat(Number(count ?? 0));
  process.stdout.write(text);
  if (what === "long") return response.end(String(process.pid));
  process.stderr.write(text, () => response.end(String(process.pid)));
}).listen(3000);
`,
);

/** Starts a pool of one worker whose output goes where it is told. */
function start(
  name: string,
  output: "pipe" | number,
  shell = 'exec "$@"',
  time = "off",
): { child: ChildProcess; ask(path?: string): Promise<string> } {
  const socket = `unix:${directory}/${name}`;
  const command = commandOn(ownRuntime, libraryFile("cli"));
  const child = spawn("sh", [
    ...["-c", shell, "sh"],
    ...[...command, "--log-time", time],
    ...["-w", "1", "-l", socket, program],
  ], {
    env: cleanEnv({ PATH, NO_COLOR: "1" }),
    stdio: ["ignore", output, output],
  });
  const ask = async (path?: string): Promise<string> =>
    (await get(socket, path)).body;
  return { child, ask };
}

type Pool = ReturnType<typeof start>;

const up = ({ ask }: Pool): Promise<void> =>
  until(() => ask().then(() => true, () => false), "the pool answers");

/** Has the pool replace its worker, of which it can tell nobody. */
async function reload({ child, ask }: Pool): Promise<void> {
  const before = await ask();
  process.kill(child.pid!, "SIGHUP");
  await until(async () => await ask() !== before, "another worker answers");
}

/** Stops it by signals, of which all after the first change nothing. */
async function stop(
  { child }: Pool,
  ...more: readonly NodeJS.Signals[]
): Promise<void> {
  const ended = once(child, "exit");
  process.kill(child.pid!, "SIGTERM");
  const again = setInterval(() => {
    try {
      for (const signal of more) process.kill(child.pid!, signal);
    } catch (error) {
      // It is gone before its end is told.
      assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
    }
  }, 20);
  assert.deepEqual(await ended.finally(() => clearInterval(again)), [0, null]);
}

describe("a pool", () => {
  test("serves on when nobody reads what it writes, and when the reader is gone", async () => {
    const pool = start("slow", "pipe");
    await up(pool);
    await pool.ask("/lines/8000");
    await reload(pool);
    const command = watch(pool.child);
    for (const stream of ["stdout", "stderr"]) {
      const [, lines] = await command.line(
        new RegExp(
          `^prefork output-lost stream=${stream} lines=(\\d+) reason=slow$`,
        ),
      );
      assert.ok(Number(lines) > 3000 && Number(lines) < 5000, lines!);
    }
    await pool.ask("/long");
    const [, long] = await command.line(/^\[0\] (.*long.*)$/);
    assert.equal(JSON.parse(long!).long.length, 900_000);
    pool.child.stdout!.destroy();
    const warned = command.line(/^prefork warning .*stdout cannot .*EPIPE/);
    // Bun closes its end a moment later.
    const more = (): Promise<unknown> => pool.ask("/lines/1");
    while (
      await Promise.race([warned, more().then(() => undefined)]) === undefined
    );
    pool.child.stderr!.destroy();
    await reload(pool);
    await pool.ask("/lines/100");
    await stop(pool);
  });

  test("writes whole lines where both streams are one file", async () => {
    const pool = start("mixed", "pipe", 'exec "$@" 2>&1');
    await up(pool);
    await pool.ask("/mixed");
    const command = watch(pool.child);
    await stop(pool);
    await command.ended;
    const long = command.lines.filter((line) => line.length > 1000);
    assert.ok(long.every((line) => /^\[0\] (a+|b+)$/.test(line)));
    assert.equal(long.length, 160);
  });

  test("ends by its own exit code, whatever signals come while it writes its last lines", async () => {
    const pool = start("last", "pipe");
    await up(pool);
    // More than a pipe takes: the last lines wait for a reader.
    await pool.ask("/lines/200");
    await stop(pool, "SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2");
  });

  test("leaves the time to the journal, and to nothing else", {
    skip: process.platform === "linux" ? false : "there is no journal",
  }, async () => {
    // As systemd does for a service whose stderr alone is the journal's.
    const journal =
      'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"';
    const pool = start("journal", "pipe", journal, "auto");
    const command = watch(pool.child);
    await command.line(/^prefork ready /);
    await pool.ask("/lines/1");
    await command.line(/^\[0\] y+$/);
    const [, time] = await command.line(
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) \[0\] y+$/,
    );
    assert.ok(Math.abs(Date.now() - Date.parse(time!)) < 600_000);
    await stop(pool);
  });

  test("serves on when the disk of its log is full", {
    skip: existsSync("/dev/full") ? false : "there is no such disk",
  }, async () => {
    const full = openSync("/dev/full", "w");
    const pool = start("full", full);
    closeSync(full);
    await up(pool);
    await pool.ask("/lines/100");
    await reload(pool);
    await stop(pool);
  });
});
