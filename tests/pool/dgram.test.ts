/**
 * Datagrams by `listenDatagram()`: a pool of all three runtimes, whose supervisor
 * is the runner's; over IPv6, in a multicast group, and by hand.
 */
import assert from "node:assert/strict";
import dgram from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import {
  type Command,
  fixture,
  prefork,
  readyPids,
  until,
  watch,
} from "../command.ts";
import { spawn } from "node:child_process";
import { describe, test } from "../harness.ts";
import { freeUdpPort } from "../ports.ts";
import { cleanEnv, commandOn, ownRuntime } from "../runtimes.ts";

const skip = process.platform !== "linux" && "Bun and Deno receive by libc";
const GROUP = "239.255.77.77";

/** Why there is no multicast here, as the rest of a skip. */
async function noMulticast(): Promise<string | undefined> {
  const socket = dgram.createSocket("udp4");
  try {
    socket.bind(0);
    await once(socket, "listening");
    socket.addMembership(GROUP);
    let came = false;
    let problem: Error | undefined;
    socket.on("message", () => came = true);
    socket.on("error", (error) => problem = error);
    socket.send("x", socket.address().port, GROUP);
    await until(() => came || problem !== undefined, "what was sent comes");
    return problem === undefined ? undefined : String(problem);
  } catch (error) {
    return `this machine has no multicast: ${(error as Error).message}`;
  } finally {
    socket.close();
  }
}

/** What one datagram from a port of its own is answered. */
async function ask(host: string, port: number, text = "x"): Promise<string> {
  const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    socket.send(text, port, host);
    const [message] = await once(socket, "message");
    return String(message);
  } finally {
    socket.close();
  }
}

/** Asks until each of the runtimes has answered. */
async function askAll(host: string, port: number): Promise<Set<string>> {
  const seen = new Set<string>();
  await until(async () => {
    const asked = Array.from({ length: 24 }, () => ask(host, port));
    for (const answer of await Promise.all(asked)) {
      seen.add(answer.replace(/pid=\d+ /, ""));
    }
    return seen.size >= 3;
  }, "answers of all three");
  return seen;
}

/** The port of a listener, by its name. */
async function portOf(command: Command, name: string): Promise<number> {
  const pattern = new RegExp(`listening name=${name} address=udp:\\S+:(\\d+) `);
  return Number((await command.line(pattern))[1]);
}

describe("listenDatagram()", () => {
  test("receives on every runtime, and a worker that leaves answers", {
    skip,
    timeout: 60_000,
  }, async () => {
    const missing = await noMulticast();
    const group = missing === undefined ? await freeUdpPort() : 0;
    await using command = prefork([
      ...["-w", "3", "-r", "node=1,deno=1,bun=1"],
      ...["-l", "one=udp://127.0.0.1:0"],
      ...["-l", "six=udp://[::1]:0?share=sharded"],
      ...group > 0 ? ["-l", `group=udp://${GROUP}:${group}`] : [],
      fixture("dgram_program.ts"),
      ...["one", "six", ...group > 0 ? ["group"] : []],
    ]);
    await command.line(/^prefork ready /);
    const [one, six] = [
      await portOf(command, "one"),
      await portOf(command, "six"),
    ];
    for (
      const [name, host, port] of [
        ["one", "127.0.0.1", one],
        ["six", "::1", six],
      ] as const
    ) {
      assert.deepEqual([...await askAll(host, port)].sort(), [
        `${name} bun x`,
        `${name} deno x`,
        `${name} node x`,
      ]);
    }
    if (group > 0) {
      const client = dgram.createSocket("udp4");
      const answers: string[] = [];
      client.on("message", (bytes) => answers.push(String(bytes)));
      for (const text of ["a", "b", "c"]) {
        client.send(text, group, GROUP);
        await until(
          () => answers.some((each) => each.endsWith(text)),
          `the answer to ${text}`,
        );
      }
      // Each datagram came to one worker, though all are in the group.
      await ask("127.0.0.1", one);
      assert.equal(answers.length, 3, answers.join());
      client.close();
    } else console.log(missing);

    const before = readyPids(command);
    const answers = before.map(() => ask("127.0.0.1", one, "slow"));
    const [, pid] = await command.line(/slow (\d+)$/);
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished generation=2 /);
    // Nobody asks twice: whoever has read it has answered it.
    for (const answer of await Promise.all(answers)) {
      assert.match(answer, /^one pid=\d+ \w+ slow$/);
    }
    assert.ok(before.includes(Number(pid)));
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null });
  });

  test("a standby reads nothing before it takes over, then its slot's shard", {
    skip,
  }, async () => {
    await using command = prefork([
      ...["-w", "2", "--standby", "1", "-r", ownRuntime],
      ...["-l", "one=udp://127.0.0.1:0?share=sharded"],
      fixture("dgram_program.ts"),
      "one",
    ]);
    const [, pid] = await command.line(/^prefork worker-standby .*pid=(\d+)/);
    const port = await portOf(command, "one");
    const pids = async (): Promise<Set<string>> => {
      const all = Array.from({ length: 24 }, () => ask("127.0.0.1", port));
      const said = await Promise.all(all);
      return new Set(said.map((each) => /pid=(\d+)/.exec(each)![1]!));
    };
    assert.equal((await pids()).has(pid!), false);
    process.kill(readyPids(command)[0]!, "SIGKILL");
    await command.line(new RegExp(`^prefork worker-ready .*pid=${pid}`));
    await until(async () => (await pids()).has(pid!), "the standby answers");
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null });
  });

  test("by hand it binds its own address, and SIGTERM waits for the answer", {
    skip,
  }, async () => {
    const [file, ...args] = commandOn(ownRuntime, fixture("dgram_program.ts"));
    await using command = watch(
      spawn(file!, [...args, "any"], {
        env: cleanEnv(),
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    const [, port] = await command.line(/^at udp:\S+:(\d+) undefined$/);
    const answer = ask("127.0.0.1", Number(port), "slow");
    await command.line(/^slow /);
    command.signal("SIGTERM");
    assert.match(await answer, /^udp:\/\/127\.0\.0\.1:0 pid=\d+ \w+ slow$/);
    assert.deepEqual(await command.ended, { code: 0, signal: null });
  });

  test("HTTP/3 of Bun.serve is refused, with the reason", {
    skip: ownRuntime !== "bun" && "once is enough",
  }, async () => {
    await using command = prefork([
      ...["-w", "1", "-r", "bun", "-l", "127.0.0.1:0"],
      fixture("plain/bun_http3.js"),
    ]);
    await command.line(
      /Cannot put Bun\.serve on the listener .*: HTTP\/3 has connections over UDP, which would not stay with their worker over a reload, remove "http3"/,
    );
    assert.equal((await command.ended).code, 3);
  });
});
