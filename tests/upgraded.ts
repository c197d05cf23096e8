/** Follows a pool from one supervisor to the next. */

import process from "node:process";
import { type Command, isAlive, prefork, readyPids, until } from "./command.ts";
import { libraryFile } from "./fixtures/library_file.ts";
import { binary, commandOn, ownRuntime, type Runtime } from "./runtimes.ts";

/** A pool whose supervisors come and go. */
export interface Upgraded extends AsyncDisposable {
  /** The supervisor of now. */
  readonly pid: number;
  /**
   * Has another supervisor started by SIGUSR2, or on a runtime by the command,
   * and waits until the one before has gone.
   */
  upgrade(runtime?: Runtime): Promise<void>;
  /**
   * The same and back again, where the pool was started with `--keep-old`.
   *
   * @param both waits until the workers of both supervisors are ready
   */
  thereAndBack(both: () => Promise<void>): Promise<void>;
  /** Sends the supervisor of now a signal. */
  signal(signal: NodeJS.Signals): void;
}

/** Runs the verb `upgrade` with these words. */
export function askUpgrade(
  words: readonly string[],
  runtime: Runtime = ownRuntime,
  env: Readonly<Record<string, string>> = {},
): Command {
  // The verb stands in front of all else.
  const command = commandOn(runtime, libraryFile("cli"));
  return prefork(["upgrade", ...words], { command, env, verb: true });
}

/**
 * Follows a command, whose log all of its supervisors write.
 *
 * @param env where it can be asked
 */
export function upgraded(
  command: Command,
  pidFile = "",
  env: Readonly<Record<string, string>> = {},
): Upgraded {
  let { pid } = command;
  const told = (): readonly number[] =>
    command.lines.flatMap((line) =>
      Number(/^prefork upgrade-started pid=(\d+)/.exec(line)?.[1] ?? NaN) || []
    );
  return {
    get pid() {
      return pid;
    },
    async upgrade(runtime) {
      const from = command.lines.length;
      if (runtime === undefined) process.kill(pid, "SIGUSR2");
      else {
        const words = [pidFile, "--runtime-exec", binary(runtime)];
        let said = "";
        // The log names the supervisor of now before that has its socket.
        await until(async () => {
          await using asking = askUpgrade(words, runtime, env);
          const { code } = await asking.ended;
          said = asking.lines.join("\n");
          return code === 0 || !/there is no pool/.test(said);
        }, "it can be asked");
        if (!/^prefork upgraded /.test(said)) throw new Error(said);
      }
      const line =
        /^prefork (?:upgrade-finished pid=(\d+)|upgrade-failed .*|.*Cannot upgrade .*)/;
      const [text, next] = await command.line(line, from);
      if (next === undefined) throw new Error(text);
      const [, stays] = await command.line(/^prefork (kept|stopping) /, from);
      if (stays === "kept") process.kill(pid, "SIGQUIT");
      await until(() => !isAlive(pid), `${pid} has gone`, 30_000);
      pid = Number(next);
    },
    async thereAndBack(both) {
      const before = readyPids(command).filter(isAlive);
      const from = command.lines.length;
      process.kill(pid, "SIGUSR2");
      const kept = /^prefork (?:kept pid=(\d+)|.*Cannot upgrade .*)/;
      const [text, next] = await command.line(kept, from);
      if (next === undefined) throw new Error(text);
      process.kill(pid, "SIGHUP");
      await both();
      process.kill(Number(next), "SIGQUIT");
      await command.line(/^prefork taken-back /, from);
      // Until then no other one can be started.
      await until(() => !isAlive(Number(next)), `${next} has gone`, 30_000);
      // Workers that drain still are none that serve.
      await until(() => !before.some(isAlive), `${before} have gone`, 30_000);
    },
    signal: (signal) => process.kill(pid, signal),
    async [Symbol.asyncDispose]() {
      // Whoever is left holds the pipes of the log open.
      for (const each of told()) {
        if (isAlive(each)) process.kill(each, "SIGKILL");
      }
      await command[Symbol.asyncDispose]();
    },
  };
}
