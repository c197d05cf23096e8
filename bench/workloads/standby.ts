/**
 * How long nobody accepts after a worker was killed: with a standby, and where
 * another worker has to be started.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { endGroup, freePort, sleep } from "../session.ts";

/** How long a pool may take to start, and to answer again, in ms. */
const PATIENCE_MS = 20_000;

/** How long everything is left alone before the kill, in ms. */
const SETTLE_MS = 50;

/** A program whose worker is killed. */
export interface StandbyRow {
  /** Its name. */
  readonly id: string;
  /** What runs it. */
  readonly runtime: Runtime;
  /** How it listens: an argument of `servers/mortal.mjs`. */
  readonly style: string;
}

/** The rows: unmodified programs, and those that use the library. */
export const STANDBY_ROWS: readonly StandbyRow[] = [
  ...rowsOf("node", ["http", "listen"]),
  ...rowsOf("deno", ["http", "native", "listen", "serve"]),
  ...rowsOf("bun", ["http", "native", "listen", "serve"]),
];

function rowsOf(runtime: Runtime, styles: readonly string[]): StandbyRow[] {
  return styles.map((style) => ({ id: `${runtime}/${style}`, runtime, style }));
}

/** One death; ms from the kill. */
export interface DeathSample {
  /**
   * When the kernel shows it: it has torn the process down, and closes the
   * connections. Before that nobody can know.
   */
  readonly seen: number;
  /** When the program was given a connection that came after the kill. */
  readonly accepted: number;
  /** When the client of that had an answer, the first that the program gave. */
  readonly answered: number;
}

/** What is to be measured. */
export interface StandbyPlan {
  /** The command of the installed package. */
  readonly cli: string;
  /** The program, `servers/mortal.mjs`, where it finds that package. */
  readonly program: string;
  /** True for `--standby 1`. */
  readonly standby: boolean;
  /** The environment. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts a pool of one worker, kills that, and ends the pool. A pool is killed
 * once: later crashes would have to wait, and nothing would be as cold in the
 * supervisor as it is when a worker crashes.
 */
export async function measureDeath(
  { runtime, style }: StandbyRow,
  { cli, program, standby, env }: StandbyPlan,
): Promise<DeathSample> {
  const port = await freePort();
  const [file, ...args] = [
    ...commandOn(runtime, cli),
    ...["--log-time", "off"],
    ...["-w", "1", "-l", `127.0.0.1:${port}`, "--standby", standby ? "1" : "0"],
    ...[program, style],
  ];
  const child = spawn(file!, args, {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: cleanEnv(env),
  });
  const exited = once(child, "exit");
  try {
    const lines = createInterface({ input: child.stderr });
    const [, pid] = await lineOf(lines, /^prefork worker-ready .*pid=(\d+)/);
    if (standby) await lineOf(lines, /^prefork worker-standby /);
    const known = await connected(port);
    await ask(known);
    await sleep(SETTLE_MS);
    const closed = once(known, "close").then(() => performance.now());
    const began = performance.now();
    process.kill(Number(pid), "SIGKILL");
    const fresh = await connected(port);
    const accepted = await ask(fresh);
    const answered = performance.now() - began;
    fresh.destroy();
    return {
      seen: await closed - began,
      accepted: accepted - performance.timeOrigin - began,
      answered,
    };
  } finally {
    await endGroup(child, exited);
  }
}

function lineOf(lines: Interface, pattern: RegExp): Promise<RegExpExecArray> {
  const words: string[] = [];
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      lines.off("line", hear);
      lines.off("close", fail);
    };
    const fail = (): void => {
      end();
      reject(new Error(`no line ${pattern} in: ${words.join("\n")}`));
    };
    const hear = (line: string): void => {
      words.push(line);
      const found = pattern.exec(line);
      if (found === null) return;
      end();
      resolve(found);
    };
    const timer = setTimeout(fail, PATIENCE_MS);
    lines.on("line", hear);
    lines.once("close", fail);
  });
}

async function connected(port: number): Promise<Socket> {
  const socket = net.connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Sends a request; resolves with the time that the program tells. */
async function ask(socket: Socket): Promise<number> {
  socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
  let text = "";
  socket.on("data", (bytes: Uint8Array) => void (text += String(bytes)));
  const end = AbortSignal.timeout(PATIENCE_MS);
  let closed = false;
  socket.once("close", () => closed = true);
  for (;;) {
    const found = /(\d{13}\.?\d*)(?:\r\n|$)/.exec(text);
    if (found !== null) return Number(found[1]);
    if (closed) throw new Error(`it was closed after "${text}"`);
    await Promise.race([
      once(socket, "data", { signal: end }),
      once(socket, "close", { signal: end }),
    ]);
  }
}
