/** `balanced` with the servers of node:net and what is built on it. */
import assert from "node:assert/strict";
import net from "node:net";
import process from "node:process";
import tls from "node:tls";
import { type Command, fixture, prefork, ready, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { v1 } from "../proxy_head.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { within } from "../within.ts";

const WORKERS = 4;
const HEAD = v1("TCP4 203.0.113.7 127.0.0.1 4711 443");

/** Clients that stay once they know their worker. */
interface Clients extends Disposable {
  /** Connects; resolves with the pid of the worker. */
  connect(): Promise<string>;
  /** How many each worker has, the most first. */
  counts(): readonly number[];
}

function clientsOf(command: Command, port: number, plan: Plan): Clients {
  const sockets: net.Socket[] = [];
  const workers: string[] = [];
  let ended = 0;
  const one = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const raw = net.connect(port, "127.0.0.1");
      sockets.push(raw);
      if (plan.proxied) raw.write(HEAD);
      const socket = plan.secure
        ? tls.connect({ socket: raw, rejectUnauthorized: false })
        : raw;
      raw.on("error", reject).on("close", () => {
        ended++;
        reject(new Error("closed"));
      });
      socket.on("error", reject);
      if (plan.kind !== "net") {
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      }
      let text = "";
      socket.on("data", (bytes) => {
        text += String(bytes);
        const [, pid] = /pid"?[ :](\d+)/.exec(text) ?? [];
        if (pid === undefined) return;
        workers.push(pid);
        resolve(pid);
      });
    });
  return {
    connect: () =>
      within(one(), () => `an answer, after\n${command.lines.join("\n")}`),
    counts() {
      assert.equal(ended, 0, "the server has ended some");
      const counts = new Map<string, number>();
      for (const pid of workers) counts.set(pid, (counts.get(pid) ?? 0) + 1);
      return [...counts.values()].sort((a, b) => b - a);
    },
    [Symbol.dispose]() {
      for (const socket of sockets) {
        socket.removeAllListeners("close").on("error", () => {}).destroy();
      }
    },
  };
}

interface Plan {
  readonly kind: "http" | "https" | "net";
  readonly proxied?: boolean;
  readonly secure?: boolean;
}

function pool({ kind, proxied = false }: Plan): Command {
  return prefork([
    ...["-w", String(WORKERS), "-s", "balanced", "-r", runtime],
    ...["-l", `127.0.0.1:0${proxied ? "?proxy=v1" : ""}`],
    ...[fixture("gated.ts"), kind],
  ]);
}

async function portOf(command: Command): Promise<number> {
  return Number(/\d+$/.exec((await ready(command))["listen"]!)![0]);
}

const PLANS: Readonly<Record<string, Plan>> = {
  "node:net": { kind: "net" },
  "node:http": { kind: "http" },
  "node:https": { kind: "https", secure: true },
  "node:http behind PROXY headers": { kind: "http", proxied: true },
  "node:https behind PROXY headers": {
    kind: "https",
    secure: true,
    proxied: true,
  },
};

function isEven(clients: Clients): boolean {
  const counts = clients.counts();
  return counts.length === WORKERS && counts[0]! - counts.at(-1)! <= 6;
}

describe("balanced keeps connections that stay even", () => {
  for (const [name, plan] of Object.entries(PLANS)) {
    test(`with ${name}`, { timeout: 60_000 }, async () => {
      await using command = pool(plan);
      using clients = clientsOf(command, await portOf(command), plan);
      for (let i = 0; i < 20 * WORKERS; i++) await clients.connect();
      // A worker that the machine gave no time has less, and one that was busy
      // gets less for it: both catch up with clients that come now and then.
      await until(async () => {
        if (!isEven(clients)) await clients.connect();
        return isEven(clients);
      }, "they are even").catch(() => undefined);
      assert.ok(isEven(clients), String(clients.counts()));
      clients[Symbol.dispose]();
      command.signal("SIGTERM");
      const { code } = await command.ended;
      assert.equal(code, 0, command.lines.join("\n"));
    });
  }
});

