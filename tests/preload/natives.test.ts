/**
 * A runtime's own server in an unmodified program.
 *
 * Runs once, under vitest: its programs are Bun's and Deno's, and any
 * supervisor with any worker is what tests/pool/pairs.test.ts is for.
 */
import assert from "node:assert/strict";
import net from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get, target } from "../http.ts";
import { freePort } from "../ports.ts";

const skip = process.platform === "linux"
  ? false
  : "a runtime's own server takes an inherited socket over on Linux only";

/** The line that a server greets a connection with, after an echo came back. */
async function greeting(address: string): Promise<string> {
  const { host, port } = target(address);
  const socket = net.connect(Number(port), String(host));
  try {
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const { value: greeted } = await lines.next();
    socket.write("word\n");
    const { value: echoed } = await lines.next();
    assert.equal(echoed, "word");
    return String(greeted);
  } finally {
    socket.destroy();
  }
}

/** The greetings of so many connections that are open at once. */
async function greetings(address: string, count: number): Promise<Set<string>> {
  return new Set(
    await Promise.all(Array.from({ length: count }, () => greeting(address))),
  );
}

const HTTP = [
  { runtime: "bun", file: "bun_serve.js" },
  { runtime: "deno", file: "deno_serve.ts" },
] as const;

const SOCKETS = [
  { runtime: "bun", file: "bun_listen.js" },
  { runtime: "deno", file: "deno_listen.ts" },
] as const;

