/** SIGUSR2: another supervisor takes over, or it is as if nothing had happened. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { isAlive, prefork, ready, readyPids, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get, unanswered } from "../http.ts";
import { noNotifySocket, notifySocket } from "../notify_socket.ts";
import { programs } from "../preload/programs.ts";
import { askUpgrade, upgraded } from "../upgraded.ts";

const LINUX = process.platform !== "linux" && "a command line is read in /proc";
const files = programs();

/** Listens on a port that nobody named before, and on one for itself. */
const program = (version: string): string => `
import http from "node:http";
import process from "node:process";
if (${
  JSON.stringify(version)
} === "broken") throw new Error("release is broken");
const answer = (_, response) => response.end("${version} " + process.pid);
http.createServer(answer).listen(Number(process.env.TEST_PORT ?? 0), "127.0.0.1");
http.createServer(answer).listen(${
  JSON.stringify(join(files.directory, "own.sock"))
});
`;

describe("an upgrade", () => {
  test(
    "takes what the program was seen to listen on and opened, a broken one leaves all as it was, and kill -9 in the middle hurts nobody",
    {
      skip: LINUX,
      timeout: 120_000,
    },
    async () => {
      const file = files.write("program.mjs", program("one"));
      const own = `unix:${join(files.directory, "own.sock")}`;
      const pidFile = join(files.directory, "pid");
      const args = ["-w", "2", "--soak", "0", "--pid-file", pidFile, file];
      const notify = join(files.directory, "notify");
      using manager = noNotifySocket ? undefined : notifySocket(notify);
      const env = { NOTIFY_SOCKET: manager && notify };
      const command = prefork(args, { env });
      await using pool = upgraded(command);
      const named = (of = pidFile): number => Number(readFileSync(of, "utf8"));
      const { listen } = await ready(command);
      const [address = ""] = listen!.split(",");
      assert.match((await get(address)).body, /^one /);
      assert.match((await get(own)).body, /^one /);

      writeFileSync(file, program("broken"));
      const { pid } = pool;
      assert.equal(named(), pid);
      await using second = prefork(args);
      assert.equal((await second.ended).code, 4);
      assert.match(
        second.lines.join(),
        /pid file .* the pool of process \d+ has/,
      );
      await using asking = askUpgrade([pidFile]);
      const [, successor] = await command.line(
        /^prefork upgrade-started pid=(\d+)/,
      );
      const [, reason] = await command.line(
        /^prefork upgrade-failed reason=(.*)/,
      );
      assert.match(reason!, /release is broken/);
      await until(() => !isAlive(Number(successor)), "the broken one has gone");
      assert.equal(pool.pid, pid);
      assert.equal(named(), pid);
      assert.equal((await asking.ended).code, 1);
      assert.match(asking.lines.join(), /^prefork: Cannot .*release is broken/);
      assert.match((await get(address)).body, /^one /);
      assert.match((await get(own)).body, /^one /);

      writeFileSync(file, program("two"));
      const heard = manager?.heard.length ?? 0;
      await pool.upgrade();
      assert.notEqual(pool.pid, pid);
      if (manager !== undefined) {
        const news = (): string[] =>
          manager.heard.slice(heard).filter((each) =>
            !each.startsWith("STATUS")
          );
        await until(() => news().length > 1, "the new one serves");
        // The old one leaves, which is no end of the service.
        assert.deepEqual(news(), [
          `MAINPID=${pool.pid}`,
          "READY=1\nSTATUS=2 of 2 workers ready, generation 1",
        ]);
      }
      assert.equal(named(), pool.pid);
      assert.match((await get(address)).body, /^two /);
      assert.match((await get(own)).body, /^two /);

      // The one that goes on has all, and nobody is left of the other.
      const old = pool.pid;
      const from = command.lines.length;
      pool.signal("SIGUSR2");
      const [, last] = await command.line(
        /^prefork upgrade-started pid=(\d+)/,
        from,
      );
      assert.equal(named(`${pidFile}.old`), old);
      process.kill(old, "SIGKILL");
      await command.line(/^prefork taken-over /, from);
      await until(
        () => !existsSync(`${pidFile}.old`),
        "nothing names the killed one",
      );
      assert.match((await get(address)).body, /^two /);
      assert.match((await get(own)).body, /^two /);
      const before = new Set(readyPids(command).slice(0, -2));
      await until(
        () => ![...before].some(isAlive),
        "the former workers have gone",
      );
      process.kill(Number(last), "SIGTERM");
      await until(() => !isAlive(Number(last)), "the last one has gone");
      await unanswered(address);
      assert.ok(!existsSync(pidFile));
    },
  );
});
