/** Programs in other languages as workers, by a script in Perl. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type Command,
  fixture,
  isAlive,
  LOCAL,
  prefork,
  readyPids,
  until,
} from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { noNotifySocket, notifySocket } from "../notify_socket.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

const perl = spawnSync("perl", ["-MIO::Socket::INET", "-e", "1"]).status === 0;
const skip = perl ? undefined : "perl is not here";

/** A pool of one. */
function start(deed: string, ...options: string[]): Command {
  const program = ["perl", fixture("program.pl"), deed];
  return prefork(["-w", "1", ...LOCAL, ...options, ...program]);
}

describe("a program in Perl", () => {
  test(
    "has a socket that waits, and LISTEN_PID is its own id",
    { skip },
    async () => {
      await using pool = start("accepts");
      await pool.line(/^prefork program pass=listen-fds,server-starter stop=/);
      await pool.line(/listens=1 waits=1 own=1 fds=1$/);
      await pool.line(/^prefork ready /);
      pool.signal("SIGTERM");
      assert.equal((await pool.ended).code, 0);
    },
  );

  test(
    "is ready by a line, where its socket is its standard input",
    { skip },
    async () => {
      await using pool = start(
        ...["stdin", "--pass", "stdin"] as const,
        ...["--down", "503", "--ready-line", "^listens"],
      );
      await pool.line(/listens=1 waits=0 own=0 fds=none$/);
      await pool.line(/^prefork ready /);
    },
  );

  test(
    "is ready by a line to a descriptor, as services of s6",
    { skip },
    async () => {
      await using pool = start(
        ...["notify", "--ready-fd", "5", "--stop-signal", "INT"] as const,
      );
      await pool.line(/^prefork ready /);
      pool.signal("SIGTERM");
      assert.equal((await pool.ended).code, 0);
      await pool.line(/^prefork worker-exited .* reason=drained signal=SIGINT/);
    },
  );

  test(
    "is ready by a word to a manager of its own, as services of systemd",
    { skip: skip ?? noNotifySocket },
    async () => {
      const path = `@prefork-program-${process.pid}-${Math.random()}`;
      using manager = notifySocket(path);
      await using pool = prefork(
        [
          ...["-w", "1", ...LOCAL, "--ready-notify", "perl"],
          ...[fixture("program.pl"), "sd_notify"],
        ],
        { env: { NOTIFY_SOCKET: path } },
      );
      await pool.line(/^prefork ready /);
      const [pid] = readyPids(pool);
      pool.signal("SIGCONT");
      await pool.line(
        new RegExp(`^prefork worker-status .* statusText="serves ${pid}"$`),
      );
      await until(
        () => manager.heard.some((each) => /READY=1/.test(each)),
        "the supervisor's own manager hears the supervisor",
      );
      // And nothing of the program.
      assert.doesNotMatch(manager.heard.join(), /serves|loads/);
      pool.signal("SIGTERM");
      assert.equal((await pool.ended).code, 0);
    },
  );

  test("is ready by its word to Einhorn, where it is passed so", {
    skip,
  }, async () => {
    await using pool = start("ack", "--pass", "einhorn");
    await pool.line(/^prefork ready /);
    // Or it would be ready after ten seconds, which is said.
    assert.deepEqual(pool.lines.filter((line) => /warning/.test(line)), []);
    pool.signal("SIGTERM");
    assert.equal((await pool.ended).code, 0);
  });

  test(
    "leaves no socket behind when its supervisor is killed: the next one sees to it",
    {
      skip,
    },
    async () => {
      const TMPDIR = mkdtempSync(join(tmpdir(), "prefork-left-"));
      const left = (): string[] =>
        readdirSync(TMPDIR).filter((name) =>
          name.startsWith("prefork-notify-")
        );
      const begin = async (): Promise<Command> => {
        const pool = prefork(
          [
            ...["-w", "1", ...LOCAL, "--pass", "einhorn"],
            ...["perl", fixture("program.pl"), "ack"],
          ],
          { env: { TMPDIR } },
        );
        await pool.line(/^prefork ready /);
        return pool;
      };
      try {
        await using first = await begin();
        const [before] = left();
        first.signal("SIGKILL");
        await first.ended;
        assert.deepEqual(left(), [before]);
        await using second = await begin();
        const after = left();
        assert.ok(after.length === 1 && after[0] !== before);
        second.signal("SIGTERM");
        await second.ended;
        assert.deepEqual(left(), []);
      } finally {
        rmSync(TMPDIR, { recursive: true });
      }
    },
  );

  test("is not ready without the socket, and it is said where it listens", {
    skip,
  }, async () => {
    await using pool = start("elsewhere");
    assert.equal((await pool.ended).code, 3);
    await pool.line(
      /^prefork: Cannot start the program: it has closed the pool's socket, it listens on 127\.0\.0\.1:\d+: have it use/,
    );
  });

  // As root of a container has it: the rights of root, but not to look into
  // processes of others.
  const blind = ["setpriv", "--bounding-set", "-sys_ptrace"] as const;
  const may = perl && process.getuid?.() === 0 &&
    spawnSync(blind[0], [...blind.slice(1), "true"]).status === 0;

  test("is ready when its children sleep that nobody may look into", {
    skip: may ? undefined : "this takes perl, root and setpriv",
  }, async () => {
    const cli = libraryFile("cli");
    const program = ["perl", fixture("program.pl"), "drops"];
    await using pool = prefork(["-w", "1", ...LOCAL, ...program], {
      command: [...blind, ...commandOn(ownRuntime, cli)],
    });
    await pool.line(/^prefork ready /);
    assert.deepEqual(pool.lines.filter((line) => /warning/.test(line)), []);
    pool.signal("SIGTERM");
    assert.equal((await pool.ended).code, 0);
  });

  test("leaves nothing: who serves has the time of the drain, then all go", {
    skip,
  }, async () => {
    await using pool = start(
      ...["leaves", "--ready-line", "children", "--grace", "3s"] as const,
    );
    const [, address] = await pool.line(/^prefork ready listen=(\S+) /);
    const [leader] = readyPids(pool);
    const clients = [await client(address!), await client(address!)];
    pool.signal("SIGTERM");
    await pool.line(/^prefork stopping /);
    // Both children still serve, of a process that has left.
    await until(() => !isAlive(leader!), "it has left");
    const pids = await Promise.all(clients.map(served));
    const [, why] = await pool.line(/^prefork worker-killed .* why="(.*)"/);
    assert.match(why!, /^it was not done 3000 ms after it began to drain/);
    assert.equal((await pool.ended).code, 5);
    await pool.line(/^prefork worker-exited .* reason=killed code=0/);
    assert.deepEqual(pids.filter(runs), []);
  });
});

/** False for one that nobody has waited for yet, too: who adopts it may be slow. */
function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

async function client(address: string): Promise<Socket> {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host);
  await once(socket, "connect");
  return socket;
}

/** Asks, and returns who has answered. */
async function served(socket: Socket): Promise<number> {
  socket.setEncoding("utf8").write("x");
  const [answer] = await once(socket, "data");
  socket.destroy();
  return Number(/^served by (\d+)\n$/.exec(answer as string)![1]);
}
