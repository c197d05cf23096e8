import assert from "node:assert/strict";
import dgram from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";

const skip = process.platform === "linux"
  ? false
  : "SO_REUSEPORT balances on Linux only";

/** A UDP port that was free a moment ago. */
async function freePort(): Promise<number> {
  const socket = dgram.createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

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
      /udp error Cannot bind the UDP port \d+ in each worker: .*"--runtime node"/,
    );
  });
});
