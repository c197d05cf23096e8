/**
 * How many datagrams are answered in a second, and by whom: by one process, and
 * by the workers of a pool.
 *
 * @module
 */

import { spawn } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { freeUdpPort } from "../../tests/ports.ts";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { endGroup, sleep } from "../session.ts";

/** How many clients ask, each from a port of its own. */
const CLIENTS = 32;

/** What each has on its way: never as much as a buffer holds. */
const WINDOW = 2;

/** How long it runs before it is counted, in ms. */
const WARM_MS = 500;

/** What answers. */
export interface DgramRow {
  /** Its name. */
  readonly id: string;
  /** What runs it. */
  readonly runtime: Runtime;
  /** How a pool shares the port; one process without. */
  readonly share?: "shared" | "sharded";
}

/** What is to be measured. */
export interface DgramPlan {
  /** The command of the installed package. */
  readonly cli: string;
  /** The program, `servers/dgram.mjs`. */
  readonly program: string;
  /** How many workers a pool has. */
  readonly workers: number;
  /** How long each answer takes, in microseconds of CPU. */
  readonly work: number;
  /** How long is counted, in seconds. */
  readonly seconds: number;
}

/** What was measured. */
export interface DgramSample {
  /** Answers a second. */
  readonly rate: number;
  /** The answers of each process. */
  readonly byProcess: readonly number[];
}

/** Measures one row. */
export async function measureDatagrams(
  { runtime, share }: DgramRow,
  { cli, program, workers, work, seconds }: DgramPlan,
): Promise<DgramSample> {
  const port = await freeUdpPort();
  const args = [program, String(port), String(work)];
  const listen = `udp://127.0.0.1:${port}?share=${share}`;
  const [file, ...rest] = share === undefined
    ? [...commandOn(runtime, args[0]!), ...args.slice(1)]
    : [
      ...commandOn(runtime, cli),
      ...["--log-time", "off", "-w", String(workers), "-l", listen],
      ...args,
    ];
  const child = spawn(file!, rest, {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: cleanEnv(),
  });
  const exited = once(child, "exit");
  try {
    const lines = createInterface({ input: child.stderr });
    for await (const line of lines) {
      if (line.startsWith("prefork ready ")) break;
    }
    child.stderr.resume();
    return await count(port, seconds);
  } finally {
    await endGroup(child, exited);
  }
}

async function count(port: number, seconds: number): Promise<DgramSample> {
  const answers = new Map<string, number>();
  const sockets = Array.from({ length: CLIENTS }, () => {
    const socket = dgram.createSocket("udp4");
    socket.on("message", (bytes) => {
      const who = String(bytes);
      answers.set(who, (answers.get(who) ?? 0) + 1);
      socket.send("x", port, "127.0.0.1");
    });
    for (let i = 0; i < WINDOW; i++) socket.send("x", port, "127.0.0.1");
    return socket;
  });
  await sleep(WARM_MS);
  answers.clear();
  const began = performance.now();
  await sleep(seconds * 1000);
  const took = (performance.now() - began) / 1000;
  const byProcess = [...answers.values()];
  for (const socket of sockets) socket.close();
  const sum = byProcess.reduce((a, b) => a + b, 0);
  return { rate: sum / took, byProcess };
}
