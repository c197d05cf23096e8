/** A supervisor whose sockets are its parent's. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Command, fixture, isAlive, prefork, until } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get, target } from "../http.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-inherited-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const program = join(dir, "app.mjs");
writeFileSync(
  program,
  `import http from "node:http";
import process from "node:process";
const names = /^(LISTEN_|SERVER_STARTER_|EINHORN_|UNICORN_|GUNICORN_|PUMA_|NGINX|FPM_)/;
http.createServer((_, response) => {
  const known = Object.keys(process.env).filter((name) => names.test(name));
  response.end(\`pid \${process.pid} \${known}\`);
}).listen(3000);
`,
);

const python = spawnSync("python3", ["--version"]).status === 0;
const skip = process.platform !== "linux"
  ? "numbers of sockets are looked at on Linux only"
  : python
  ? false
  : "python3 is not here, by which the parent is written";

interface Plan {
  readonly sockets: readonly {
    readonly at: number;
    readonly kind: string;
    readonly path?: string;
  }[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stay?: boolean;
}

/** Runs the command as the child of a parent that passes sockets on. */
function below(plan: Plan, args: readonly string[]): Command {
  return prefork(args, {
    command: [
      "python3",
      fixture("parent.py"),
      JSON.stringify(plan),
      ...commandOn(ownRuntime, libraryFile("cli")),
    ],
  });
}

/** Where the sockets of the parent are. */
async function addresses(command: Command): Promise<readonly string[]> {
  const [, text] = await command.line(/^parent (.*)$/);
  return text!.split(" ").map((one) =>
    one.startsWith("/") ? `unix:${one}` : one
  );
}

/** Resolves when a connection stands. */
function connected(address: string): Promise<void> {
  const { host, port, socketPath } = target(address);
  return new Promise((resolve, reject) => {
    const socket = net.connect(
      socketPath ? { path: socketPath } : { host: host!, port: Number(port) },
      () => {
        socket.destroy();
        resolve();
      },
    );
    socket.on("error", reject);
  });
}

/** One socket by each format, and one that has no variable. */
function everyFormat(name: string): Plan {
  const path = (which: string): string => join(dir, `${name}-${which}.sock`);
  const tcp = (at: number) => ({ at, kind: "tcp" });
  return {
    stay: true,
    sockets: [
      tcp(3),
      { at: 4, kind: "unix", path: path("systemd") },
      tcp(6),
      { at: 8, kind: "unix", path: path("starter") },
      tcp(10),
      tcp(12),
      tcp(14),
      { at: 16, kind: "tcp6" },
      tcp(18),
      tcp(20),
      tcp(0),
    ],
    env: {
      LISTEN_PID: "{pid}",
      LISTEN_FDS: "2",
      LISTEN_FDNAMES: "web:web",
      SERVER_STARTER_PORT: "{2}=6;{3}=8",
      // Below Einhorn SIGUSR2 is no upgrade.
      EINHORN_MASTER_PID: name === "all" ? "{ppid}" : "1",
      EINHORN_FD_COUNT: "1",
      EINHORN_FD_0: "10",
      UNICORN_FD: "12",
      GUNICORN_PID: "{ppid}",
      GUNICORN_FD: "14",
      PUMA_INHERIT_0: "16:tcp://{7}",
      NGINX: "18;",
      FPM_SOCKETS: "{9}=20",
    },
  };
}

