/**
 * What of a parent's sockets is taken, and what of them cannot be.
 *
 * Runs once, under bun: what is read and judged is the same on each runtime, and
 * `inherited.test.ts` takes sockets on all of them.
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  addresses,
  below,
  connected,
  dir,
  echoed,
  everyFormat,
  type Plan,
  program,
  skip,
  writeProgram,
} from "../below.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";

writeProgram();

test("all of them where nothing is asked for", {
  skip,
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

test(
  "a socket of UDP, which its key in SERVER_STARTER_PORT does not say, over a reload and an upgrade",
  {
    skip,
  },
  async () => {
    const echo = join(dir, "echo.mjs");
    writeFileSync(
      echo,
      `import dgram from "node:dgram";
import process from "node:process";
const socket = dgram.createSocket("udp4").bind(Number(process.argv[2]));
socket.on("message", (text, { port, address }) => {
  socket.send(text, port, address);
});
`,
    );
    await using command = below({
      stay: true,
      sockets: [{ at: 5, kind: "udp" }],
      env: { SERVER_STARTER_PORT: "{0}=5" },
    }, ["-w", "1", "--probation", "0", "-l", "udp://{0}", echo, "{port}"]);
    const [address] = await addresses(command);
    await command.line(/^prefork listening name=udp:.*SERVER_STARTER_PORT/);
    await command.line(/^prefork ready /);
    assert.equal(await echoed(address!, "first"), "first");
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    assert.equal(await echoed(address!, "second"), "second");
    command.signal("SIGUSR2");
    const [, next] = await command.line(
      /^prefork upgrade-finished pid=(\d+)|Cannot upgrade/,
    );
    await command.line(/^ended 0$/);
    assert.equal(await echoed(address!, "third"), "third");
    const from = command.lines.length;
    process.kill(Number(next), "SIGTERM");
    await command.line(/^prefork stopped /, from);
  },
);

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
      {
        sockets: [{ at: 3, kind: "unixgram", path: join(dir, "datagrams") }],
        env: systemd(1),
      },
      [],
      /which is a datagram socket of Unix at unix:\S+, let its parent pass on one of TCP or UDP/,
    ],
    [
      "UDP for a monitor",
      { sockets: [{ at: 3, kind: "udp" }] },
      ["-l", "127.0.0.1:0", "--health", "fd:3"],
      /"fd:3": file descriptor 3 is a socket of UDP, "udp:\/\/127\S+", to which nobody connects/,
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
      /passed to process 1\b.*, which stands between systemd and this process: have systemd start node_modules/,
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
    test(`${what}: one sentence, exit code 4`, {
      skip,
    }, async () => {
      await using command = below(plan, [...args, program]);
      assert.equal((await command.ended).code, 4, command.lines.join("\n"));
      const [, ...lines] = command.lines;
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(lines[0]!, wanted);
    });
  }

  test("and is the parent's as before: nobody has shut anything down", {
    skip,
  }, async () => {
    const path = join(dir, "kept.sock");
    await using command = below({
      stay: true,
      sockets: [
        tcp,
        { at: 4, kind: "unix", path },
        { at: 5, kind: "unixgram", path: join(dir, "kept-datagrams") },
      ],
      env: { ...systemd(200), UNICORN_FD: "junk", PUMA_INHERIT_0: "4:here" },
    }, ["-l", "systemd:api", "-l", "fd:5", program]);
    const [first, second] = await addresses(command);
    await command.line(/^ended 4$/);
    await connected(first!);
    await connected(second!);
    assert.ok(existsSync(path));
  });
});
