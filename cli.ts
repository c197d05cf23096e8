#!/usr/bin/env node
/**
 * The command: `prefork [options] program [args]`.
 *
 * @example
 * ```sh
 * prefork -w 4 -l :8080 server.ts
 * ```
 *
 * @module
 */

import process from "node:process";
import { parseCommandLine } from "./cli/arguments.ts";
import type { DoctorDesk } from "./cli/doctor.ts";
import { misplacedIn } from "./cli/misplaced.ts";
import { asTyped } from "./cli/names.ts";
import { type Output, standardOutputs } from "./cli/output.ts";
import {
  isGone,
  LOOK_MS,
  packageManagerOf,
  type ParentLook,
} from "./cli/parent.ts";
import type { RunLine } from "./cli/options.ts";
import { type Plan, type PlannedPool, planOf } from "./cli/pools.ts";
import type { WatchedStart } from "./cli/watch_start.ts";
import { createReporter } from "./cli/report.ts";
import { refuseOldRuntime } from "./cli/version.ts";
import { CommandPool } from "./cli/command_pool.ts";
import { poolOf, upgradeByFile, UpgradeDesk } from "./cli/upgrade.ts";
import { loadAdapter } from "./adapters/select.ts";
import { keepCompiled } from "./adapters/shared/compile_cache.ts";
import { controlDirectories } from "./adapters/shared/control_directory.ts";
import { ownCommand } from "./adapters/shared/own_command.ts";
import { ownPlace } from "./adapters/shared/own_place.ts";
import { predecessor } from "./adapters/shared/predecessor.ts";
import { host } from "./adapters/shared/host.ts";
import { holderOf, isThere } from "./adapters/shared/pid_file.ts";
import { placeFile } from "./adapters/shared/place_file.ts";
import {
  listProc,
  nameProcess,
  readProc,
  statOf,
} from "./adapters/shared/proc.ts";
import { isMain } from "./adapters/shared/main.ts";
import { outlive } from "./adapters/shared/signals.ts";
import {
  codeOf,
  EXIT,
  exitCodeOf,
  forbiddenIn,
  messageOf,
} from "./core/errors.ts";
import { HANDOVER_VARIABLE } from "./core/listeners/handover.ts";
import { givenUp, say } from "./core/upgrade/words.ts";
import type { PoolCore } from "./core/pool.ts";
import { SIGNALS } from "./core/options/signals.ts";
import { VERSION } from "./core/version.ts";
import { type PoolOptions, WHERE_PROGRAM } from "./core/options/options.ts";

// Once bundled, all else is loaded after this (`scripts/lib/bundle.ts`).
if (import.meta.main) keepCompiled();

export type { Loss, Output } from "./cli/output.ts";

/** Where the command writes. */
export interface CommandIO {
  /** Help, the version, and what workers write to their stdout. */
  readonly stdout: Output;
  /** The log, and what workers write to their stderr. */
  readonly stderr: Output;
}

/**
 * Runs the command until the pool has ended. Never exits the process itself,
 * which obeys no signal after that.
 *
 * @returns the exit code: 0 done, 1 internal error, 2 wrong usage, 3 the
 * program does not boot, 4 a listener cannot be bound, 5 the stop killed
 * workers, at the drain deadline or on a second SIGINT
 */