describe("sockets of a parent", () => {
  test(
    "in every format: asked for by address, kept by a reload and an upgrade, left at the end",
    {
      skip,
    },
    async () => {
      const asked = [
        ...["systemd:", "{2}", "unix:{3}"],
        ...["fd:10", "{5}", "{6}", "{7}", "{8}", "{9}", "fd:0"],
      ];
      await using command = below(everyFormat("asked"), [
        ...["-w", "1", "--probation", "0"],
        ...asked.flatMap((one) => ["-l", one]),
        program,
      ]);
      const all = await addresses(command);
      const answered = async (): Promise<Set<string>> => {
        const answers = await Promise.all(all.map((one) => get(one)));
        return new Set(answers.map(({ body }) => body));
      };
      await command.line(/^prefork ready /);
      const [first] = [...await answered()];
      // No variable is left: SERVER_STARTER_'s are the pool's own.
      assert.match(first!, /^pid \d+ ?(SERVER_STARTER_\w+,?)*$/);
      command.signal("SIGHUP");
      await command.line(/^prefork reload-finished /);
      const second = await answered();
      assert.ok(second.size === 1 && !second.has(first!));

      command.signal("SIGUSR2");
      const [, next] = await command.line(
        /^prefork upgrade-finished pid=(\d+)|Cannot upgrade/,
      );
      await command.line(/^ended 0$/);
      const third = await answered();
      assert.ok(third.size === 1 && !third.has([...second][0]!));
      const from = command.lines.length;
      process.kill(Number(next), "SIGTERM");
      await command.line(/^prefork stopped /, from);
      await until(() => !isAlive(Number(next)), "the successor has gone");
      // The parent's queues are there still, and so are its paths.
      await Promise.all(all.map(connected));
      for (const { path } of everyFormat("asked").sockets) {
        assert.ok(path === undefined || existsSync(path));
      }
      const left = command.lines.filter((line) => line.includes("nobody"));
      assert.deepEqual(left, []);
    },
  );

  // Which are found does not depend on the runtime.
  test("all of them where nothing is asked for; runs once, under bun", {
    skip: skip || ownRuntime !== "bun" && "runs once, under bun",
  }, async () => {
    const plan = everyFormat("all");
    await using command = below(plan, ["-w", "1", program]);
    const all = await addresses(command);
    await command.line(/^prefork ready /);
    // The last one has no variable.
    for (const one of all.slice(0, -1)) {
      assert.match((await get(one)).body, /^pid/);
    }
    assert.equal(
      command.lines.filter((line) => /^prefork listening /.test(line)).length,
      all.length - 1,
    );
    // As Einhorn has it drain.
    command.signal("SIGUSR2");
    await command.line(/^ended 0$/);
  });
});

describe("what a parent passes on and cannot be listened on", () => {
  const systemd = (count: number) => ({
    LISTEN_PID: "{pid}",
    LISTEN_FDS: String(count),
  });
  const tcp = { at: 3, kind: "tcp" };
  const cases: readonly (readonly [
    string,
    Plan,
    readonly string[],
    RegExp,
  ])[] = [
    [
      "no socket",
      { sockets: [{ at: 3, kind: "file" }], env: systemd(1) },
      [],
      /LISTEN_FDS names file descriptor 3, which is no socket but \/dev\/null, pass/,
    ],
    [
      "a datagram socket",
      { sockets: [{ at: 3, kind: "udp" }], env: systemd(1) },
      [],
      /which is a datagram socket of IPv4( at [\d.:]+)?, let its parent pass on a stream socket/,
    ],
    [
      "one that does not listen",
      { sockets: [{ at: 3, kind: "bound" }], env: systemd(1) },
      [],
      /let its parent call listen\(2\)/,
    ],
    ["fewer than announced", { sockets: [tcp], env: systemd(200) }, [
      "-l",
      "systemd:",
    ], /LISTEN_FDS names file descriptor [\d, to]*202, which is not open/],
    [
      "closed",
      { sockets: [], env: { UNICORN_FD: "77" } },
      [],
      /UNICORN_FD names file descriptor 77, which is not open/,
    ],
    [
      "junk",
      { sockets: [tcp], env: { ...systemd(1), LISTEN_FDS: "one" } },
      [],
      /LISTEN_FDS is "one" and should name numbers/,
    ],
    [
      "another process'",
      { sockets: [tcp], env: { LISTEN_PID: "1", LISTEN_FDS: "1" } },
      ["-l", "systemd:"],
      /another process' \(LISTEN_PID is 1 and this process is \d+\)/,
    ],
    [
      "a name that is not there",
      { sockets: [tcp], env: { ...systemd(1), LISTEN_FDNAMES: "web" } },
      ["-l", "systemd:api"],
      /there is no such name, there is "systemd:web"/,
    ],
    [
      "number 0 is none",
      { sockets: [] },
      ["-l", "fd:0"],
      /"fd:0": file descriptor 0 is no socket but \/dev\/null/,
    ],
    ["its address on another interface", { sockets: [tcp], env: systemd(1) }, [
      "-l",
      "0.0.0.0:{port}",
    ], /in use by .*; nobody accepts on "127.0.0.1:\d+" \(descriptor 3/],
  ];
  for (const [what, plan, args, wanted] of cases) {
    test(`${what}: one sentence, exit code 4; runs once, under bun`, {
      skip: skip || ownRuntime !== "bun" && "runs once, under bun",
    }, async () => {
      await using command = below(plan, [...args, program]);
      assert.equal((await command.ended).code, 4, command.lines.join("\n"));
      const [, ...lines] = command.lines;
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(lines[0]!, wanted);
    });
  }
});
