import assert from "node:assert/strict";
import { ownRuntime } from "../runtimes.ts";
import process from "node:process";
import {
  type Command,
  fixture,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
} from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";

/** A pool of two with a request that is never answered. */
async function stuck(...options: string[]): Promise<
  { command: Command; address: string; request: Promise<string> }
> {
  const command = prefork([
    "-w",
    "2",
    ...LOCAL,
    ...options,
    fixture("stuck.ts"),
  ]);
  const { listen } = await ready(command);
  const request = get(listen!, "/stuck").then(
    () => "answered",
    (error) => error.code as string,
  );
  // The worker that has it cannot be told from outside; this one comes later.
  await get(listen!);
  return { command, address: listen!, request };
}

describe("signals to the supervisor", () => {
  test("SIGTTIN and SIGTTOU: one worker more, one fewer, never none", async () => {
    await using command = prefork(["-w", "1", ...LOCAL, fixture("pid.ts")]);
    const { listen } = await ready(command);
    command.signal("SIGTTIN");
    await command.line(/^prefork worker-ready slot=1 /);
    command.signal("SIGTTOU");
    await command.line(/^prefork worker-exited slot=1 .*reason=drained/);
    command.signal("SIGTTOU");
    await command.line(/^prefork warning .*SIGTTOU/);
    assert.equal((await get(listen!)).status, 200);
  });

  test("SIGWINCH drains all workers and keeps the sockets, SIGHUP brings them back", async () => {
    await using command = prefork(["-w", "2", ...LOCAL, fixture("pid.ts")]);
    const { listen } = await ready(command);
    command.signal("SIGWINCH");
    await command.line(/^prefork worker-exited slot=0 /);
    await command.line(/^prefork worker-exited slot=1 /);
    // Nobody accepts, and nobody is refused: the queue is the supervisor's.
    const waiting = get(listen!);
    command.signal("SIGHUP");
    assert.equal((await waiting).status, 200);
  });

  test("SIGCONT logs what each worker does", async () => {
    await using command = prefork(["-w", "2", ...LOCAL, fixture("pid.ts")]);
    const { listen, share } = await ready(command);
    assert.equal(share, "balanced");
    const pids = await distinct(listen!, 2);
    const line = (slot: number) =>
      new RegExp(
        `^prefork worker-status slot=${slot} generation=1 pid=(\\d+) state=ready runtime=\\w+ age=\\d+ restarts=0 connections=\\d+ accepted=(\\d+) passedOn=\\d+ takenOver=(\\d+) `,
      );
    // What it shows is up to 100 ms old, and of the runtimes' own servers one or
    // two may go uncounted: more come meanwhile.
    for (const slot of [0, 1]) {
      for (let seen = 0; seen === 0;) {
        const from = command.lines.length;
        command.signal("SIGCONT");
        const [, pid, accepted, takenOver] = await command.line(
          line(slot),
          from,
        );
        assert.ok(pids.has(`pid ${pid}`));
        seen = Number(accepted) + Number(takenOver);
        if (seen === 0) await distinct(listen!, 2);
      }
    }
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  for (const signal of ["SIGTERM", "SIGQUIT", "SIGINT"] as const) {
    test(`${signal}: workers that are not done are killed at the deadline, exit code 5`, async () => {
      const { command, request } = await stuck("--grace", "700ms");
      await using _ = command;
      const pids = readyPids(command);
      command.signal(signal);
      assert.equal((await command.ended).code, 5);
      assert.match(await request, /ECONNRESET/);
      await command.line(/^prefork worker-killed .*700 ms/);
      assert.deepEqual(pids.filter(isAlive), []);
    });
  }

  test("SIGINT twice: workers are killed at once, exit code 5; one that comes twice is one", async () => {
    const { command } = await stuck("--grace", "10m");
    await using _ = command;
    command.signal("SIGINT");
    command.signal("SIGINT");
    await command.line(/^prefork stopping quick=false/);
    await command.line(/^prefork warning .*a second SIGINT .* at once/);
    await command.line(/^prefork worker-exited .*reason=drained/);
    // Again and again, since it may still count as the echo of the first one.
    const again = setInterval(() => command.signal("SIGINT"), 100);
    const { code } = await command.ended.finally(() => clearInterval(again));
    assert.equal(code, 5);
    await command.line(/^prefork worker-exited .*reason=killed/);
    assert.equal(command.lines.at(-1), "prefork stopped killed=1");
  });

  test("as nginx: SIGTERM kills at once, exit code 5", async () => {
    const { command } = await stuck("--grace", "10m", "--signals", "nginx");
    await using _ = command;
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 5);
    assert.ok(command.lines.includes("prefork stopping quick=true"));
    assert.equal(command.lines.at(-1), "prefork stopped killed=2");
  });

  test("to its whole process group, or to each worker too: they are the supervisor's alone, also while workers boot", async () => {
    await using command = prefork(["-w", "2", ...LOCAL, fixture("pid.ts")], {
      group: true,
    });
    const group = (signal: NodeJS.Signals): void =>
      void process.kill(-command.pid, signal);
    await command.line(/^prefork listening /);
    // It would end a process that has no handler of it. (SIGUSR2 would too, and
    // have the supervisor upgraded once all are ready.)
    const all = setInterval(() => group("SIGUSR1"), 10);
    await ready(command).finally(() => clearInterval(all));
    group("SIGTTIN");
    const [, pid] = await command.line(
      /^prefork worker-ready slot=2 .*pid=(\d+)/,
    );
    const each = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR2", "SIGTTIN"] as const;
    for (const signal of each) process.kill(Number(pid), signal);
    const from = command.lines.length;
    group("SIGHUP");
    await command.line(/^prefork reload-finished /, from);
    group("SIGTTOU");
    await command.line(/^prefork worker-exited slot=2 /, from);
    group("SIGQUIT");
    assert.equal((await command.ended).code, 0);
    const reasons = command.lines.flatMap((line) =>
      /^prefork worker-exited .*reason=(\S+)/.exec(line)?.[1] ?? []
    );
    assert.deepEqual(new Set(reasons), new Set(["drained"]));
    // A debugger, by SIGUSR1. Deno 2.9.5 begins to open one some time after its
    // start, whatever handler there is by then: in the supervisor too.
    const opened = command.lines.filter((line) =>
      /listening on ws:/i.test(line)
    );
    assert.ok(opened.length <= (ownRuntime === "deno" ? 1 : 0), `${opened}`);
  });

  test("SIGTERM to a worker: it drains, and another takes its place", async () => {
    await using command = prefork(["-w", "2", ...LOCAL, fixture("pid.ts")]);
    await ready(command);
    process.kill(readyPids(command)[0]!, "SIGTERM");
    await command.line(/^prefork worker-exited .*reason=drained/);
    const from = command.lines.findIndex((line) =>
      line.startsWith("prefork ready")
    );
    await command.line(/^prefork worker-ready /, from);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });
});
