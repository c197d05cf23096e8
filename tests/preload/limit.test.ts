/** `server.maxConnections`: whoever is full leaves connections to the others. */
import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { type Command, fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { within } from "../within.ts";

type Kind = "http" | "https" | "net";

/** What a worker has answered. */
interface Answer {
  readonly pid: string;
  /** How many connections it holds, as it says itself. */
  readonly held: number;
}

/** A client that stays. */
interface Client {
  /** What came first; it waits where all are full. */
  readonly first: Promise<Answer>;
  /** True once that has come. */
  readonly served: boolean;
  /** Sends a word. */
  ask(word: string): Promise<Answer>;
  leave(): Promise<void>;
}

/** The clients of one pool. */
class Clients {
  readonly #command: Command;
  readonly #port: number;
  readonly #kind: Kind;
  readonly #all = new Set<Client>();
  /** Those that were closed by the pool. */
  closed = 0;

  constructor(command: Command, port: number, kind: Kind) {
    this.#command = command;
    this.#port = port;
    this.#kind = kind;
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  get served(): readonly Client[] {
    return [...this.#all].filter(({ served }) => served);
  }

  connect(): Client {
    const raw = net.connect(this.#port, "127.0.0.1");
    const socket = this.#kind === "https"
      ? tls.connect({ socket: raw, rejectUnauthorized: false })
      : raw;
    for (const each of [raw, socket]) each.on("error", () => {});
    const answers: ((answer: Answer) => void)[] = [];
    let text = "";
    let left = false;
    let served = false;
    socket.on("data", (bytes) => {
      text += String(bytes);
      const found = /<(\d+) (\d+)>\n/.exec(text);
      if (found === null) return;
      text = text.slice(found.index + found[0].length);
      served = true;
      answers.shift()?.({ pid: found[1]!, held: Number(found[2]) });
    });
    const closed = new Promise<void>((resolve) =>
      raw.once("close", () => {
        this.#all.delete(client);
        if (!left) this.closed++;
        resolve();
      })
    );
    const ask = (word: string): Promise<Answer> => {
      socket.write(
        this.#kind === "net"
          ? word
          : `GET /${word} HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      const answer = new Promise<Answer>((resolve) => answers.push(resolve));
      return this.within(answer, `an answer to "${word}"`);
    };
    const first = ask("hello");
    first.catch(() => {});
    const client: Client = {
      first,
      get served() {
        return served;
      },
      ask,
      leave() {
        left = true;
        socket.destroy();
        return closed;
      },
    };
    this.#all.add(client);
    return client;
  }

  /** Resolves when so many are served. */
  async untilServed(count: number): Promise<void> {
    const look = async (): Promise<void> => {
      while (this.served.length < count) {
        const waiting = [...this.#all].filter(({ served }) => !served);
        await Promise.race(waiting.map(({ first }) => first));
      }
    };
    await this.within(look(), `${count} that are served`);
  }

  within<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(promise, () => `${what}\n${this.#command.lines.join("\n")}`);
  }
}

// Deno takes all that waits in the queue, and in `shared` cannot pass it on.
const SHARED = runtime === "deno" ? "balanced" : "shared";

// One of each: how a connection comes to a worker, and what takes it there.
const PLANS: readonly { mode: string; kind: Kind; late?: boolean }[] = [
  { mode: "balanced", kind: "net" },
  { mode: "balanced", kind: "http", late: true },
  { mode: "handoff", kind: "http" },
  { mode: SHARED, kind: "https" },
];

describe("a server with maxConnections", () => {
  for (const { mode, kind, late = false } of PLANS) {
    const when = late ? ", set when it listens" : "";
    const where = kind === "https" ? "shared, on Deno in balanced" : mode;
    test(
      `of node:${kind} in ${where}${when}`,
      { timeout: 60_000 },
      async () => {
        await using command = prefork([
          ...["-w", "2", "-s", mode, "-r", runtime, ...LOCAL],
          ...[fixture("plain/limited.mjs"), kind, ...(late ? ["late"] : [])],
        ]);
        const { listen } = await ready(command);
        const port = Number(/\d+$/.exec(listen!)![0]);
        const clients = new Clients(command, port, kind);

        for (let i = 0; i < 10; i++) clients.connect();
        await clients.untilServed(4);
        const four = clients.served;
        const answers = await Promise.all(four.map(({ ask }) => ask("again")));
        assert.deepEqual(answers.map(({ held }) => held), [2, 2, 2, 2]);
        assert.equal(new Set(answers.map(({ pid }) => pid)).size, 2);
        assert.equal(clients.served.length, 4);

        // A place that becomes free is taken.
        await four[0]!.leave();
        await clients.untilServed(4);
        // It may be changed while the server listens.
        const { pid } = await four[1]!.ask("three");
        await clients.untilServed(5);
        const again = await Promise.all(
          clients.served.map(({ ask }) => ask("again")),
        );
        const held = again.map((each) => each.pid === pid ? 3 : 2);
        assert.deepEqual(again.map((each) => each.held), held);
        assert.equal(clients.closed, 0);

        // Whoever waits is served in the end.
        while (clients.size > 0) {
          await clients.served[0]!.leave();
          await clients.untilServed(Math.min(5, clients.size));
        }
        assert.equal(clients.closed, 0);
        command.signal("SIGTERM");
        assert.equal((await command.ended).code, 0, command.lines.join("\n"));
        assert.doesNotMatch(command.lines.join("\n"), /dropped|crashed/);
      },
    );
  }
});
