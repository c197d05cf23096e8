/** Follows a pool from one supervisor to the next. */

import process from "node:process";
import { type Command, isAlive, until } from "./command.ts";

/** A pool whose supervisors come and go. */
export interface Upgraded extends AsyncDisposable {
  /** The supervisor of now. */
  readonly pid: number;
  /**
   * Has another supervisor started by SIGUSR2, and waits until the one before
   * has gone.
   */
  upgrade(): Promise<void>;
  /** Sends the supervisor of now a signal. */
  signal(signal: NodeJS.Signals): void;
}

/** Follows a command, whose log all of its supervisors write. */
export function upgraded(command: Command): Upgraded {
  let { pid } = command;
  const told = (): readonly number[] =>
    command.lines.flatMap((line) =>
      Number(/^prefork upgrade-started pid=(\d+)/.exec(line)?.[1] ?? NaN) || []
    );
  return {
    get pid() {
      return pid;
    },
    async upgrade() {
      const from = command.lines.length;
      process.kill(pid, "SIGUSR2");
      const line = /^prefork upgrade-(finished pid=(\d+)|failed .*)/;
      const [text, , next] = await command.line(line, from);
      if (next === undefined) throw new Error(text);
      await until(() => !isAlive(pid), `${pid} has gone`, 30_000);
      pid = Number(next);
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
