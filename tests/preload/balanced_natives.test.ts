/**
 * Unmodified programs with their runtime's own server in a balanced pool.
 *
 * Runs once, under bun: its programs are Bun's and Deno's, whatever supervises
 * them.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Command, fixture, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { target } from "../http.ts";
import { within } from "../within.ts";

const skip = process.platform === "linux"
  ? false
  : "a runtime's own server takes an inherited socket over on Linux only";

const directory = mkdtempSync(join(tmpdir(), "prefork-natives-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Opens a connection, and says by whom it was greeted or answered. */
function open(address: string, asks: boolean): Promise<[net.Socket, string]> {
  const { host, port, socketPath } = target(address);
  return new Promise((resolve, reject) => {
    const socket = socketPath === undefined
      ? net.connect(Number(port), String(host))
      : net.connect(socketPath);
    let text = "";
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after "${text}"`)));
    socket.on("data", (chunk) => {
      text += chunk;
      const [, pid] = /pid=(\d+)\s/.exec(text) ?? [];
      if (pid !== undefined) resolve([socket, pid]);
    });
    if (asks) socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  });
}

/**
 * Resolves once the pool says that it has so many, and has accepted so many: a
 * file that a program had open between two looks may be among these, since
 * nothing is left of it that would tell.
 */
async function untilCounted(
  command: Command,
  open: number,
  accepted: number,
): Promise<void> {
  let seen = "";
  const look = async (): Promise<void> => {
    const from = command.lines.length;
    command.signal("SIGCONT");
    const sums: [number, number] = [0, 0];
    for (let slot = 0; slot < WORKERS; slot++) {
      const [, ...counts] = await command.line(
        new RegExp(
          `worker-status slot=${slot} .*connections=(\\d+) accepted=(\\d+) `,
        ),
        from,
      );
      counts.forEach((count, i) => sums[i]! += Number(count));
    }
    seen = sums.join(" and ");
    const more = sums[1] - accepted;
    if (sums[0] === open && more >= 0 && more <= WORKERS) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return await look();
  };
  await within(
    look(),
    () => `${open} open and ${accepted} accepted, not ${seen}`,
  );
}

const PROGRAMS = [
  { runtime: "bun", file: "bun_serve.js", asks: true },
  { runtime: "bun", file: "http.mjs", asks: true },
  { runtime: "bun", file: "bun_listen.js", asks: false },
  { runtime: "deno", file: "deno_serve.ts", asks: true },
  { runtime: "deno", file: "deno_listen.ts", asks: false },
] as const;

const COUNT = 60;
const WORKERS = 3;

describe("balanced: a runtime's own server in an unmodified program", () => {
  for (const { runtime, file, asks } of PROGRAMS) {
    for (const where of ["TCP", "a Unix socket"]) {
      test(
        `${file} on ${runtime}, ${where}: connections are spread evenly`,
        { skip },
        async () => {
          await using command = prefork([
            ...["-w", String(WORKERS), "-r", runtime, "-s", "balanced", "-l"],
            where === "TCP" ? "127.0.0.1:0" : `unix:${directory}/${file}`,
            fixture(`plain/${file}`),
          ], { env: { IDLE_SECONDS: "255" } });
          const { listen } = await ready(command);
          // What they do to start makes them busy, which counts as load.
          await new Promise((resolve) => setTimeout(resolve, 1000));
          await untilCounted(command, 0, 0);
          const counts = new Map<string, number>();
          const sockets: net.Socket[] = [];
          for (let i = 0; i < COUNT; i++) {
            const begun = performance.now();
            const [socket, pid] = await open(listen!, asks);
            const took = performance.now() - begun;
            sockets.push(socket);
            counts.set(pid, (counts.get(pid) ?? 0) + 1);
            // Seldom enough to make nobody busy, however slow this machine is.
            await new Promise((resolve) =>
              setTimeout(resolve, Math.max(5, 10 * took))
            );
          }
          await untilCounted(command, COUNT, COUNT);
          for (const socket of sockets.splice(0, 20)) socket.destroy();
          await untilCounted(command, COUNT - 20, COUNT);
          for (const socket of sockets) socket.destroy();
          await untilCounted(command, 0, COUNT);
          const all = [...counts.values()];
          assert.equal(all.length, WORKERS, `${all}`);
          assert.ok(Math.max(...all) - Math.min(...all) <= 6, `${all}`);
          command.signal("SIGTERM");
          assert.equal((await command.ended).code, 0);
        },
      );
    }
  }
});
