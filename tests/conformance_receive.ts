/** Connections that a worker has accepted and passes on. */

import assert from "node:assert/strict";
import type { Adapter } from "../core/adapter.ts";
import type { Connection } from "../core/adapter/connection.ts";
import type { Address } from "../core/options/address.ts";
import { handOver, taker } from "./conformance_handoff.ts";
import {
  ANY_PORT,
  ask,
  bind,
  type Child,
  childOn,
  openFiles,
  settled,
  start,
  temporaryDirectory,
} from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { type Runtime, RUNTIMES } from "./runtimes.ts";

/** What a worker gives to `process.send`. */
type Kind = "handle" | "socket";

/** What each runtime knows to send; Bun has no handle to give. */
const KINDS: Readonly<Record<Runtime, readonly Kind[]>> = {
  node: ["handle", "socket"],
  deno: ["handle", "socket"],
  bun: ["socket"],
};

const BURST = 100;

/** Adds the tests. */
export function addReceiveTests(adapter: Adapter): void {
  test("the capabilities tell that it takes them", () => {
    assert.equal(adapter.capabilities.receives, true);
  });

  for (const runtime of RUNTIMES) {
    for (const kind of KINDS[runtime]) {
      test(`${runtime} passes on a ${kind}`, async () => {
        await using passer = await startPasser(adapter, runtime, { kind });
        for (const next of RUNTIMES) {
          await using other = await taker(adapter, next);
          const answer = ask(passer.address, "hello");
          const { message, connection } = await passer.next();
          assert.equal(typeof message.passed, "number");
          assert.equal(connection.peer, "127.0.0.1");
          await handOver(other, connection, 1);
          assert.equal(await answer, `${next} hello`);
        }
        assert.deepEqual(passer.child.noise, []);
      });
    }

    test(`${BURST} from ${runtime}, and no file stays open`, async () => {
      const before = openFiles();
      {
        await using passer = await startPasser(adapter, runtime);
        await using other = await taker(adapter, "node");
        const during = openFiles();
        const answers = Array.from(
          { length: BURST },
          (_, i) => ask(passer.address, `n${i}`),
        );
        for (let id = 0; id < BURST; id++) {
          const { message, connection } = await passer.next();
          assert.equal(message.passed, id);
          await handOver(other, connection, id);
        }
        assert.deepEqual(
          (await Promise.all(answers)).sort(),
          Array.from({ length: BURST }, (_, i) => `node n${i}`).sort(),
        );
        await settled(openFiles, during);
        assert.deepEqual(passer.child.noise, []);
      }
      await settled(openFiles, before);
    });

    test(`${runtime} passes on what came to a Unix socket`, async () => {
      using directory = temporaryDirectory();
      await using passer = await startPasser(adapter, runtime, {
        address: {
          kind: "unix",
          path: `${directory.path}/s`,
          abstract: false,
        },
      });
      for (const next of RUNTIMES) {
        await using other = await taker(adapter, next);
        const answer = ask(passer.address, "path");
        const { connection } = await passer.next();
        assert.equal(connection.peer, undefined);
        await handOver(other, connection, 1);
        assert.equal(await answer, `${next} path`);
      }
    });

    test(`what ${runtime} passed on just before it died arrives`, async () => {
      await using other = await taker(adapter, "node");
      await using passer = await startPasser(adapter, runtime, { die: true });
      const answer = ask(passer.address, "hello");
      const { connection } = await passer.next();
      assert.deepEqual(await passer.child.exit, {
        code: null,
        signal: "SIGKILL",
      });
      await handOver(other, connection, 1);
      assert.equal(await answer, "node hello");
    });

    test(`${runtime} takes back what it has passed on`, async () => {
      await using passer = await startPasser(adapter, runtime);
      for (let id = 0; id < 10; id++) {
        const answer = ask(passer.address, "back");
        const { connection } = await passer.next();
        // The rule of sendConnection: its runtime was sent a confirmation.
        passer.child.process.send({ do: "echo", value: id });
        await passer.child.message({ echo: id });
        await handOver(passer.child, connection, id);
        assert.equal(await answer, `${runtime} back`);
      }
      assert.deepEqual(passer.child.noise, []);
    });
  }

  test("messages before and after keep their order", async () => {
    for (const runtime of RUNTIMES) {
      const order: unknown[] = [];
      await using passer = await startPasser(adapter, runtime, {
        onConnection: (message) => order.push(message["passed"]),
      });
      const answers: Promise<string>[] = [];
      for (let i = 0; i < 5; i++) {
        passer.child.process.send({ do: "burst", count: 100 });
        answers.push(ask(passer.address));
        (await passer.next()).connection.close();
      }
      passer.child.process.send({ do: "echo", value: 1 });
      await passer.child.message({ echo: 1 });
      assert.deepEqual(order, [0, 1, 2, 3, 4], runtime);
      const numbers = (passer.child.messages as { i?: number }[])
        .map(({ i }) => i).filter((i) => i !== undefined);
      const expected = Array.from({ length: 500 }, (_, i) => i % 100);
      assert.deepEqual(numbers, expected, runtime);
      assert.deepEqual(passer.child.noise, []);
      passer.child.process.kill("SIGKILL");
      await Promise.allSettled(answers);
    }
  });

  test("a message without its connection is reported", async () => {
    await using child = start(adapter, childOn("node"));
    await child.message({ started: true });
    child.process.send({
      do: "raw",
      text: '{"cmd":"NODE_HANDLE","type":"net.Native","msg":1}\n{"ok":1}\n',
    });
    await child.message({ ok: 1 });
    assert.deepEqual(child.noise, ["a message came without its connection"]);
  });

  for (const [task, type] of [["server", "net.Server"], ["dgram", "dgram"]]) {
    test(`a ${task} that a worker sends is refused`, async () => {
      const before = openFiles();
      {
        await using child = start(adapter, childOn("node"), {
          onConnection: () => assert.fail("it was taken"),
        });
        await child.message({ started: true });
        child.process.send({ do: task });
        await child.until(({ noise }) => noise.length > 0);
        assert.match(child.noise[0]!, /only connections are taken here/);
        assert.ok(child.noise[0]!.includes(type!));
        child.process.send({ do: "echo", value: 1 });
        await child.message({ echo: 1 });
      }
      await settled(openFiles, before);
    });
  }
}

