/**
 * A pool that ends loses nothing that stood in its accept queues: whoever was let
 * in is answered, and whoever was not is refused, in each mode that promises it,
 * over TCP and at the path of a Unix socket, with workers of all three runtimes.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { fixture, prefork, ready, until } from "../command.ts";
import { temporaryDirectory } from "../conformance_tools.ts";
import { describe, test } from "../harness.ts";
import { load, type LoadKind } from "../strict_client.ts";

/** Of fixtures/once.mjs. */
const ONCE = "once" as LoadKind;
const REFUSED = "refused" as LoadKind;

/** Enough that somebody is on the way at any moment. */
const LOOPS = 8;

describe("a pool that is stopped under load", () => {
  test("answers whoever was let in, and refuses the others", {
    timeout: 120_000,
  }, async () => {
    using directory = temporaryDirectory();
    const path = (name: string) => `unix:${directory.path}/${name}`;
    await using command = prefork([
      ...["-r", "node=1,deno=1,bun=1"],
      ...["-l", "127.0.0.1:0?share=balanced", "-l", "[::1]:0?share=shared"],
      ...["-l", "127.0.0.1:0?share=sharded", "-l", "[::1]:0?share=handoff"],
      ...["-l", `${path("balanced")}?share=balanced`],
      ...["-l", `${path("handoff")}?share=handoff`],
      fixture("slow_program.ts"),
    ]);
    const { listen } = await ready(command);
    const addresses = listen!.split(",");
    assert.equal(addresses.length, 6);
    await using running = await load(
      addresses.map((address) => ({
        kind: ONCE,
        address,
        loops: LOOPS,
        pause: 0,
      })),
      fixture("once.mjs"),
    );
    let done = 0;
    await until(async () => {
      done += (await running.take()).done[ONCE] ?? 0;
      return done > 20 * LOOPS;
    }, "everybody is answered");
    command.signal("SIGTERM");
    const ended = await command.ended;
    const report = await running.stop();
    const text = JSON.stringify(report) + command.lines.slice(-20).join("\n");
    assert.deepEqual(ended, { code: 0, signal: null }, text);
    assert.deepEqual(report.failed, [], text);
    assert.ok(report.done[REFUSED]! >= addresses.length * LOOPS, text);
  });

  test(
    "refuses clients while a request runs on, whoever has a copy of the socket",
    {
      timeout: 120_000,
    },
    async () => {
      await using command = prefork([
        ...["-r", "node=1,deno=1,bun=1"],
        ...["-l", "127.0.0.1:0?share=balanced", "-l", "[::1]:0?share=sharded"],
        fixture("slow_program.ts"),
      ]);
      const { listen } = await ready(command);
      const places = listen!.split(",").map((address) => {
        const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address)!;
        return { host: host!, port: Number(port) };
      });
      // Enough that each worker has one whose end its client has not sent yet.
      const uploads = await Promise.all(
        Array.from({ length: 12 }, () => upload(places[0]!)),
      );
      command.signal("SIGTERM");
      for (const place of places) {
        await until(() => isRefused(place), "clients are refused");
      }
      assert.ok(uploads.every(({ socket }) => !socket.closed));
      for (const { socket } of uploads) socket.write("body");
      for (const { answer } of uploads) {
        assert.match(await answer, /^HTTP\/1.1 200 [^]*\r\n\r\n.*4/);
      }
      assert.deepEqual(await command.ended, { code: 0, signal: null });
    },
  );
});

/** A request of which the body is missing, and what comes of it. */
async function upload(
  place: net.TcpNetConnectOpts,
): Promise<{ socket: net.Socket; answer: Promise<string> }> {
  const socket = net.connect(place);
  let text = "";
  socket.on("data", (bytes) => text += bytes);
  await once(socket, "connect");
  socket.write(
    "POST / HTTP/1.1\r\nHost: localhost\r\n" +
      "Connection: close\r\nContent-Length: 4\r\n\r\n",
  );
  const answer = once(socket, "close").then(() => text);
  return { socket, answer };
}

async function isRefused(place: net.TcpNetConnectOpts): Promise<boolean> {
  const socket = net.connect(place);
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}
