/**
 * Connections that cost unequally: they come one after the other, each asks at
 * random times (a Poisson process) for about as much CPU as is its own, and
 * these means are spread by a lognormal distribution. After a while a client
 * closes its connection and opens another one, as pools of clients do. A request is due
 * whether the last one was answered or not, and waits here for its turn on the
 * connection. Prints as JSON the latencies in ms, counted from when each was
 * due, of those that were due after the last connection had come.
 *
 * usage: unequal.ts PORT CONNECTIONS GAP_MS RATE SECONDS CPUS SIGMA SEED
 *
 * RATE is requests per second and connection, CPUS how many CPUs all of them
 * together keep busy, SIGMA that of the lognormal distribution; SEED changes
 * the order in which connections come and the times when they ask.
 */

import net from "node:net";
import process from "node:process";
import { createRandom } from "../../tests/random.ts";
import { exponential, normal, shuffled } from "./random.ts";
import { workerIn } from "./reply.ts";

/** How long connections run before they are measured, in ms. */
const SETTLE_MS = 2000;

/** How long a connection lives on average, in ms. */
const LIFE_MS = 2000;

/** How long the last answers may take, in ms. */
const PATIENCE_MS = 3000;

const [port, connections, gap, rate, seconds, cpus, sigma, seed] = process.argv
  .slice(2).map(Number);
const random = createRandom(seed!);

// The same costs for every seed, in another order: 64 draws of a distribution
// with such a tail differ too much, and this one has no connection that would be
// too much for a worker by itself.
const draw = createRandom(3);
const sizes = shuffled(
  Array.from(
    { length: connections! },
    () => Math.exp(sigma! * normal(draw)),
  ),
  random,
);
// Each connection's share of the CPUs, over its rate, is its mean in us.
const all = sizes.reduce((a, b) => a + b);
const means = sizes.map((size) => size / all * cpus! / rate! * 1e6);

const latencies: number[] = [];
let errors = 0;

/** A request that is due; `at` is in ms, as performance.now() has it. */
interface Request {
  readonly at: number;
  readonly us: number;
}

/** The requests of one connection, in the order in which they are due. */
function schedule(mean: number, from: number, to: number): Request[] {
  const requests: Request[] = [];
  let at = from;
  for (;;) {
    at += exponential(random) * 1000 / rate!;
    if (at >= to) return requests;
    requests.push({ at, us: Math.round(mean * (0.5 + random.next())) });
  }
}

/** Sends what is due on a connection, one at a time. */
function createConnection(requests: readonly Request[]): {
  tick(now: number): void;
  pending(): readonly Request[];
} {
  let socket: net.Socket | undefined;
  let text = "";
  let next = 0;
  let asked = false;
  let lost = false;
  let until = Infinity;
  const send = (now: number): void => {
    const request = requests[next];
    if (lost || asked || request === undefined || request.at > now) return;
    asked = true;
    socket!.write(
      `GET /burn?us=${request.us} HTTP/1.1\r\nHost: bench\r\n\r\n`,
    );
  };
  const hear = (bytes: Uint8Array): void => {
    text += bytes;
    if (workerIn(text) === undefined) return;
    const now = performance.now();
    const { at } = requests[next++]!;
    if (at >= measured) latencies.push(now - at);
    text = "";
    asked = false;
    send(now);
  };
  return {
    tick(now) {
      if (now >= until && !asked) {
        socket?.removeAllListeners("close").destroy();
        socket = undefined;
      }
      if (socket === undefined) {
        until = now + exponential(random) * LIFE_MS;
        socket = net.connect({ port: port!, host: "127.0.0.1", noDelay: true });
        socket.on("data", hear);
        socket.once("error", () => undefined);
        socket.once("close", () => {
          lost = true;
          errors += requests.length - next;
        });
      }
      send(now);
    },
    pending: () => lost ? [] : requests.slice(next),
  };
}

const start = performance.now();
const measured = start + connections! * gap! + SETTLE_MS;
const end = measured + seconds! * 1000;
const arrivals = means.map((mean, i) => {
  const at = start + i * gap!;
  return { at, connection: createConnection(schedule(mean, at, end)) };
});

const timer = setInterval(() => {
  const now = performance.now();
  for (const { at, connection } of arrivals) {
    if (at <= now) connection.tick(now);
  }
  if (now < end) return;
  const pending = arrivals.flatMap(({ connection }) => connection.pending());
  if (pending.length > 0 && now < end + PATIENCE_MS) return;
  clearInterval(timer);
  // Who still waits has waited that long at least.
  const late = pending.filter(({ at }) => at >= measured)
    .map(({ at }) => now - at);
  const result = { latencies: [...latencies, ...late], errors };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit();
}, 1);
