/**
 * A pool under load to which everything happens: by a seed, so that what has
 * gone wrong can be run again. Afterwards each lost request must have been on a
 * connection of a worker that was killed, and nothing may be left behind.
 */

import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import {
  fixture,
  IDLE_GRACE,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
  watch,
} from "./command.ts";
import { libraryFile } from "./fixtures/library_file.ts";
import { readProc } from "../adapters/shared/proc.ts";
import { fillDisk, noDisk, onSmallDisk } from "./namespace.ts";
import { patience } from "./pace.ts";
import { createRandom } from "./random.ts";
import { upgraded } from "./upgraded.ts";
import { binary, cleanEnv, commandOn, type Runtime } from "./runtimes.ts";

/** What can happen to a pool. */
export const DEEDS = [
  "kill",
  "kill during a reload",
  "stop a worker",
  "stop the supervisor",
  "hang",
  "memory hog",
  "reload",
  "broken reload",
  "scale",
  "upgrade",
  "upgrade and back",
  "stop reading the log",
  "close the log",
  "full disk",
] as const;

/** One of them. */
export type Deed = typeof DEEDS[number];

/** What is to be done. */
export interface ChaosOptions {
  readonly seed: number;
  /** How many deeds, or until when in ms. */
  readonly deeds?: number;
  readonly ms?: number;
  /** What runs supervisor and workers. */
  readonly runtime: Runtime;
  /** How many workers stand by; none unless given. */
  readonly standby?: number;
  /** Which deeds; all unless given. */
  readonly only?: readonly Deed[];
  /** Told as it goes on. */
  tell?(line: string): void;
}

/** What came of it. */
export interface ChaosReport {
  /** Requests with a whole answer. */
  readonly done: number;
  /** Lost ones, each on a connection to a worker that was killed. */
  readonly explained: number;
  /** All that should not be, as sentences; with the schedule if any. */
  readonly unexplained: readonly string[];
  /** What was done. */
  readonly schedule: readonly string[];
}

/** A request that the client has lost. */
interface Lost {
  readonly at: number;
  readonly since: number;
  readonly pid: number | null;
  readonly nth: number;
  readonly why: string;
}

