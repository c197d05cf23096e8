/**
 * What the verbs of the command do: find the pool that is meant, ask it, and say
 * what it answers.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { NOBODY } from "../core/control/verbs.ts";
import { codeOf } from "../core/errors.ts";
import type { Pools } from "./completion.ts";
import { ControlClient, failure, type Reply } from "./client.ts";
import { lineOf } from "./log_line.ts";
import type { Output } from "./output.ts";
import { isSocket } from "./socket_file.ts";
import { listText, statusText } from "./status.ts";
import type { ControlCommand } from "./verbs.ts";

/** Where pools are looked for, and where is said what they answer. */
export interface ControlDesk {
  /** Where to say it. */
  readonly stdout: Output;
  /** Where the sockets of this user's pools are. */
  readonly directories: readonly string[];
  /**
   * How long a pool may take to say how it is, in ms.
   *
   * @default {5_000}
   */
  readonly patience?: number;
  /** Whether a process is there. */
  isThere(pid: number): boolean;
}

/** What is at a socket. */
export interface Looked {
  /** Its path. */
  readonly file: string;
  /** What the pool says; undefined where none answers. */
  readonly told?: Reply;
  /** Why none does; undefined as well for what a killed pool has left. */
  readonly problem?: Error;
}

/** How often a status is shown again, in ms. */
const WATCH_MS = 1_000;

/** How often, and so many times, is looked for the socket of a successor, in ms. */
const LOCATE_MS = 100;
const LOCATE_LOOKS = 300;

/** Clears a terminal (ECMA-48: CUP, ED). */
const CLEAR = "\x1b[H\x1b[J";

/**
 * Does what a command line asks, and says what came of it.
 *
 * @throws {PreforkError} `ERR_CONTROL` when no such pool answers, or with the
 * pool's own sentence when it does not do it
 */
export async function control(
  { verb, target, number = "", flags, lines, ...wanted }: ControlCommand,
  { stdout, directories, patience = 5_000, isThere }: ControlDesk,
): Promise<void> {
  const client = new ControlClient(patience, isThere);
  const write = (text: string): void => void stdout.write(`${text}\n`);
  if (verb === "list") {
    const pools = await lookAt(socketsIn(directories), client);
    return write(
      flags.has("--json")
        ? JSON.stringify(pools.flatMap(({ told }) => told ?? []))
        : listText(pools),
    );
  }
  const { file, told } = await find(target, directories, client);
  const { name, pid } = told.pool;
  const say = (what: string, fields: Record<string, unknown>): void =>
    write(lineOf("text", what, { pool: name, ...fields }));
  switch (verb) {
    case "status": {
      const text = (now: Reply): string =>
        flags.has("--json") ? JSON.stringify(now) : statusText(now);
      write(text(told));
      while (flags.has("--watch")) {
        await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
        const now = text(await client.status(file));
        write(stdout.isTTY === true ? CLEAR + now : now);
      }
      return;
    }
    case "top": {
      const { top } = await import("./top.ts");
      return await top(file, told, client, stdout);
    }
    case "reload": {
      const since = performance.now();
      const { status: { generation } } = await client.command(file, "reload");
      const ms = Math.round(performance.now() - since);
      return say("reloaded", { generation, ms });
    }
    case "scale": {
      const by = /^[+-]/.test(number);
      const query = by ? `by=${Number(number)}` : `to=${number}`;
      const { status } = await client.command(file, `scale?${query}`);
      say("scaled", { from: told.status.wanted, to: status.wanted });
      if (status.wanted === 0) say("warning", { message: NOBODY });
      return;
    }
    case "restart":
      await client.command(file, `restart?slot=${number}`);
      return say("restarting", { slot: number });
    case "quiesce":
      await client.command(
        file,
        `quiesce?slot=${number}&force=${flags.has("--force")}`,
      );
      return say("quiesced", { slot: number });
    case "resume":
      await client.command(file, `resume?slot=${number}`);
      return say("resumed", { slot: number });
    case "reopen":
      await client.command(file, "reopen");
      return say("reopening", { pid });
    case "upgrade": {
      const query = new URLSearchParams(upgradeQuery(wanted));
      const { upgrade } = await client.command(file, `upgrade?${query}`);
      // What is asked next is asked of that one.
      if (upgrade !== undefined && wanted.program === undefined) {
        await client.changed(file, upgrade.pid);
      }
      return say("upgraded", { from: pid, pid: upgrade?.pid });
    }
    case "logs": {
      const follow = flags.has("--follow");
      let isRead = true;
      // As of head(1), which has had enough.
      stdout.onFailure = () => isRead = false;
      const take = async (text: string): Promise<boolean> => {
        stdout.write(text);
        // What waits for a slow reader waits in the pool, which has bounds.
        await stdout.flushed?.();
        return isRead;
      };
      if (!follow) {
        await client.logs(file, { lines, follow }, take);
        return;
      }
      const { followLog } = await import("./log_successor.ts");
      const last = await followLog(
        client,
        file,
        pid,
        lines,
        take,
        async (next) => {
          for (let i = 0; i < LOCATE_LOOKS && isThere(next); i++) {
            const looked = await lookAt([
              file,
              ...socketsIn(directories).filter((each) => each !== file),
            ], client);
            const own = looked.find(({ told }) => told?.pool.pid === next);
            if (own !== undefined) return own.file;
            await new Promise((resolve) => setTimeout(resolve, LOCATE_MS));
          }
          return undefined;
        },
      );
      if (last !== undefined) write(`the pool ${name} (pid ${last}) has ended`);
      return;
    }
    case "stop": {
      const others = await neighbours(file, pid, directories, client);
      await client.command(file, `stop?quick=${flags.has("--quick")}`);
      // A process with several pools goes on with the others.
      if (others) await client.ended(file);
      else await client.gone(file, pid);
      return say("stopped", { pid });
    }
  }
}

