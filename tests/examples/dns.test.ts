/** examples/dns: datagrams, and a reload that loses none. */

import assert from "node:assert/strict";
import dgram from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import { describe, test } from "../harness.ts";
import { documented, leaves, pids, several, start } from "./example.ts";

const skip = process.platform !== "linux" && "Deno and Bun receive by libc";

/** Asks for a TXT record, and returns its text, or the code of the answer. */
async function ask(port: number, type = 16): Promise<string> {
  const id = [Math.floor(Math.random() * 256), 7];
  const name = [3, 97, 110, 121, 4, 110, 97, 109, 101, 0];
  // Recursion is desired, and there is one question (RFC 1035, 4.1).
  const header = [...id, 1, 0, 0, 1, ...Array<number>(6).fill(0)];
  const question = [...header, ...name, 0, type, 0, 1];
  const socket = dgram.createSocket("udp4");
  try {
    socket.send(Uint8Array.from(question), port, "127.0.0.1");
    const [answer] = await once(socket, "message") as [Uint8Array];
    assert.deepEqual([...answer.subarray(0, 2)], id);
    if (answer[7] === 0) return `code ${answer[3]}`;
    return new TextDecoder().decode(answer.subarray(question.length + 13));
  } finally {
    socket.close();
  }
}

describe("examples/dns", () => {
  const [command] = documented("dns");

  test(
    "several workers answer, before and after a reload",
    { skip },
    async () => {
      await using pool = start(command!, "udp://127.0.0.1:0", [
        "--probation",
        "0",
      ]);
      const [, text] = await pool.line(/prefork ready listen=udp:\S+:(\d+)/);
      const port = Number(text);
      const named = several(async () =>
        (await ask(port)).replace("worker", "from")
      );
      const before = await pids(2, named);
      assert.equal(await ask(port, 1), "code 4");
      pool.signal("SIGHUP");
      await pool.line(/prefork reload-finished/);
      const after = await pids(2, named);
      assert.deepEqual([...after].filter((pid) => before.has(pid)), []);
      await leaves(pool, "SIGTERM");
    },
  );
});