/** A connection and what came with it. */
interface Passed {
  readonly message: Readonly<Record<string, unknown>>;
  readonly connection: Connection;
}

/** A worker that passes on all that it accepts. */
interface Passer extends AsyncDisposable {
  readonly child: Child;
  readonly address: Address;
  /** The next connection, in the order of arrival. */
  next(): Promise<Passed>;
}

interface PasserOptions {
  readonly kind?: Kind;
  readonly address?: Address;
  /** Kills itself when it has passed on the first. */
  readonly die?: boolean;
  onConnection?(message: Readonly<Record<string, unknown>>): void;
}

async function startPasser(
  adapter: Adapter,
  runtime: Runtime,
  options: PasserOptions = {},
): Promise<Passer> {
  const socket = await bind(adapter, options.address ?? ANY_PORT);
  const waiting: Passed[] = [];
  let wake = Promise.withResolvers<void>();
  const child = start(adapter, childOn(runtime), {
    inherits: [socket],
    env: ([fd]) => ({
      NAME: runtime,
      LISTEN_ON: String(fd),
      PASS: options.kind ?? KINDS[runtime][0]!,
      ...(options.die && { DIE: "1" }),
    }),
    onConnection: (received, connection) => {
      const message = received as Record<string, unknown>;
      options.onConnection?.(message);
      waiting.push({ message, connection });
      wake.resolve();
    },
  });
  await child.message({ listening: true });
  return {
    child,
    address: socket.address,
    next: async () => {
      for (;;) {
        const first = waiting.shift();
        if (first !== undefined) return first;
        wake = Promise.withResolvers();
        await Promise.race([wake.promise, child.until(() => false)]);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await child[Symbol.asyncDispose]();
      socket.close();
      for (const { connection } of waiting) connection.close();
    },
  };
}
