/** Starts what the READMEs of the examples tell to start. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  type Command,
  type Ended,
  isAlive,
  prefork,
  readyPids,
  until,
} from "../command.ts";
import { target } from "../http.ts";
import { binary, cleanEnv, commandOn, ownRuntime } from "../runtimes.ts";

/** The root of the repository, where the commands are to be run. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The commands in the `sh` blocks of an example's README, in order. */
export function documented(example: string): string[] {
  const text = readFileSync(`${ROOT}examples/${example}/README.md`, "utf8");
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)];
  const commands = blocks.flatMap(([, block]) => block!.trim().split("\n"));
  assert.notEqual(commands.length, 0, `${example} documents no command`);
  return commands;
}

/**
 * Starts a documented `node program args` on the runtime of this runner, at an
 * address of the test's own: in place of that of `-l`, else as an argument.
 *
 * @param options more options of the command
 */
export function start(
  command: string,
  address: string,
  options: readonly string[] = [],
): Command {
  const words = /^(?:npx )?node (.*)$/.exec(command)?.[1]?.split(" ");
  assert.ok(words !== undefined, `"${command}" runs no program`);
  const [program, ...args] = words;
  const at = args.indexOf("-l") + 1;
  if (at > 0) args[at] = address;
  else args.push(address);
  const file = `${ROOT}${program}`;
  const plain = program === "cli.ts" ? ["--log-time", "off"] : [];
  return prefork([...plain, ...options, ...args], {
    cwd: ROOT,
    command: commandOn(ownRuntime, file),
    verb: true,
  });
}

/** Connects, says something and ends if there is something, and reads all. */
export function talk(address: string, words = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const { host, port } = target(address);
    const socket = net.connect(Number(port), host!);
    const heard: Uint8Array[] = [];
    socket.on("data", (chunk: Uint8Array) => heard.push(chunk));
    socket.on("error", reject);
    socket.on("end", () => resolve(new TextDecoder().decode(join(heard))));
    // A client that ends at once, without a word, gets no answer from
    // node:net of Deno 2.9.5: "write EPIPE".
    if (words !== "") socket.end(words);
  });
}

/** What each of so many connections to a Unix socket hears. */
export async function talkUnix(
  path: string,
  connections: number,
): Promise<string[]> {
  const client = fileURLToPath(new URL("./talk_unix.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(
    binary("node"),
    [client, path, String(connections)],
    { env: cleanEnv() },
  );
  return JSON.parse(stdout);
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(
    chunks.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Several questions at once: one worker alone may be quick enough for a row. */
export function several(ask: () => Promise<string>): () => Promise<string[]> {
  return () => Promise.all(Array.from({ length: 16 }, ask));
}

/** Asks until answers of so many processes were seen. */
export async function pids(
  count: number,
  ask: () => Promise<readonly string[]>,
): Promise<Set<number>> {
  const seen = new Set<number>();
  await until(async () => {
    for (const answer of await ask()) {
      const pid = /(?:pid|from) (\d+)/.exec(answer)?.[1];
      assert.ok(pid !== undefined, `"${answer}" names no process`);
      seen.add(Number(pid));
    }
    return seen.size >= count;
  }, `answers of ${count} processes`);
  return seen;
}

/** Sends a signal and asserts that it ends everything, with exit code 0. */
export async function leaves(
  command: Command,
  signal: NodeJS.Signals,
  workers: Iterable<number> = readyPids(command),
): Promise<void> {
  command.signal(signal);
  const ended: Ended = await command.ended;
  assert.deepEqual(ended, { code: 0, signal: null }, command.lines.join("\n"));
  assert.deepEqual([...workers].filter(isAlive), []);
}
