/**
 * A request that lies unread in a worker that stood still, while it is replaced.
 *
 * Runs once, under bun: the workers are the same under each runner.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, prefork, ready, readyPids } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-unread-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const REQUEST = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/** How long a client may be idle before a worker that leaves hangs up, in ms. */
const IDLE_MS = 100;

/** A keep-alive connection. */
class Client {
  readonly #socket: net.Socket;
  #text = "";
  #changed = (): void => {};

  constructor(path: string) {
    this.#socket = net.connect(path)
      .on("data", (part) => {
        this.#text += part;
        this.#changed();
      })
      .on("error", (error) => this.#text += error.message)
      .on("close", () => this.#changed());
  }

  /** Resolves once the kernel has what it asks. */
  ask(): Promise<void> {
    return new Promise((resolve) =>
      this.#socket.write(REQUEST, () => resolve())
    );
  }

  /** Resolves with its answers once it has so many, or is closed. */
  async answers(wanted: number): Promise<number> {
    const count = (): number => this.#text.split("HTTP/1.1 200").length - 1;
    while (count() < wanted && !this.#socket.closed) {
      await new Promise<void>((resolve) => this.#changed = resolve);
    }
    return count();
  }
}

const all = async <T>(list: readonly Promise<T>[]): Promise<T[]> =>
  await Promise.all(list);

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

describe("on a Unix socket a request that is not read yet is answered", () => {
  for (
    const [server, program] of [
      ["node:http", "crowded.ts"],
      ["Bun.serve", "plain_native.ts"],
    ] as const
  ) {
    for (const rollback of ["park", "none"]) {
      test(`by ${server} on Bun, --rollback ${rollback}`, async () => {
        const path = join(dir, `${program}-${rollback}`);
        await using command = prefork([
          ...["-w", "1", "-r", "bun", "-l", `unix:${path}`],
          ...["--soak", "0", "--rollback", rollback],
          ...["--idle-grace", `${IDLE_MS}ms`],
          ...[fixture(program), path],
        ]);
        await ready(command);
        const clients = Array.from({ length: 5 }, () => new Client(path));
        await all(clients.map((each) => each.ask()));
        await all(clients.map((each) => each.answers(1)));
        const [old] = readyPids(command);
        command.signal("SIGHUP");
        await command.line(/worker-ready slot=0 generation=2/);
        // It has heard that it is to leave, and looks for who is idle.
        await pause(IDLE_MS / 4);
        process.kill(old!, "SIGSTOP");
        await pause(3 * IDLE_MS);
        await all(clients.map((each) => each.ask()));
        process.kill(old!, "SIGCONT");
        const answers = await all(clients.map((each) => each.answers(2)));
        assert.deepEqual(answers, clients.map(() => 2));
      });
    }
  }
});
