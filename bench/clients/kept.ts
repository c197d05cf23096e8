/**
 * Clients that keep their connections and never retry. Each asks, waits, and
 * asks again; a new connection is opened where the server has announced the end
 * of the last one. Prints a line of JSON every 100 ms: how many of them each
 * process has answered last, and what went wrong until then.
 *
 * usage: kept.ts http|http2 PORT CLIENTS PAUSE_MS
 */

import http2 from "node:http2";
import net from "node:net";
import process from "node:process";
import { workerIn } from "./reply.ts";

const [kind, ...numbers] = process.argv.slice(2);
const [port, clients, pause] = numbers.map(Number) as [number, number, number];

/** Who has answered each client last. */
const by = new Map<number, string>();
let failed = 0;
let cut = 0;
let moved = 0;

const PRINT_MS = 100;

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** A connection. */
interface Asking {
  /** Asks once; resolves with who has answered. */
  ask(): Promise<string>;
  /** True once the server has announced its end. */
  announced(): boolean;
  end(): void;
}

function overHttp(): Asking {
  const socket = net.connect(port, "127.0.0.1").setNoDelay(true);
  socket.setEncoding("latin1");
  let over: Error | undefined;
  let hear = (): void => {};
  let text = "";
  let last = false;
  const end = (why: Error): void => {
    over ??= why;
    hear();
  };
  socket.on("data", (more: string) => {
    text += more;
    hear();
  });
  socket.on("error", end);
  socket.on("close", () => end(new Error("closed")));
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        text = "";
        hear = () => {
          const worker = workerIn(text);
          if (worker === undefined) return over && reject(over);
          hear = () => {};
          last = /^connection: *close/im.test(text);
          resolve(worker);
        };
        if (over !== undefined) return reject(over);
        socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
      }),
    announced: () => last,
    end: () => socket.destroy(),
  };
}

function overHttp2(): Asking {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  let last = false;
  session.once("goaway", () => last = true);
  session.on("error", () => {});
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":path": "/" });
        let text = "";
        stream.setEncoding("latin1");
        stream.on("data", (more: string) => text += more);
        stream.on("error", () => {});
        stream.on("close", () => {
          const worker = workerIn(`\r\n\r\n${text}`);
          if (worker === undefined) reject(new Error("reset"));
          else resolve(worker);
        });
      }),
    announced: () => last || session.closed,
    end: () => session.destroy(),
  };
}

/** One client, for ever. */
async function stay(client: number): Promise<void> {
  await sleep(pause * client / clients);
  for (;;) {
    const connection = kind === "http2" ? overHttp2() : overHttp();
    for (let first = true;; first = false) {
      try {
        by.set(client, await connection.ask());
        await sleep(pause);
        if (!connection.announced()) continue;
        moved++;
      } catch {
        if (first) failed++;
        else cut++;
      }
      break;
    }
    connection.end();
  }
}

for (let i = 0; i < clients; i++) void stay(i);
setInterval(() => {
  const counts: Record<string, number> = {};
  for (const worker of by.values()) counts[worker] = (counts[worker] ?? 0) + 1;
  const line = { counts: Object.values(counts), failed, cut, moved };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}, PRINT_MS);