const WORKERS = 2;
const PROGRAM = fixture("chaos_program.ts");
const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Runs it. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, runtime, standby = 0 } = options;
  const { deeds = Infinity, ms = Infinity, only = DEEDS } = options;
  const random = createRandom(seed);
  const directory = mkdtempSync(path.join(os.tmpdir(), "pf-chaos-"));
  const release = path.join(directory, "release");
  writeFileSync(release, "good");
  const schedule: string[] = [];
  /** What was done, and what became of it, each with its time. */
  const story: { readonly at: number; readonly what: string }[] = [];
  const tells = (at: number, what: string) => story.push({ at, what });
  const unexplained: string[] = [];
  /** When a worker was killed by us, or began to hang or to hog for us. */
  const killed = new Map<number, number>();
  /** When it was gone, if that was later. */
  const gone = new Map<number, number>();
  const disk = path.join(directory, "disk");
  mkdirSync(disk);
  const cli = commandOn(runtime, libraryFile("cli"));
  await using pool = prefork([
    ...["-w", `${WORKERS}`, "-r", runtime, ...LOCAL, ...IDLE_GRACE],
    ...["--standby", `${standby}`],
    ...["--keep-old", "10m", "--memory", "1G", "--soak", "200ms"],
    ...["--probation", "300ms"],
    ...["--hang-timeout", `${patience(2)}s`, "--max-workers", "4"],
    ...["--pid-file", `${disk}/pid`, "--status-file", `${disk}/status`],
    PROGRAM,
  ], {
    command: noDisk === false ? onSmallDisk(disk, cli) : cli,
    env: { CHAOS_RELEASE: release },
  });
  // Whichever supervisor it is at the moment.
  await using supervisor = upgraded(pool);
  const { listen } = await ready(pool);
  const [host, port] = listen!.split(":");
  const running = (): number[] => {
    const gone = new Set(
      pool.lines.map((line) => /^prefork worker-exited .*pid=(\d+)/.exec(line))
        .map((match) => Number(match?.[1])),
    );
    // One that was parked and serves again has been ready twice.
    return [...new Set(readyPids(pool))].filter((pid) => !gone.has(pid));
  };
  let wanted = WORKERS;
  const settled = (): Promise<void> =>
    until(
      () => running().length === wanted && running().every(isAlive),
      `${wanted} workers are ready and no other is left: ${running()}`,
      30_000,
    );
  const openFiles = (): number =>
    readdirSync(`/proc/${supervisor.pid}/fd`).length;

  const child = spawn(
    binary("node"),
    [fixture("chaos_client.mjs"), host!, port!, "8"],
    { env: cleanEnv(), stdio: ["pipe", "pipe", "pipe"] },
  );
  await using client = watch(child);
  await client.line(/^started$/);
  await settled();

  const kill = (): void => {
    const pid = random.pick(running());
    killed.set(pid, Date.now());
    process.kill(pid, "SIGKILL");
  };
  const pause = async (pid: number, time: number): Promise<void> => {
    process.kill(pid, "SIGSTOP");
    await sleep(time);
    process.kill(pid, "SIGCONT");
  };
  const reload = async (outcome: RegExp, meanwhile?: () => void) => {
    const from = pool.lines.length;
    supervisor.signal("SIGHUP");
    if (meanwhile !== undefined) {
      await pool.line(/^prefork reload-started /, from);
      await sleep(random.whole(0, 800));
      meanwhile();
    }
    await pool.line(outcome, from);
  };
  const does: Record<Deed, () => Promise<void> | void> = {
    kill,
    "kill during a reload": () =>
      reload(/^prefork reload-(finished|failed) /, kill),
    "stop a worker": () =>
      pause(random.pick(running()), random.whole(100, 500)),
    "stop the supervisor": () => pause(supervisor.pid, random.whole(100, 1000)),
    hang: async () => {
      const response = await fetch(`http://${listen}/hang`);
      const pid = Number(response.headers.get("x-pid"));
      killed.set(pid, Date.now());
      const body = response.text().catch(() => "cut");
      await pool.line(new RegExp(`^prefork worker-exited .*pid=${pid} `));
      gone.set(pid, Date.now());
      await body;
    },
    "memory hog": async () => {
      const response = await fetch(`http://${listen}/hog`);
      const pid = Number(response.headers.get("x-pid"));
      const body = response.text().catch(() => "cut");
      killed.set(pid, Date.now());
      const [line, reason] = await pool.line(
        new RegExp(`^prefork worker-exited .*pid=${pid} reason=(\\S+) .*`),
      );
      gone.set(pid, Date.now());
      const text = await body;
      // V8 ends it, on Node and Deno, unless it thrashes for so long that it is
      // taken as hung, or what it holds is seen before: then nothing is lost.
      if (reason === "recycled") {
        killed.delete(pid);
        if (text !== "begun done") throw new Error(`${line}: "${text}"`);
      } else if (!["oom", "hung"].includes(reason!)) throw new Error(line);
    },
    reload: () => reload(/^prefork reload-finished /),
    "broken reload": async () => {
      writeFileSync(release, "broken");
      await reload(/^prefork reload-failed .*this release is broken/);
      writeFileSync(release, "good");
    },
    scale: () => {
      const more = wanted === WORKERS || (wanted < 4 && random.chance(0.5));
      wanted += more ? 1 : -1;
      supervisor.signal(more ? "SIGTTIN" : "SIGTTOU");
    },
    upgrade: () => supervisor.upgrade(),
    "upgrade and back": () =>
      supervisor.thereAndBack(() =>
        until(
          () => running().length === 2 * wanted && running().every(isAlive),
          `both supervisors have workers: ${running()}`,
          30_000,
        )
      ),
    "stop reading the log": () => pool.stall(random.whole(100, 500)),
    "close the log": async () => {
      pool.hangUp();
      for (let i = 0; i < 3; i++) {
        await (await fetch(`http://${listen}/say`)).text();
      }
    },
    "full disk": async () => {
      if (noDisk !== false) return;
      using _full = fillDisk(supervisor.pid, disk);
      await reload(/^prefork reload-finished /);
    },
  };

  const openBefore = openFiles();
  const end = performance.now() + ms;
  try {
    // Each once, in an order of its own, before any comes again.
    for (let left: Deed[] = [], i = 0; i < deeds; i++) {
      if (performance.now() > end) break;
      if (left.length === 0) left = [...only];
      const [deed] = left.splice(random.whole(0, left.length - 1), 1);
      schedule.push(deed!);
      tells(Date.now(), deed!.toUpperCase());
      options.tell?.(`${i + 1}. ${deed}`);
      await does[deed!]();
      await sleep(random.whole(0, 300));
      await settled();
    }
    // One after the other: two that are pending at once are one (signal(7)).
    while (wanted > WORKERS) {
      wanted--;
      supervisor.signal("SIGTTOU");
      await settled();
    }
  } catch (error) {
    unexplained.push(`${schedule.at(-1)}: ${(error as Error).message}`);
  }
  child.stdin.write("stop\n");
  const [text] = await client.line(/^\{.*\}$/);
  const { done, lost } = JSON.parse(text) as { done: number; lost: Lost[] };
  await until(() => openFiles() <= openBefore, "", 5000).catch(() => {
    unexplained.push(`${openFiles()} descriptors, ${openBefore} before`);
  });
  const pids = readyPids(pool);
  supervisor.signal("SIGTERM");
  const { code } = await pool.ended;
  if (code !== 0) unexplained.push(`exit code ${code}`);
  // In minutes the number of one that has ended comes to be another process'.
  const isThere = (pid: number): boolean =>
    isAlive(pid) &&
    readProc(`/proc/${pid}/cmdline`)?.includes(PROGRAM) === true;
  await until(() => !pids.some(isThere), "", 5000).catch(() => {
    unexplained.push(`still there: ${pids.filter(isThere)}`);
  });
  for (const line of pool.lines) {
    const match = /^prefork worker-exited .*pid=(\d+) .*reason=(\S+)/.exec(
      line,
    );
    if (match === null || killed.has(Number(match[1]))) continue;
    if (["crashed", "killed", "hung", "oom", "deaf"].includes(match[2]!)) {
      unexplained.push(line);
    }
  }
  const isExplained = ({ at, pid }: Lost): boolean => {
    if (pid !== null) return at >= (killed.get(pid) ?? Infinity);
    // Accepted and not answered yet: whoever was killed just now had it.
    return [...killed].some(([each, when]) =>
      at >= when && at - (gone.get(each) ?? when) < patience(4000)
    );
  };
  for (const each of lost) {
    if (isExplained(each)) continue;
    unexplained.push(JSON.stringify(each));
    tells(each.since, `ASKED IN VAIN until ${each.at - each.since} ms later`);
  }
  if (unexplained.length > 0) {
    for (const [i, line] of pool.lines.entries()) tells(pool.times[i]!, line);
    story.sort((a, b) => a.at - b.at);
    const text = story.map(({ at, what }) =>
      `${new Date(at).toISOString().slice(11, 23)} ${what}`
    );
    unexplained.push(`seed ${seed}: ${schedule.join(", ")}`, ...text);
  }
  rmSync(directory, { recursive: true });
  const explained = lost.filter(isExplained).length;
  return { done, explained, unexplained, schedule };
}