/**
 * A pool by its name, process id or socket; undefined where there is none of the
 * name.
 *
 * @throws {PreforkError} `ERR_CONTROL` when there is no such process or socket,
 * or nobody answers at the one of the name
 */
export async function lookFor(
  target: string,
  { directories, patience = 5_000, isThere }: Omit<ControlDesk, "stdout">,
): Promise<Reply | undefined> {
  const client = new ControlClient(patience, isThere);
  return await find(target, directories, client).then(
    ({ told }) => told,
    (error) => {
      // Any other word may be a program's, unless a socket bears it.
      if (/^\d+$|\.sock$/.test(target)) throw error;
      const own = socketsNamed(target, directories);
      if (own.some((file) => isSocket(file))) throw error;
      return undefined;
    },
  );
}

/** The pools that may be named where a shell completes. */
export function poolsIn(
  { directories, patience = 1_000, isThere }: Omit<ControlDesk, "stdout">,
): Pools {
  const client = new ControlClient(patience, isThere);
  return {
    // What a killed pool has left is none, as in a list of them.
    names: async () =>
      (await lookAt(socketsIn(directories), client))
        .filter(({ told, problem }) => (told ?? problem) !== undefined)
        .map(({ file }) => basename(file, ".sock")),
    slots: (name) =>
      find(name, directories, client).then(
        ({ told }) => told.status.wanted,
        () => 0,
      ),
  };
}

/** What an upgrade is to lead to: paths begin where it is asked. */
function upgradeQuery(
  { runtime, program, pass }: Pick<
    ControlCommand,
    "runtime" | "program" | "pass"
  >,
): string[][] {
  if (program !== undefined) {
    return [
      ...program.map((word) => ["program", word]),
      ["cwd", resolve(".")],
      ...(pass === undefined ? [] : [["pass", pass]]),
    ];
  }
  if (runtime === undefined) return [];
  return [["runtime", runtime.includes("/") ? resolve(runtime) : runtime]];
}

/** True when the process of a pool has other pools too. */
async function neighbours(
  file: string,
  pid: number,
  directories: readonly string[],
  client: ControlClient,
): Promise<boolean> {
  const looked = await lookAt(socketsIn(directories), client);
  return looked.some((each) =>
    each.file !== file && each.told?.pool.pid === pid
  );
}

/** The sockets that are there for this user's pools. */
function socketsIn(directories: readonly string[]): readonly string[] {
  return directories.flatMap((directory) => {
    try {
      return readdirSync(directory).filter((name) => name.endsWith(".sock"))
        .sort().map((name) => join(directory, name));
    } catch {
      return [];
    }
  });
}

/** Those that a word names: by a path, or as a pool's. */
function socketsNamed(
  target: string,
  directories: readonly string[],
): readonly string[] {
  return target.includes("/")
    ? [resolve(target)]
    : socketsIn(directories).filter((file) =>
      basename(file, ".sock") === target
    );
}

/** What is at each socket. */
function lookAt(
  files: readonly string[],
  client: ControlClient,
): Promise<Looked[]> {
  return Promise.all(files.map(async (file) => {
    try {
      return { file, told: await client.status(file) };
    } catch (error) {
      const { cause } = error as Error;
      return codeOf(cause) === "ECONNREFUSED"
        ? { file }
        : { file, problem: error as Error };
    }
  }));
}

/** The pool that is meant. */
async function find(
  target: string | undefined,
  directories: readonly string[],
  client: ControlClient,
): Promise<Required<Pick<Looked, "file" | "told">>> {
  const files = socketsIn(directories);
  const [direct] = target === undefined
    ? []
    : socketsNamed(target, directories);
  if (direct !== undefined) {
    return { file: direct, told: await client.status(direct) };
  }
  const looked = await lookAt(files, client);
  const there = looked.flatMap(({ file, told }) =>
    told === undefined ? [] : [{ file, told }]
  );
  const meant = there.filter(({ told: { pool } }) =>
    target === undefined || pool.name === target || String(pool.pid) === target
  );
  // One that does not answer is there, and may be the one that is meant.
  const named = looked.filter(({ told, problem }) => told ?? problem);
  const isOnly = target !== undefined || named.length === 1;
  if (meant.length === 1 && isOnly) return meant[0]!;
  const names = named.map(({ file }) => basename(file, ".sock")).join(", ");
  if (meant.length > 0) {
    throw failure(`several pools are there, name one of ${names}`);
  }
  const where = `looked in ${directories.join(" and ")}`;
  if (target !== undefined) {
    const others = names === "" ? "" : `, those here are ${names}`;
    const silent = named.filter(({ told }) => told === undefined)
      .map(({ file }) => `"${file}"`).join(", ");
    const unless = silent === ""
      ? ""
      : `, unless it is one that does not answer, at ${silent}`;
    throw failure(`there is no pool "${target}"${others}${unless} (${where})`);
  }
  const problem = looked.find((each) => each.problem !== undefined)?.problem;
  throw problem ?? failure(
    `no pool of this user is there, ${where} (one that was started with "--control PATH" is asked by that path, one with "--control off" cannot be)`,
  );
}