export async function main(
  args: readonly string[],
  io: CommandIO,
): Promise<number> {
  try {
    const command = parseCommandLine(args);
    refuseOldRuntime(command.kind);
    switch (command.kind) {
      case "help": {
        const [{ HELP }, { pagesOf, pageText, topicsText }] = await Promise
          .all([import("./cli/help.ts"), import("./cli/topics.ts")]);
        const pages = pagesOf(import.meta.url);
        io.stdout.write(
          command.topic === undefined
            ? HELP + topicsText(pages)
            : pageText(command.topic, pages),
        );
        return EXIT.done;
      }
      case "version":
        io.stdout.write(`${VERSION}\n`);
        return EXIT.done;
      case "upgrade": {
        const { target, options } = command.request;
        if (options.length > 0) {
          const pid = String(poolOf(target, { holderOf }));
          return await main(["upgrade", pid, ...options], io);
        }
        const machine = { holderOf, read: readProc, state: host.state };
        const { from, pid } = await upgradeByFile(command.request, machine);
        io.stdout.write(`prefork upgraded from=${from} pid=${pid}\n`);
        return EXIT.done;
      }
      case "completion": {
        const [{ completionText }, { poolsIn }, { pagesOf }] = await Promise
          .all([
            import("./cli/completion.ts"),
            import("./cli/control.ts"),
            import("./cli/topics.ts"),
          ]);
        const known = {
          ...poolsIn({ directories: controlDirectories(), isThere }),
          topics: () => pagesOf(import.meta.url)?.names ?? [],
        };
        io.stdout.write(await completionText(command.words, known));
        return EXIT.done;
      }
      case "doctor": {
        const { doctor } = await import("./cli/doctor.ts");
        const desk = await doctorDesk(io);
        const directories = controlDirectories();
        return await doctor(command.request, desk, {
          plan: (line) => planOf(line, host),
          machine: { directories, isThere, read: readProc, list: listProc },
        });
      }
      case "init": {
        const { init } = await import("./cli/init.ts");
        const { runtime, version } = await loadAdapter();
        const place = { ...ownPlace(args), runtime, version, prefork: VERSION };
        const { line, ...order } = command.request;
        const { pools: [pool, ...others] } = await planOf(line, host);
        if (pool === undefined || others.length > 0) {
          throw new TypeError(
            "Cannot write files for several pools at once: name one by --only NAME",
          );
        }
        return init({ ...order, options: pool.options }, place, io);
      }
      case "control": {
        // A pool needs none of it.
        const { control } = await import("./cli/control.ts");
        await control(command.command, {
          stdout: io.stdout,
          directories: controlDirectories(),
          isThere,
        });
        return EXIT.done;
      }
    }
    const plan = await planOf(command, host);
    if (command.kind === "check") {
      const [{ check }, { syntaxProblem }] = await Promise.all([
        import("./cli/check.ts"),
        import("./adapters/shared/syntax.ts"),
      ]);
      return await check(
        plan.pools.map(({ options, log, warnings }) => ({
          log,
          options: { ...USUAL, ...options },
          warnings: [...warnings, ...[misplacedIn(options) ?? []].flat()],
        })),
        { ...await doctorDesk(io), syntaxProblem },
      );
    }
    return await run(poolsOf(plan, command, args, io), io, hasPredecessor());
  } catch (error) {
    const text = asTyped(said(error), args).replaceAll(/\s*\n\s*/g, " ");
    io.stderr.write(`prefork: ${text}\n`);
    // Where the pool has told it already this does nothing.
    if (hasPredecessor()) {
      await predecessor(HANDOVER_VARIABLE)?.say(say(givenUp(error)));
    }
    return exitCodeOf(error);
  }
}

/** What looks at this machine. */
async function doctorDesk({ stdout }: CommandIO): Promise<DoctorDesk> {
  const { gatherFacts } = await import("./adapters/shared/facts.ts");
  const manager = (): string | undefined =>
    packageManagerOf(process.pid, process.env, PROCESSES)?.name;
  return {
    stdout,
    adapter: await loadAdapter(),
    gather: (adapter, config) => gatherFacts(adapter, config, manager),
  };
}

/** As proc(5) shows them. */
const PROCESSES: ParentLook = {
  parentOf: (pid) => statOf(pid)?.parent,
  commandOf: (pid) => readProc(`/proc/${pid}/cmdline`),
};

/** True when another supervisor has started this one in its place. */
function hasPredecessor(): boolean {
  return variable(HANDOVER_VARIABLE) !== undefined;
}

/** A variable of this process' environment. */
function variable(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    // Deno without --allow-env runs no pool, and none comes to be one's successor.
    return undefined;
  }
}

/** A pool, and what tells of it. */
interface Told {
  readonly pool: CommandPool;
  /** Its name, where it is one of several. */
  readonly name: string | undefined;
  readonly reporter: { follow(): Promise<void> };
  /** Its options. */
  readonly options: PoolOptions;
  /** The same pool anew, by what a file says now. */
  again(): Promise<Told>;
}

/** What a pool of the command is unless it says otherwise. */
const USUAL = {
  listen: WHERE_PROGRAM,
  signals: true,
  control: "auto",
} as const;

