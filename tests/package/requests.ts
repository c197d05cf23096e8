import assert from "node:assert/strict";
import { connect } from "node:net";
import process from "node:process";

/** A worker's answer: its own process id and that of its supervisor. */
export interface Answer {
  readonly pid: number;
  readonly supervisor: number;
}

/** The program of a worker that answers so. */
export function workerProgram(specifier: string): string {
  return `import process from "node:process";
import { serve } from "${specifier}";
await serve(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return new Response(JSON.stringify({ pid: process.pid, supervisor: process.ppid }));
});
`;
}

/** The same as a program that knows nothing of any pool. */
export const UNMODIFIED = `import http from "node:http";
import process from "node:process";
http.createServer((request, response) => {
  const body = JSON.stringify({ pid: process.pid, supervisor: process.ppid });
  setTimeout(() => response.end(body), 5);
}).listen(3000);
`;

/** The program of a supervisor that runs a pool until its input ends. */
export function poolProgram(specifier: string, program: string): string {
  return `import process from "node:process";
import { Pool } from "${specifier}";
const pool = new Pool({ program: "${program}", workers: 2, listen: "127.0.0.1:0" });
await pool.start();
console.log("ready listen=" + pool.status().listeners[0]?.address);
for await (const _ of process.stdin);
await pool.stop();
console.log("stopped");
`;
}

/** The line in which a pool, or the command, says where it listens. */
export const READY: RegExp = /^(?:prefork )?ready .*?\blisten=([\d.]+):(\d+)/m;

/**
 * Sends requests, many at once and each on a connection of its own, until two
 * workers of one supervisor have answered.
 */
export async function askTwoWorkers(
  host: string,
  port: number,
): Promise<{ readonly pids: readonly number[]; readonly supervisor: number }> {
  const answers: Answer[] = [];
  for (let round = 0; round < 50; round++) {
    answers.push(
      ...await Promise.all(Array.from({ length: 16 }, () => ask(host, port))),
    );
    const pids = [...new Set(answers.map(({ pid }) => pid))];
    if (pids.length < 2) continue;
    const supervisors = new Set(answers.map(({ supervisor }) => supervisor));
    assert.equal(pids.length, 2, "two workers answer");
    assert.equal(supervisors.size, 1, "they have one supervisor");
    return { pids, supervisor: [...supervisors][0] as number };
  }
  throw new Error(`Cannot reach a second worker in ${answers.length} requests`);
}

/** True when there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function ask(host: string, port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, host);
    socket.setEncoding("utf8");
    socket.on("connect", () => {
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`,
      );
    });
    socket.on("data", (more) => void (text += more));
    socket.on("error", reject);
    socket.on("close", () => {
      const json = /\{.*\}/.exec(text)?.[0];
      if (!text.startsWith("HTTP/1.1 200 ") || json === undefined) {
        reject(new Error(`Cannot understand the answer "${text}"`));
      } else resolve(JSON.parse(json));
    });
  });
}
