/**
 * Where connections that clients keep are after a pool has changed.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { endGroup, freePort, sleep } from "../session.ts";

/** How long a pool and its clients may take to start, in ms. */
const PATIENCE_MS = 60_000;

/** How long clients ask before the pool changes, in ms. */
const BEFORE_MS = 2000;

const at = (path: string): string =>
  fileURLToPath(new URL(path, import.meta.url));

/** What is done to a pool with clients that stay. */
export interface RebalanceRow {
  /** Its name. */
  readonly id: string;
  /** What runs the pool. */
  readonly runtime: Runtime;
  /** Its server: an argument of `servers/kept.mjs`. */
  readonly server: "http" | "native" | "http2";
  /** How the address is shared. */
  readonly share: "balanced" | "sharded";
  /** How many workers there are at first, and then; a reload where both are one. */
  readonly workers: readonly [before: number, after: number];
  /** How many clients there are, and how long each waits between two requests. */
  readonly clients: number;
  readonly pause: number;
  /** After how long it is looked where they are, in ms. */
  readonly within: number;
}

const KEPT = { clients: 400, pause: 400, within: 10_000 };
const FEW = {
  server: "http2",
  clients: 8,
  pause: 250,
  within: 30_000,
} as const;
const SCALE = [4, 8] as const;
const RELOAD = [4, 4] as const;

/** All of them. */
export const REBALANCE_ROWS: readonly RebalanceRow[] = [
  ...(["node", "deno", "bun"] as const).flatMap((runtime): RebalanceRow[] => {
    const servers = runtime === "node"
      ? ["http"] as const
      : ["http", "native"] as const;
    return [
      ...servers.flatMap((server) =>
        [SCALE, RELOAD].map((workers) => ({
          id: `${runtime}/${server}/${workers === SCALE ? "scale" : "reload"}`,
          runtime,
          server,
          share: "balanced" as const,
          workers,
          ...KEPT,
        }))
      ),
      {
        id: `${runtime}/http2/scale`,
        runtime,
        share: "balanced",
        workers: [2, 4],
        ...FEW,
      },
    ];
  }),
  {
    id: "node/http/scale sharded",
    runtime: "node",
    server: "http",
    share: "sharded",
    workers: SCALE,
    ...KEPT,
  },
];

/** What the clients saw at a moment. */
export interface KeptView {
  /** How many clients each worker has answered last. */
  readonly counts: readonly number[];
  /** Requests on a new connection without an answer. */
  readonly failed: number;
  /** The same on kept ones. */
  readonly cut: number;
  /** Connections whose end was announced. */
  readonly moved: number;
}

/** What came of it. */
export interface RebalanceSample {
  /** Before the pool changed. */
  readonly before: KeptView;
  /** In the end. */
  readonly after: KeptView;
  /** From when on it was as even as the aim has it, in ms; undefined for never. */
  readonly even: number | undefined;
}

/**
 * Measures a row once.
 *
 * @param isEven true of what the aim is about
 * @param rebalance false to leave connections where they are
 */
export async function measureRebalance(
  row: RebalanceRow,
  isEven: (view: KeptView, row: RebalanceRow) => boolean,
  rebalance: boolean,
): Promise<RebalanceSample> {
  const { runtime, server, share, workers: [first, then] } = row;
  const port = await freePort();
  await using pool = start([
    ...commandOn(runtime, at("../../cli.ts")),
    ...["--log-time", "off", "--probation", "0", "--soak", "0"],
    // Clients pause for longer than they are waited for otherwise.
    ...["--idle-grace", "2s"],
    ...["-w", String(first), "--max-workers", String(2 * then)],
    ...["-l", `127.0.0.1:${port}`, "-s", share],
    ...["--rebalance", rebalance ? "on" : "off"],
    ...[at("../servers/kept.mjs"), server],
  ]);
  await pool.line(/^prefork ready /);
  await using clients = start([
    process.execPath,
    at("../clients/kept.ts"),
    ...[server === "http2" ? "http2" : "http", port, row.clients, row.pause]
      .map(String),
  ]);
  const next = async (): Promise<KeptView> => {
    clients.skip();
    const { input } = await clients.line(/^\{/);
    return JSON.parse(input) as KeptView;
  };
  const has = ({ counts }: KeptView): number =>
    counts.reduce((a, b) => a + b, 0);
  let before = await next();
  while (has(before) < row.clients) before = await next();
  await sleep(BEFORE_MS);
  before = await next();
  if (first === then) {
    pool.signal("SIGHUP");
    await pool.line(/^prefork reload-finished /);
  } else {
    for (let count = first; count < then; count++) {
      pool.signal("SIGTTIN");
      await pool.line(/^prefork worker-ready /);
    }
  }
  const changed = performance.now();
  let even: number | undefined;
  let after = before;
  for (let passed = 0; passed < row.within;) {
    after = await next();
    passed = performance.now() - changed;
    if (!isEven(after, row)) even = undefined;
    else even ??= passed;
  }
  return { before, after, even };
}

/** A process that is read line by line. */
interface Read extends AsyncDisposable {
  /** The next line that matches; what comes before it is let go. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Lets go what has come so far. */
  skip(): void;
  signal(signal: NodeJS.Signals): void;
}

function start([file, ...args]: readonly string[]): Read {
  const child: ChildProcess = spawn(file!, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: cleanEnv({}),
  });
  const exited = once(child, "exit");
  const found: string[] = [];
  let hear = (): void => {};
  let over = false;
  const read = (from: Interface): void => {
    from.on("line", (line) => {
      found.push(line);
      hear();
    });
  };
  read(createInterface({ input: child.stdout! }));
  read(createInterface({ input: child.stderr! }));
  void exited.then(() => {
    over = true;
    hear();
  });
  return {
    async line(pattern) {
      const end = performance.now() + PATIENCE_MS;
      for (;;) {
        for (
          let line = found.shift();
          line !== undefined;
          line = found.shift()
        ) {
          const match = pattern.exec(line);
          if (match !== null) return match;
        }
        if (over || performance.now() > end) {
          throw new Error(`no line ${pattern} of ${args.join(" ")}`);
        }
        await Promise.race([
          new Promise<void>((resolve) => hear = resolve),
          sleep(1000),
        ]);
      }
    },
    skip: () => void (found.length = 0),
    signal: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: () => endGroup(child, exited),
  };
}