test("a supervisor that stands still delays no connection for long", {
  timeout: 60_000,
}, async () => {
  const plan: Plan = { kind: "net" };
  await using command = pool(plan);
  const port = await portOf(command);
  using clients = clientsOf(command, port, plan);
  for (let i = 0; i < WORKERS; i++) await clients.connect();
  process.kill(command.pid, "SIGSTOP");
  try {
    const pids = await Promise.all(
      Array.from({ length: 60 }, () => clients.connect()),
    );
    assert.equal(pids.length, 60);
    // Those that are gone before anybody looks at them do no harm.
    for (let i = 0; i < 60; i++) {
      const socket = net.connect(port, "127.0.0.1");
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.resetAndDestroy();
    }
    await clients.connect();
  } finally {
    process.kill(command.pid, "SIGCONT");
  }
  // What it was sent meanwhile was served, and it does not serve it again.
  for (let i = 0; i < 20; i++) await clients.connect();
  const total = clients.counts().reduce((a, b) => a + b);
  assert.equal(total, WORKERS + 60 + 1 + 20);
  clients[Symbol.dispose]();
  command.signal("SIGTERM");
  assert.equal((await command.ended).code, 0, command.lines.join("\n"));
  const exits = command.lines.filter((line) => line.includes("reason=crashed"));
  assert.deepEqual(exits, []);
});

test("a worker that stands still and is killed loses nobody's connection", {
  timeout: 60_000,
}, async () => {
  const plan: Plan = { kind: "net" };
  await using command = pool(plan);
  using clients = clientsOf(command, await portOf(command), plan);
  const pids = new Set<string>();
  while (pids.size < WORKERS) pids.add(await clients.connect());
  // The least loaded one: everybody wants to pass connections on to it.
  using fresh = clientsOf(command, await portOf(command), plan);
  const [stopped] = pids;
  process.kill(Number(stopped), "SIGSTOP");
  const answers = Array.from({ length: 60 }, () => fresh.connect());
  const first = await Promise.all(answers.slice(0, 30));
  clients[Symbol.dispose]();
  process.kill(Number(stopped), "SIGKILL");
  const others = [...first, ...await Promise.all(answers.slice(30))];
  assert.ok(!others.includes(stopped!), `${stopped} among ${others}`);
  assert.equal(fresh.counts().reduce((a, b) => a + b), 60);
});

/**
 * Resolves when no worker was busy lately: what they have done counts as load,
 * and who got no word in time passes nothing on for a while (MAX_PAUSE_MS).
 */
async function quiet(command: Command): Promise<void> {
  await until(async () => {
    const from = command.lines.length;
    command.signal("SIGCONT");
    const all = Array.from({ length: WORKERS }, (_, slot) =>
      command.line(
        new RegExp(`worker-status slot=${slot} .* busy=([\\d.]+)`),
        from,
      ));
    return (await Promise.all(all)).every(([, busy]) => Number(busy) < QUIET);
  }, "workers that do nothing");
}

/** After the longest pause a second's average is below this: e^-3.2 = 0.04. */
const QUIET = 0.04;

// Bun accepts in batches that others cannot be told of in time.
test("connections that come all at once are even as well", {
  skip: runtime === "bun" && "Bun cannot pass connections on",
  timeout: 120_000,
}, async () => {
  const plan: Plan = { kind: "http" };
  await using command = pool(plan);
  const port = await portOf(command);
  const seen: (readonly number[])[] = [];
  // On a busy machine workers get their CPU at different times, and who waits
  // for it loses patience.
  for (let attempt = 0; attempt < 20; attempt++) {
    await quiet(command);
    using clients = clientsOf(command, port, plan);
    await Promise.all(Array.from({ length: 300 }, () => clients.connect()));
    const counts = clients.counts();
    seen.push(counts);
    const even = counts.length === WORKERS &&
      counts[0]! <= 1.15 * counts.at(-1)!;
    if (even) return;
  }
  assert.fail(seen.join("\n"));
});