/** Makes the pools, of which nothing is started yet. */
function poolsOf(
  plan: Plan,
  line: RunLine,
  args: readonly string[],
  io: CommandIO,
): readonly Told[] {
  const { pools } = plan;
  const several = pools.length > 1;
  const own = ownCommand();
  const fixed = {
    output: "lines",
    ...(own !== undefined && { upgradeCommand: own }),
  } as const;
  // Its command line stays: it says more, and "prefork upgrade PID" reads it.
  const only = several ? undefined : pools[0]?.options.name;
  if (only !== undefined) nameProcess(`prefork:${only}`);
  const reread = async (planned: PlannedPool): Promise<PlannedPool> => {
    if (plan.file === undefined) return planned;
    const { renewed } = await import("./cli/renewal.ts");
    return { ...planned, ...await renewed(planned, plan, line, host) };
  };
  const make = (planned: PlannedPool): Told => {
    const { log, warnings } = planned;
    const options = { ...USUAL, ...planned.options, ...fixed };
    const name = several ? options.name : undefined;
    const { pidFile } = options;
    const pool = new CommandPool(options, {
      args: several ? undefined : args,
      desk: pidFile === undefined
        ? undefined
        : new UpgradeDesk(host.resolve(pidFile), placeFile),
      load: loadAdapter,
      leave: () => options.signals && outlive(SIGNALS),
      renewed: plan.file === undefined ? undefined : async (pool) => {
        const now = await reread(planned);
        for (const warning of now.warnings) pool.warn(warning);
        return { ...USUAL, ...now.options, ...fixed };
      },
    });
    const reporter = createReporter(
      pool,
      log,
      { ...io, variable, kept: pool.log, given: options.name },
      name,
    );
    const misplaced = misplacedIn(options);
    if (misplaced !== undefined) pool.warn(misplaced);
    for (const warning of warnings) pool.warn(warning);
    const again = async () => make(await reread(planned));
    return { pool, name, reporter, options, again };
  };
  return pools.map(make);
}

/**
 * Runs pools until all of them have ended. One that does not start has the
 * others stop too, and its reason is the command's.
 */
async function run(
  all: readonly Told[],
  io: CommandIO,
  succeeds: boolean,
): Promise<number> {
  const follow = ({ pool, reporter }: Told) => pool.told(reporter.follow());
  const pools = all.map(({ pool }) => pool);
  const told = all.map(follow);
  const ended = Promise.withResolvers<void>();
  // A supervisor that it succeeds is meant to end before it.
  const watch = succeeds ? undefined : stopWithParent(pools, ended.resolve);
  const failures: unknown[] = [];
  // Here, so that all begin at once, and know of each other what they ask for.
  const watches = !succeeds && all.some(({ options }) => options.watch)
    ? { ...await import("./cli/watch_start.ts"), adapter: await loadAdapter() }
    : undefined;
  const start = async (one: Told, i: number): Promise<void> => {
    const { pool, name, options } = one;
    let watched: WatchedStart | undefined;
    try {
      if (options.watch && watches !== undefined) {
        watched = new watches.WatchedStart(options, watches.adapter);
      }
      await pool.start();
      watched?.[Symbol.dispose]();
      await told[i];
    } catch (error) {
      // A signal during the start is no failure of the start.
      if (codeOf(error) === "ERR_STATE") return;
      if (name !== undefined && error instanceof Error) {
        error.message = `pool "${name}": ${error.message}`;
      }
      const again = await watched?.again(one, error, {
        say: (text) => io.stderr.write(`prefork: ${text}\n`),
        ended: ended.promise,
      });
      if (again === "ended") return;
      if (again === undefined) {
        failures.push(error);
        ended.resolve();
        for (const each of pools) void each.stop({ delay: false });
        return;
      }
      // One that has not learned yet where it listens has not ended by itself.
      await pool.stop({ delay: false });
      await told[i];
      pools[i] = again.pool;
      told[i] = follow(again);
      await start(again, i);
    } finally {
      watched?.[Symbol.dispose]();
    }
  };
  await Promise.all(all.map(start));
  const reports = await Promise.all(pools.map((pool) => pool.stop()));
  watch?.[Symbol.dispose]();
  await Promise.all(told);
  if (failures.length > 0) throw failures[0];
  return reports.some(({ killed }) => killed > 0) ? EXIT.killed : EXIT.done;
}

/** Stops pools whose package manager has ended, as that would have done. */
function stopWithParent(
  pools: readonly PoolCore[],
  onEnd: () => void,
): Disposable {
  const manager = packageManagerOf(process.pid, process.env, PROCESSES);
  const timer = manager && setInterval(() => {
    if (!isGone(manager, PROCESSES)) return;
    clearInterval(timer);
    onEnd();
    for (const pool of pools) {
      pool.warn(
        `${manager.name} (pid ${manager.pid}), which started this, has ended: the pool stops`,
      );
      void pool.stop();
    }
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Our own sentences are whole; what a runtime says of a permission is not. */
function said(error: unknown): string {
  const forbidden = forbiddenIn(error);
  return forbidden === undefined
    ? messageOf(error)
    : `Cannot run a pool: ${forbidden} (${messageOf(error)})`;
}

if (isMain(import.meta)) {
  const io = standardOutputs();
  const code = await main(process.argv.slice(2), io);
  await Promise.all([io.stdout.flushed(), io.stderr.flushed()]);
  // Not exitCode: a worker's grandchild may hold a pipe of ours open.
  process.exit(code);
}
