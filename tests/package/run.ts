import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cleanEnv } from "../runtimes.ts";

/** A command that runs. */
export interface Running {
  /** The process; of a wrapper such as npx, the wrapper's. */
  readonly child: ChildProcess;
  /** Resolves with the first line of output that fits, or rejects at the end. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code once all output has come. */
  readonly exited: Promise<number | null>;
  /** Everything that was printed so far. */
  output(): string;
  /** Kills it, if it still runs. */
  kill(): void;
}

const BIN = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));

/** Starts a command as a user's shell would, with the runtimes in PATH. */
export function start(
  command: readonly [string, ...string[]],
  cwd: string,
): Running {
  const [file, ...args] = command;
  const child = spawn(file, args, {
    cwd,
    env: cleanEnv({ PATH: `${BIN}:${process.env["PATH"]}`, NO_COLOR: "1" }),
    stdio: "pipe",
  });
  let text = "";
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      changed();
    });
  }
  let ended = false;
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      ended = true;
      resolve(code);
      changed();
    });
  });
  exited.catch(() => {});
  return {
    child,
    exited,
    output: () => text,
    kill: () => {
      if (!ended) child.kill("SIGKILL");
    },
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          // Whole lines only: what is asked for may still be half-written.
          const found = pattern.exec(text.slice(0, text.lastIndexOf("\n") + 1));
          if (found !== null) resolve(found);
          else if (ended) reject(new Error(`Cannot find ${pattern}:\n${text}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        exited.catch(reject);
        look();
      }),
  };
}

/** Runs a command to its end and returns its output; it has to succeed. */
export async function run(
  command: readonly [string, ...string[]],
  cwd: string,
): Promise<string> {
  const running = start(command, cwd);
  running.child.stdin?.end();
  const code = await running.exited;
  if (code !== 0) {
    throw new Error(
      `Cannot run "${
        command.join(" ")
      }": it ended with ${code}:\n${running.output()}`,
    );
  }
  return running.output();
}
