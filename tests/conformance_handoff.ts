/** Connections that are accepted here and passed on. */

import assert from "node:assert/strict";
import net from "node:net";
import process from "node:process";
import type { Adapter } from "../core/adapter.ts";
import type { Connection } from "../core/adapter/connection.ts";
import type { Address } from "../core/options/address.ts";
import {
  ANY_PORT,
  ask,
  bind,
  type Child,
  childOn,
  openFiles,
  settled,
  start,
  target,
  temporaryDirectory,
} from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { RUNTIMES } from "./runtimes.ts";

const BURST = 200;

/** Adds the tests. */
export function addHandoffTests(adapter: Adapter): void {
  for (const runtime of RUNTIMES) {
    test(`a worker on ${runtime} takes connections over`, async () => {
      await using child = await taker(adapter, runtime);
      await using front = await open(adapter, ANY_PORT);
      const answer = ask(front.address, "hello");
      await handOver(child, await front.next(), 1);
      assert.equal(await answer, `${runtime} hello`);

      const answers = Array.from(
        { length: BURST },
        (_, i) => ask(front.address, `n${i}`),
      );
      const taken: Promise<void>[] = [];
      for (let i = 0; i < BURST; i++) {
        taken.push(handOver(child, await front.next(), 100 + i));
      }
      assert.deepEqual(
        await Promise.all(answers),
        Array.from({ length: BURST }, (_, i) => `${runtime} n${i}`),
      );
      await Promise.all(taken);
      assert.deepEqual(child.noise, []);
    });

    test(`what a killed ${runtime} did not take goes to another`, async () => {
      await using first = await taker(adapter, runtime);
      await using second = await taker(adapter, runtime);
      await using front = await open(adapter, ANY_PORT);
      const answers = [ask(front.address, "a"), ask(front.address, "b")];
      const connections = [await front.next(), await front.next()];
      process.kill(first.process.pid, "SIGSTOP");
      // One is under way to a process that does not read, one waits behind it.
      connections.forEach((connection, id) =>
        first.process.sendConnection({ do: "take", id }, connection, ignore)
      );
      first.process.kill("SIGKILL");
      await first.exit;
      for (const [id, connection] of connections.entries()) {
        await handOver(second, connection, id);
      }
      assert.deepEqual(
        (await Promise.all(answers)).sort(),
        [`${runtime} a`, `${runtime} b`],
      );
    });
  }

  test("messages and connections keep their order", async () => {
    for (const runtime of RUNTIMES) {
      await using child = await taker(adapter, runtime);
      await using front = await open(adapter, ANY_PORT);
      const answers: Promise<string>[] = [];
      for (let i = 0; i < 10; i++) {
        answers.push(ask(front.address, "x"));
        child.process.send({ do: "echo", value: i });
        // The rule of Adapter.spawn's sendConnection.
        await child.message({ echo: i });
        const connection = await front.next();
        child.process.sendConnection({ do: "take", id: i }, connection, ignore);
        void child.message({ taken: i }).then(() => connection.close());
      }
      child.process.send({ do: "echo", value: 10 });
      await child.message({ echo: 10 });
      const order = (child.messages as { echo?: number; taken?: number }[])
        .slice(1).map(({ echo, taken }) => echo ?? `taken ${taken}`);
      const expected = Array.from(
        { length: 10 },
        (_, i) => [i, `taken ${i}`],
      ).flat();
      assert.deepEqual(order, [...expected, 10], runtime);
      await Promise.all(answers);
    }
  });

  test("Unix sockets too", async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/s`;
    await using front = await open(adapter, {
      kind: "unix",
      path,
      abstract: false,
    });
    for (const runtime of RUNTIMES) {
      await using child = await taker(adapter, runtime);
      const answer = ask(front.address, "path");
      await handOver(child, await front.next(), 1);
      assert.equal(await answer, `${runtime} path`);
    }
  });

  test("closing a connection that nobody took ends it", async () => {
    await using front = await open(adapter, ANY_PORT);
    const ended = new Promise<void>((resolve) => {
      const socket = net.connect(target(front.address));
      socket.on("error", () => undefined).on("close", () => resolve());
    });
    const connection = await front.next();
    connection.close();
    connection.close();
    await ended;
  });

  test("nothing stays open afterwards", async () => {
    const before = openFiles();
    for (let i = 0; i < 3; i++) {
      await using child = await taker(adapter, "node");
      await using front = await open(adapter, ANY_PORT);
      const answers = Array.from({ length: 20 }, () => ask(front.address, "x"));
      for (let id = 0; id < answers.length; id++) {
        await handOver(child, await front.next(), id);
      }
      await Promise.all(answers);
    }
    await settled(openFiles, before);
  });
}

/** A worker that says who it is to whoever sends it something. */
export async function taker(
  adapter: Adapter,
  runtime: (typeof RUNTIMES)[number],
): Promise<Child> {
  const child = start(adapter, childOn(runtime), {
    env: () => ({ NAME: runtime }),
  });
  await child.message({ started: true });
  return child;
}

/** Sends a connection, and closes the copy here when it has been taken. */
export async function handOver(
  child: Child,
  connection: Connection,
  id: number,
): Promise<void> {
  const settled = Promise.withResolvers<boolean>();
  assert.ok(child.process.sendConnection(
    { do: "take", id },
    connection,
    settled.resolve,
  ));
  assert.equal(await settled.promise, true, "the runtime confirms it");
  connection.close();
  const { got } = await child.message({ taken: id });
  assert.equal(got, true, "a connection came with the message");
}

function ignore(): void {}

/** A socket that is accepted on. */
export interface Front extends AsyncDisposable {
  readonly address: Address;
  /** The next connection, in the order of arrival. */
  next(): Promise<Connection>;
}

/** Accepts on an address. */
export async function open(adapter: Adapter, address: Address): Promise<Front> {
  const socket = await bind(adapter, address);
  const waiting: Connection[] = [];
  const takers: ((connection: Connection) => void)[] = [];
  const accepting = adapter.accept(socket, 512, (connection) => {
    const take = takers.shift();
    if (take === undefined) waiting.push(connection);
    else take(connection);
  });
  return {
    address: socket.address,
    next: () =>
      new Promise((resolve) => {
        const connection = waiting.shift();
        if (connection === undefined) takers.push(resolve);
        else resolve(connection);
      }),
    [Symbol.asyncDispose]: async () => {
      accepting[Symbol.dispose]();
      await Promise.resolve(socket.close());
      for (const connection of waiting) connection.close();
    },
  };
}
