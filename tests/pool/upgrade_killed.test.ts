/**
 * SIGKILL to either supervisor at each step of an upgrade, with standbys: who is
 * left serves, nobody else stays, and the next start finds all free.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Command, isAlive, prefork, ready, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { freePort } from "../ports.ts";
import { programs } from "../preload/programs.ts";
import { upgraded } from "../upgraded.ts";

const TAKEN_OVER = /^prefork taken-over /;

/**
 * What the log says at each step, and whether the old one is left by then, which
 * after the only worker's word is a matter of a moment.
 */
const STEPS: readonly (readonly [said: RegExp, handedOver?: boolean])[] = [
  [/^prefork upgrade-started /, false],
  [/^prefork listening .*reason=/, false],
  [/^prefork worker-ready /],
  [/^prefork upgrade-finished /, true],
  [TAKEN_OVER, true],
];

const files = programs();
const program = files.write(
  "program.mjs",
  `import http from "node:http";
const { PORT, SOCKET } = process.env;
for (const at of [PORT, SOCKET]) {
  http.createServer((_, response) => response.end("here")).listen(at);
}`,
);

/** The processes that a process has started and not lost. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

describe("kill -9 in an upgrade", () => {
  test(
    "of the old or the new supervisor, at each step: no worker stays, and what is left serves",
    {
      skip: process.platform !== "linux" && "a command line is read in /proc",
      timeout: 120_000,
    },
    async () => {
      const port = await freePort();
      const socket = join(files.directory, "socket");
      const pidFile = join(files.directory, "pid");
      const addresses = [`127.0.0.1:${port}`, `unix:${socket}`];
      await using stack = new AsyncDisposableStack();
      const start = async (): Promise<Command> => {
        const command = prefork([
          ...["-w", "1", "--standby", "1", "--soak", "0"],
          ...["--pid-file", pidFile],
          ...addresses.flatMap((address) => ["-l", address]),
          program,
        ], { env: { PORT: `${port}`, SOCKET: socket } });
        stack.use(upgraded(command));
        await ready(command);
        return command;
      };
      /** Those of whom nobody is to be left at the end. */
      const gone = new Set<number>();
      const kill = (pid: number, except?: number): void => {
        for (const each of childrenOf(pid)) if (each !== except) gone.add(each);
        process.kill(pid, "SIGKILL");
        gone.add(pid);
      };
      const allGone = (): Promise<void> =>
        until(() => ![...gone].some(isAlive), `${[...gone]} have gone`);
      const answer = async (): Promise<void> => {
        for (const address of addresses) {
          assert.equal((await get(address)).body, "here");
        }
      };

      let command = await start();
      let supervisor = command.pid;
      for (const victim of ["new", "old"]) {
        for (const [said, handedOver] of STEPS) {
          // Whoever loses both has said so one step before.
          if (victim === "new" && said === TAKEN_OVER) continue;
          const from = command.lines.length;
          const workers = childrenOf(supervisor);
          process.kill(supervisor, "SIGUSR2");
          const [, started] = await command.line(
            /^prefork upgrade-started pid=(\d+)/,
            from,
          );
          const next = Number(started);
          await command.line(said, from);
          if (victim === "old") {
            if (isAlive(supervisor)) kill(supervisor, next);
            await command.line(TAKEN_OVER, from);
            supervisor = next;
          } else {
            kill(next);
            const [, outcome] = await command.line(
              /^prefork upgrade-(failed|finished) /,
              from,
            );
            const isLeft = outcome === "finished";
            if (handedOver !== undefined) assert.equal(isLeft, handedOver);
            if (isLeft) {
              // The old one was leaving, and leaves nobody behind.
              await until(() => !isAlive(supervisor), "the old one has left");
              for (const each of workers) gone.add(each);
              await allGone();
              command = await start();
              supervisor = command.pid;
            }
          }
          await answer();
        }
      }
      // Both at once.
      const from = command.lines.length;
      process.kill(supervisor, "SIGUSR2");
      await command.line(/^prefork worker-ready /, from);
      const [, next] = await command.line(
        /^prefork upgrade-started .*=(\d+)/,
        from,
      );
      kill(Number(next));
      kill(supervisor);
      await allGone();
      command = await start();
      await answer();
      // One that upgrades nothing, and its standby.
      await until(() => childrenOf(command.pid).length === 2, "it stands by");
      kill(command.pid);
      await allGone();
      command = await start();
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
      assert.equal(existsSync(socket), false);
    },
  );
});