describe("a runtime's own server in an unmodified program", () => {
  for (const { runtime, file } of HTTP) {
    for (const share of ["balanced", "shared", "sharded", "reuseport"]) {
      test(
        `${file} in ${share}: three workers answer, and the address shown is the pool's`,
        { skip },
        async () => {
          await using command = prefork([
            "-w",
            "3",
            "-r",
            runtime,
            "-s",
            share,
            ...LOCAL,
            fixture(`plain/${file}`),
          ]);
          const { listen } = await ready(command);
          const own = readyPids(command).map((pid) => `pid=${pid}\n`);
          for (const body of await distinct(listen!, 3)) {
            assert.ok(own.includes(body), body);
          }
          for (const slot of [0, 1, 2]) {
            await command.line(
              new RegExp(`^\\[${slot}\\] listening on ${listen}( |$)`),
            );
          }
          command.signal("SIGTERM");
          assert.equal((await command.ended).code, 0);
        },
      );
    }
  }

  for (const { runtime, file } of SOCKETS) {
    for (const share of ["balanced", "shared", "sharded"]) {
      test(`${file} in ${share}: echoes, and the address shown is the pool's`, {
        skip,
      }, async () => {
        await using command = prefork([
          "-w",
          "2",
          "-r",
          runtime,
          "-s",
          share,
          ...LOCAL,
          fixture(`plain/${file}`),
        ]);
        const { listen } = await ready(command);
        const own = readyPids(command).map((pid) => `pid=${pid}`);
        for (const each of await greetings(listen!, 20)) {
          assert.ok(own.includes(each), each);
        }
        await command.line(
          new RegExp(`^\\[0\\] listening on ${listen}$`),
        );
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0);
      });
    }
  }

  test("bun_serve.js in handoff: has routes that node:http has nothing for, and is refused", async () => {
    await using command = prefork([
      "-w",
      "1",
      "-r",
      "bun",
      "-s",
      "handoff",
      ...LOCAL,
      fixture("plain/bun_serve.js"),
    ]);
    await command.line(
      /^prefork: .*Cannot attach Bun\.serve to the listener .* accepts by itself.*"--share shared"/,
    );
    assert.equal((await command.ended).code, 3);
  });

  for (
    const { runtime, file } of [
      { runtime: "bun", file: "bun_fetch.js" },
      { runtime: "deno", file: "deno_serve.ts" },
    ]
  ) {
    test(`${file} in handoff: node:http answers for it`, async () => {
      await using command = prefork([
        "-w",
        "2",
        "-r",
        runtime,
        "-s",
        "handoff",
        ...LOCAL,
        fixture(`plain/${file}`),
      ]);
      const { listen } = await ready(command);
      await distinct(listen!, 2);
      await command.line(new RegExp(`^\\[0\\] listening on ${listen}`));
    });
  }

  for (const file of ["deno_serve.ts", "http.mjs"]) {
    test(`DENO_SERVE_ADDRESS moves no server of a pool and opens none: ${file}`, async () => {
      const address = `127.0.0.1:${await freePort()}`;
      await using command = prefork(
        ["-w", "2", "-r", "deno", ...LOCAL, fixture(`plain/${file}`)],
        { env: { DENO_SERVE_ADDRESS: `duplicate,tcp:${address}` } },
      );
      const { listen } = await ready(command);
      await distinct(listen!, 2);
      await assert.rejects(get(address), { code: "ECONNREFUSED" });
      const said = (line: string) => line.includes(`as in \\"-l ${address}`);
      assert.equal(command.lines.filter(said).length, 1);
    });
  }

  test("Deno.serve on a second port is opened by the supervisor", async () => {
    const port = await freePort();
    await using command = prefork([
      "-w",
      "2",
      "-r",
      "deno",
      ...LOCAL,
      fixture("plain/deno_two.ts"),
      String(port),
    ]);
    await ready(command);
    await command.line(/^prefork warning .*The pool does not hold \\"127/);
    await command.line(/^\[0\] metrics on/);
    await command.line(/^\[1\] metrics on/);
    await distinct(`127.0.0.1:${port}`, 2);
    // In turn, so that the last comes to a worker that has answered before.
    let last = "";
    for (let i = 0; i < 4; i++) {
      last = (await get(`127.0.0.1:${port}`, "/peer")).body;
    }
    assert.match(last, /^tcp 127\.0\.0\.1 \d+ done$/);
  });

  test(
    "Bun.serve on a second port is bound by each worker",
    { skip },
    async () => {
      const port = await freePort();
      await using command = prefork([
        "-w",
        "2",
        "-r",
        "bun",
        ...LOCAL,
        fixture("plain/bun_two.js"),
        String(port),
      ]);
      await ready(command);
      await command.line(
        /^prefork warning .*The pool does not hold \\"127.*SO_REUSEPORT/,
      );
      await distinct(`127.0.0.1:${port}`, 2);
    },
  );

  for (
    const { runtime, file, what } of [
      { runtime: "bun", file: "bun_two.js", what: "Bun.serve" },
      { runtime: "deno", file: "deno_two.ts", what: "Deno.serve" },
    ]
  ) {
    test(`${what} on a second port 0 is refused and names the way out`, async () => {
      await using command = prefork([
        "-w",
        "1",
        "-r",
        runtime,
        ...LOCAL,
        fixture(`plain/${file}`),
        "0",
      ]);
      await command.line(
        new RegExp(
          `Cannot listen on "127.0.0.1:0" by ${what}: the pool has no listener left`,
        ),
      );
    });
  }

  for (
    const { runtime, kind, args } of [
      { runtime: "bun", kind: "serve", args: [] },
      { runtime: "bun", kind: "listen", args: [] },
      { runtime: "deno", kind: "serve", args: [] },
      {
        runtime: "deno",
        kind: "listen",
        args: ["--runtime-arg", "-A", "--runtime-arg", "--unstable-net"],
      },
    ]
  ) {
    test(
      `${runtime} ${kind}: a closed one is gone, and the one with the pool's port has it`,
      { skip },
      async () => {
        const port = await freePort();
        await using command = prefork([
          "-w",
          "2",
          "-r",
          runtime,
          ...args,
          "-l",
          `127.0.0.1:${await freePort()}`,
          fixture("plain/native_claims.ts"),
          kind,
          String(port),
        ]);
        const { listen } = await ready(command);
        for (const slot of [0, 1]) {
          for (
            const line of ["probe true", "helper true", "main true health own"]
          ) {
            await command.line(new RegExp(`^\\[${slot}\\] ${line}$`));
          }
        }
        // Deno's health server may have opened its address by then.
        const seen = await distinct(listen!.split(",")[0]!, 2);
        assert.ok([...seen].every((body) => body.startsWith("main ")));
        const { body } = await get(`127.0.0.1:${port}`);
        assert.match(body, /^health pid=\d+\n$/);
      },
    );
  }
});
