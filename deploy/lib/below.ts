/** What the scenes of `parents.ts` share: a pool below a parent, and its clients. */

import { execFile, spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { type Command, isAlive, PATH, watch } from "../../tests/command.ts";
import { get } from "../../tests/http.ts";
import { freePort } from "../../tests/ports.ts";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { load, type LoadReport } from "../../tests/strict_client.ts";
import { ROOT, show, temporary, until } from "./parts.ts";

/** What the supervisors run on. */
export const runtime: string = process.argv[2] ?? "node";

const folder = temporary();
process.once("exit", () => folder[Symbol.dispose]());

/** Where everything of a run is. */
export const FOLDER: string = folder.path;

/** A file there. */
export const place = (name: string): string => join(FOLDER, name);

const rows: string[][] = [];

/** Writes the table. */
export function table(): void {
  for (const row of rows) process.stdout.write(`| ${row.join(" | ")} |\n`);
}

/** A program that takes so many ms to boot. */
export function program(ms: number): string {
  const path = place(`app-${ms}.mjs`);
  writeFileSync(
    path,
    `import http from "node:http";
import process from "node:process";
await new Promise((resolve) => setTimeout(resolve, ${ms}));
http.createServer((_, response) => response.end(\`pid \${process.pid}\`))
  .listen(3000);
`,
  );
  return path;
}

/** The command line of a pool of two workers. */
export function pool(listen: readonly string[], boot = 0): readonly string[] {
  return [
    ...commandOn(runtime as Runtime, `${ROOT}cli.ts`),
    ...["-w", "2", "--log-time", "off", "--idle-grace", "1s"],
    ...["--probation", "0"],
    ...listen.flatMap((address) => ["-l", address]),
    program(boot),
  ];
}

/** Starts a parent, in the folder. */
export function start(
  words: readonly string[],
  env: Record<string, string> = {},
): Command {
  const [file, ...args] = words;
  const command = watch(spawn(file!, args, {
    cwd: FOLDER,
    env: cleanEnv({
      PATH: `${PATH}:/usr/sbin`,
      NO_COLOR: "1",
      XDG_RUNTIME_DIR: FOLDER,
      ...env,
    }),
    stdio: ["ignore", "pipe", "pipe"],
  }));
  return {
    ...command,
    [Symbol.asyncDispose]: async () => {
      // A parent that is killed ends none of its children.
      for (const pid of [command.pid, ...supervisors(command)]) {
        if (isAlive(pid)) process.kill(pid, "SIGKILL");
      }
      await command[Symbol.asyncDispose]();
    },
  };
}

/** What clients see of something that is done meanwhile. */
export async function under(
  addresses: readonly string[],
  run: () => Promise<void>,
  kinds: readonly ("connect" | "keepalive")[] = ["connect", "keepalive"],
): Promise<LoadReport & { readonly longest: number }> {
  await using clients = await load(
    addresses.flatMap((address) =>
      kinds.map((kind) => ({ kind, address, loops: 3 }))
    ),
  );
  let longest = 0;
  let probing = true;
  const probe = (async () => {
    while (probing) {
      const since = performance.now();
      await get(addresses[0]!).catch(() => undefined);
      longest = Math.max(longest, performance.now() - since);
      await pause(50);
    }
  })();
  try {
    await run();
  } finally {
    probing = false;
    await probe;
  }
  return { ...await clients.stop(), longest: Math.round(longest) };
}

/** Says what they have seen. */
export function tell(
  name: string,
  { done, failed, cut, longest }: LoadReport & { readonly longest: number },
): void {
  const count = Object.values(done).reduce((sum, each) => sum + each, 0);
  const lost = failed.length + cut.length;
  show(
    name,
    lost === 0 && count > 0,
    `${count} requests, failed ${failed.length}, cut ${cut.length}, longest ${longest} ms ${
      [...failed, ...cut].slice(0, 2)
    }`,
  );
  rows.push([
    name,
    runtime,
    `${count}`,
    `${failed.length}`,
    `${cut.length}`,
    `${longest} ms`,
  ]);
}

/** The answers of an address name the process that serves. */
export async function answering(address: string): Promise<string> {
  return (await get(address)).body;
}

/** The n-th pool below a parent is ready. */
export async function readyTimes(
  command: Command,
  count: number,
): Promise<void> {
  await until(
    `${count} pools are ready`,
    () =>
      command.lines.filter((line) => / ?prefork ready /.test(line)).length >=
        count,
  ).catch((error) => {
    throw new Error(`${error}\n${command.lines.slice(-30).join("\n")}`);
  });
}

/** The process ids of the supervisors that were ready, in order. */
export function supervisors(command: Command): readonly number[] {
  return command.lines.flatMap((line) =>
    Number(/prefork ready .*pid=(\d+)/.exec(line)?.[1] ?? NaN) || []
  );
}

/** What another server executes in its own place. */
export function wrapper(address: string, log?: string): void {
  const words = pool([address]).map((word) => `'${word}'`).join(" ");
  writeFileSync(
    place("next"),
    `#!/bin/sh\nexec ${words}${log === undefined ? "" : ` >${log} 2>&1`}\n`,
  );
  chmodSync(place("next"), 0o755);
}

/** Runs a command to its end, while others go on. */
export async function controlled(words: readonly string[]): Promise<void> {
  const [file, ...args] = words;
  const { stdout } = await promisify(execFile)(file!, args);
  if (/error|refused/i.test(stdout)) throw new Error(stdout);
}

/** An address that is free. */
export async function free(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}
