import assert from "node:assert/strict";
import dgram from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";
import { freeUdpPort as freePort } from "../ports.ts";

const skip = process.platform === "linux"
  ? false
  : "SO_REUSEPORT balances on Linux only";

/** What answers a datagram from a port of its own. */
async function ask(port: number): Promise<string> {
  const socket = dgram.createSocket("udp4");
  try {
    socket.send("x", port, "127.0.0.1");
    const [message] = await once(socket, "message");
    return String(message);
  } finally {
    socket.close();
  }
}

describe("UDP in an unmodified program", () => {
  for (const runtime of ["node", "bun"]) {
    test(
      `${runtime}: the kernel spreads clients over three workers`,
      { skip },
      async () => {
        const port = await freePort();
        await using command = prefork([
          "-w",
          "3",
          "-r",
          runtime,
          ...LOCAL,
          fixture("plain/udp.mjs"),
          String(port),
        ]);
        const { listen } = await ready(command);
        const own = readyPids(command).map((pid) => `pid=${pid}`);
        const seen = new Set<string>();
        for (let i = 0; i < 200 && seen.size < 3; i++) {
          seen.add(await ask(port));
        }
        assert.deepEqual([...seen].sort(), own.sort());
        assert.equal((await get(listen!)).body, "http\n");
      },
    );
  }

  test("deno has no SO_REUSEPORT for it and says what to do", async () => {
    await using command = prefork([
      "-w",
      "1",
      "-r",
      "deno",
      ...LOCAL,
      fixture("plain/udp.mjs"),
      String(await freePort()),
    ]);
    await command.line(
      /udp error Cannot bind the UDP port (\d+) in each worker: .*"-l udp:\/\/:\1"/,
    );
  });

  test("of two listeners at one port each socket gets that of its family", {
    skip,
  }, async () => {
    const port = await freePort();
    await using command = prefork([
      ...["-w", "1", "-r", ownRuntime],
      ...["-l", `udp://127.0.0.1:${port}`, "-l", `udp://[::1]:${port}`],
      fixture("plain/udp_echo.mjs"),
      ...["udp6", String(port)],
    ]);
    await command.line(new RegExp(`bound ::1 ${port}$`));
  });

  test("a handler that throws leaves a program that lives on its datagrams", {
    skip,
  }, async () => {
    await using command = prefork([
      ...["-w", "1", "-r", ownRuntime, "-l", "udp://127.0.0.1:0"],
      fixture("plain/udp_calls.mjs"),
    ]);
    const [, text] = await command.line(/prefork ready listen=udp:\S+:(\d+)/);
    const client = dgram.createSocket("udp4");
    client.send("throw", Number(text), "127.0.0.1");
    await command.line(/said uncaught: thrown$/);
    client.close();
    assert.equal(await ask(Number(text)), "x 127.0.0.1 IPv4 1!");
  });

  test("a port that the pool holds is the pool's socket, and stays so", {
    skip,
  }, async () => {
    await using command = prefork([
      ...["-w", "2", "-r", ownRuntime, "-l", "udp://127.0.0.1:0"],
      fixture("plain/udp_calls.mjs"),
    ]);
    const [, text] = await command.line(/prefork ready listen=udp:\S+:(\d+)/);
    const port = Number(text);
    assert.equal(await ask(port), "x 127.0.0.1 IPv4 1!");
    await command.line(/said sent null|said sent undefined/);
    const said = new Set(
      command.lines.flatMap((line) => /said (.*)$/.exec(line)?.[1] ?? []),
    );
    const saidBy = (pattern: RegExp): void =>
      assert.ok(
        [...said].some((each) => pattern.test(each)),
        `${pattern} in ${[...said].join("\n")}`,
      );
    saidBy(
      /^other: .*it is IPv4 and the program's socket is udp6, .*create the socket as udp4$/,
    );
    saidBy(/^bound 127\.0\.0\.1 IPv4$/);
    saidBy(/^twice: Socket is already bound$/);
    saidBy(/^connect: Cannot connect the pool's socket: .*another socket/);
    saidBy(/^ttl: 9$/);
    saidBy(/^buffer: true$/);
    // A machine without multicast may say no; that another has joined is none.
    assert.ok(![...said].some((each) => /^join: .*EADDRINUSE/.test(each)));
    saidBy(/^leave: undefined$/);
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null });
  });
});
