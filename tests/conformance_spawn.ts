/** Processes: how they start, what they inherit, how they end. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  readFileSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Adapter } from "../core/adapter.ts";
import {
  ANY_PORT,
  bind,
  childOn,
  O_NONBLOCK,
  openFiles,
  settled,
  start,
  statusFlags,
  temporaryDirectory,
} from "./conformance_tools.ts";
import { test } from "./harness.ts";
import {
  binary,
  cleanEnv,
  ownRuntime,
  runtimeArgs,
  RUNTIMES,
} from "./runtimes.ts";

const PARENT: string = fileURLToPath(
  new URL("./fixtures/conformance_parent.ts", import.meta.url),
);

/** Adds the tests. */
export function addSpawnTests(adapter: Adapter): void {
  test("environment, working directory and arguments", async () => {
    using directory = temporaryDirectory();
    await using child = start(adapter, [
      "sh",
      "-c",
      `echo "$1|$FOO|$HOME|$(pwd)"`,
      "sh",
      "a 'b' \"c\" $d",
    ], { cwd: directory.path, env: () => ({ FOO: "ü b" }) });
    assert.deepEqual(await child.exit, { code: 0, signal: null });
    assert.deepEqual(child.lines, [
      `stdout: a 'b' "c" $d|ü b||${realpathSync(directory.path)}`,
    ]);
  });

  test("exit code and signal", async () => {
    const coded = start(adapter, ["sh", "-c", "exit 7"]);
    const killed = start(adapter, ["sh", "-c", "kill -KILL $$"]);
    assert.deepEqual(await coded.exit, { code: 7, signal: null });
    assert.deepEqual(await killed.exit, { code: null, signal: "SIGKILL" });
  });

  test("a program that cannot be started", () => {
    using directory = temporaryDirectory();
    const file = (name: string, text: string, mode: number): string => {
      writeFileSync(`${directory.path}/${name}`, text, { mode });
      return `${directory.path}/${name}`;
    };
    const fails = (command: string, message: RegExp, cwd?: string): void => {
      const options = cwd === undefined ? {} : { cwd };
      assert.throws(() => start(adapter, [command], options), {
        code: "ERR_SPAWN",
        message,
      });
    };
    fails("no-such-program", /"no-such-program" is not in PATH/);
    fails("/no/such/program", /"\/no\/such\/program" does not exist/);
    fails(file("plain", "", 0o644), /is not executable/);
    fails("/", /"\/" is a directory, write the path of a program/);
    fails(file("lost", "#!/no/such\n", 0o755), /refuses to execute it/);
    fails("sh", /the working directory "\/no" does not exist/, "/no");
  });

  test("a worker inherits the sockets it is given and nothing else", async () => {
    const given = await bind(adapter, ANY_PORT);
    const kept = await bind(adapter, ANY_PORT);
    try {
      let numbers: readonly number[] = [];
      const child = start(adapter, ["ls", "-l", "/proc/self/fd"], {
        inherits: [given],
        env: (fds) => {
          numbers = fds;
          return {};
        },
      });
      await child.exit;
      const sockets = child.lines.map((line) =>
        / (\d+) -> (socket:\[\d+\])$/.exec(line)
      ).filter((found) => found !== null && Number(found[1]) > 2);
      const inode = readlinkSync(`/proc/self/fd/${given.fd}`);
      const listed = sockets.find((found) => found![2] === inode);
      assert.deepEqual([Number(listed?.[1])], [...numbers]);
      // The other one is the channel.
      assert.equal(sockets.length, 2, child.lines.join("\n"));
      if (adapter.capabilities.fdPlacement) assert.deepEqual(numbers, [3]);
    } finally {
      given.close();
      kept.close();
    }
  });

  test("sockets stay non-blocking however often they are passed on", async () => {
    const before = openFiles();
    const socket = await bind(adapter, ANY_PORT, { listen: true });
    for (let i = 0; i < 20; i++) {
      const child = start(adapter, ["true"], { inherits: [socket] });
      assert.ok(statusFlags(socket.fd) & O_NONBLOCK);
      await child.exit;
      assert.ok(statusFlags(socket.fd) & O_NONBLOCK);
    }
    socket.close();
    await settled(openFiles, before);
  });

  test("signals reach the worker, and after its end nothing does", async () => {
    for (const runtime of RUNTIMES) {
      await using child = start(adapter, childOn(runtime));
      await child.message({ started: true });
      assert.equal(child.process.kill("SIGHUP"), true);
      await child.message({ signal: "SIGHUP" });
      assert.equal(child.process.kill("SIGTERM"), true);
      assert.deepEqual(await child.exit, { code: null, signal: "SIGTERM" });
      assert.equal(child.process.kill("SIGTERM"), false);
      assert.equal(child.process.send({}), false);
    }
  });

  test("the end of a worker is heard of in a flood of signals", async () => {
    const ignore = (): void => {};
    // One that ends nobody: Deno may not have its handler in place yet.
    process.on("SIGWINCH", ignore);
    try {
      await using child = start(adapter, ["sleep", "1000"]);
      // Node keeps 4,096 of them, in a pipe; and in this turn nobody reads it.
      for (let i = 0; i < 5_000; i++) process.kill(process.pid, "SIGWINCH");
      child.process.kill("SIGKILL");
      const stat = `/proc/${child.process.pid}/stat`;
      while (!/ Z /.test(readFileSync(stat, "latin1")));
      assert.deepEqual(await child.exit, { code: null, signal: "SIGKILL" });
    } finally {
      process.off("SIGWINCH", ignore);
    }
  });

  test("SIGKILL: what a worker has started keeps no socket", async () => {
    const socket = await bind(adapter, ANY_PORT, { listen: true });
    await using child = start(
      adapter,
      ["sh", "-c", "sleep 1000 & echo started; wait"],
      { inherits: [socket] },
    );
    await child.until(({ lines }) => lines.length > 0);
    assert.equal(child.process.kill("SIGKILL"), true);
    assert.deepEqual(await child.exit, { code: null, signal: "SIGKILL" });
    socket.close();
    // As long as anybody has it the address is taken.
    const holdersNow = (): Promise<number> =>
      bind(adapter, socket.address).then((again) => {
        again.close();
        return 0;
      }, () => 1);
    let holders = await holdersNow();
    for (let i = 0; i < 500 && holders > 0; i++) {
      await new Promise((resume) => setTimeout(resume, 10));
      holders = await holdersNow();
    }
    assert.equal(holders, 0);
  });

  test("signals to this process", async () => {
    const heard: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const disposed = adapter.onSignal("SIGUSR2", () => heard.push("disposed"));
    const trap = adapter.onSignal("SIGUSR2", () => {
      heard.push("trap");
      arrived.resolve();
    });
    disposed[Symbol.dispose]();
    process.kill(process.pid, "SIGUSR2");
    await arrived.promise;
    trap[Symbol.dispose]();
    assert.deepEqual(heard, ["trap"]);
  });

  test("when the supervisor is killed its workers notice", async () => {
    for (const runtime of RUNTIMES) {
      const parent = spawn(binary(ownRuntime), [
        ...runtimeArgs(ownRuntime, PARENT),
        ...childOn(runtime),
      ], { stdio: ["ignore", "pipe", "inherit"], env: cleanEnv() });
      let output = "";
      const { promise: ready, resolve } = Promise.withResolvers<void>();
      parent.stdout!.on("data", (data) => {
        output += String(data);
        if (output.includes("ready")) resolve();
      });
      try {
        await ready;
      } finally {
        process.kill(parent.pid!, "SIGKILL");
      }
      // The pipe ends when the last process that has it is gone.
      await once(parent.stdout!, "close");
      assert.match(output, /^ready\ndisconnected\n/, runtime);
    }
  });
}
