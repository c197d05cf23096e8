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
import { HELP, VERSION } from "./cli/help.ts";
import { misplacedIn } from "./cli/misplaced.ts";
import { type Output, standardOutputs } from "./cli/output.ts";
import {
  isGone,
  LOOK_MS,
  packageManagerOf,
  type Processes,
} from "./cli/parent.ts";
import { createReporter } from "./cli/report.ts";
import { commandOn, upgradeByFile, UpgradeDesk } from "./cli/upgrade.ts";
import { Pool } from "./adapters/pool.ts";
import { loadAdapter } from "./adapters/select.ts";
import { controlDirectories } from "./adapters/shared/control_directory.ts";
import { ownCommand } from "./adapters/shared/own_command.ts";
import { predecessor } from "./adapters/shared/predecessor.ts";
import { host } from "./adapters/shared/host.ts";
import { holderOf, isThere } from "./adapters/shared/pid_file.ts";
import { placeFile } from "./adapters/shared/place_file.ts";
import { readProc, statOf } from "./adapters/shared/proc.ts";
import { isMain } from "./adapters/shared/main.ts";
import {
  EXIT,
  exitCodeOf,
  messageOf,
  permissionIn,
  PreforkError,
} from "./core/errors.ts";
import { HANDOVER_VARIABLE } from "./core/listeners/handover.ts";
import { givenUp, say } from "./core/upgrade/words.ts";
import type { UpgradeReport } from "./core/upgrade/upgrades.ts";
import { type PoolOptions, WHERE_PROGRAM } from "./core/options/options.ts";

export type { Loss, Output } from "./cli/output.ts";

/** Where the command writes. */
export interface CommandIO {
  /** Help, the version, and what workers write to their stdout. */
  readonly stdout: Output;
  /** The log, and what workers write to their stderr. */
  readonly stderr: Output;
}

/**
 * Runs the command until the pool has ended. Never exits the process itself.
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
    switch (command.kind) {
      case "help":
        io.stdout.write(HELP);
        return EXIT.done;
      case "version":
        io.stdout.write(`${VERSION}\n`);
        return EXIT.done;
      case "upgrade": {
        const { from, pid } = await upgradeByFile(command.request, {
          holderOf,
          read: readProc,
          placeFile,
        });
        io.stdout.write(`prefork upgraded from=${from} pid=${pid}\n`);
        return EXIT.done;
      }
      case "doctor": {
        const [{ doctor }, { gatherFacts }] = await Promise.all([
          import("./cli/doctor.ts"),
          import("./adapters/shared/facts.ts"),
        ]);
        return await doctor(command.request, {
          stdout: io.stdout,
          adapter: await loadAdapter(),
          gather: (adapter, config) =>
            gatherFacts(
              adapter,
              config,
              () => packageManagerOf(process.pid, process.env, PROCESSES)?.name,
            ),
        });
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
    const own = ownCommand();
    const succeeds = hasPredecessor();
    const pool = new CommandPool(args, {
      listen: WHERE_PROGRAM,
      signals: true,
      control: "auto",
      ...command.options,
      output: "lines",
      ...(own !== undefined && { upgradeCommand: own }),
    });
    const reporter = createReporter(pool, command.log, { ...io, variable });
    const misplaced = misplacedIn(command.options);
    if (misplaced !== undefined) pool.warn(misplaced);
    return await run(pool, reporter, succeeds);
  } catch (error) {
    const text = said(error).replaceAll(/\s*\n\s*/g, " ");
    io.stderr.write(`prefork: ${text}\n`);
    // Where the pool has told it already this does nothing.
    if (hasPredecessor()) {
      await predecessor(HANDOVER_VARIABLE)?.say(say(givenUp(error)));
    }
    return exitCodeOf(error);
  }
}

/** As proc(5) shows them. */
const PROCESSES: Processes = {
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

/** A pool that is asked for an upgrade by a file beside its pid file, too. */
class CommandPool extends Pool {
  readonly #args: readonly string[];
  readonly #own: readonly string[] | undefined;
  readonly #desk: UpgradeDesk | undefined;

  constructor(args: readonly string[], options: PoolOptions) {
    super(options);
    this.#args = args;
    this.#own = options.upgradeCommand;
    this.#desk = options.pidFile === undefined
      ? undefined
      : new UpgradeDesk(host.resolve(options.pidFile), placeFile);
  }

  override async upgrade(): Promise<UpgradeReport> {
    // A second signal is no news of the upgrade that goes on.
    const goesOn = this.status().state === "upgrading";
    const runtime = this.#desk?.take();
    const command = runtime && this.#own
      ? commandOn(runtime, this.#own, this.#args)
      : undefined;
    try {
      const report = await super.upgrade({ ...(command && { command }) });
      this.#desk?.tell(report);
      return report;
    } catch (error) {
      if (!goesOn) this.#desk?.tell({ reason: messageOf(error) });
      throw error;
    }
  }
}

async function run(
  pool: Pool,
  reporter: { follow(): Promise<void> },
  succeeds: boolean,
): Promise<number> {
  const told = reporter.follow();
  // A supervisor that it succeeds is meant to end before it.
  const watch = succeeds ? undefined : stopWithParent(pool);
  let failure: unknown;
  try {
    await pool.start();
    await told;
  } catch (error) {
    failure = error;
  }
  const { killed } = await pool.stop();
  watch?.[Symbol.dispose]();
  await told;
  if (failure !== undefined && !stoppedOnRequest(failure)) throw failure;
  return killed > 0 ? EXIT.killed : EXIT.done;
}

/** Stops a pool whose package manager has ended, as that would have done. */
function stopWithParent(pool: Pool): Disposable {
  const manager = packageManagerOf(process.pid, process.env, PROCESSES);
  const timer = manager && setInterval(() => {
    if (!isGone(manager, PROCESSES)) return;
    clearInterval(timer);
    pool.warn(
      `${manager.name} (pid ${manager.pid}), which started this, has ended: the pool stops`,
    );
    void pool.stop();
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Our own sentences are whole; what Deno says of a permission is not. */
function said(error: unknown): string {
  const flag = permissionIn(error);
  return flag === undefined || error instanceof PreforkError
    ? messageOf(error)
    : `Cannot run a pool: Deno does not allow it, add "${flag}" (${
      messageOf(error)
    })`;
}

/** A signal during the start is no failure of the start. */
function stoppedOnRequest(error: unknown): boolean {
  return (error as { code?: unknown }).code === "ERR_STATE";
}

if (isMain(import.meta)) {
  const io = standardOutputs();
  const code = await main(process.argv.slice(2), io);
  await Promise.all([io.stdout.flushed(), io.stderr.flushed()]);
  // Not exitCode: a worker's grandchild may hold a pipe of ours open.
  process.exit(code);
}
