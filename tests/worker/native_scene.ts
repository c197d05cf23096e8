/**
 * A worker with its runtime's own server on an inherited socket.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { WebSocket } from "ws";
import { test, type TestOptions } from "../harness.ts";
import { patience } from "../pace.ts";
import { type Client, connect, get, upgrade } from "./client.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type FakeWorker,
  startSupervisor,
} from "./fake_supervisor.ts";

/** A request. */
export const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** One worker. */
export interface Scene {
  readonly worker: FakeWorker;
  readonly port: number;
}

/** Defines tests of one runtime's own server. */
export interface NativeTests {
  /** Defines a test with one worker. */
  testOne(
    name: string,
    what: string,
    run: (scene: Scene) => Promise<void>,
    options?: TestOptions,
  ): void;
  /** Defines a test with a supervisor. */
  withSupervisor(
    name: string,
    run: (supervisor: FakeSupervisor) => Promise<void>,
    options?: TestOptions,
  ): void;
}

/** The tests of Bun.serve or of Deno.serve. */
export function testsOf(runtime: "bun" | "deno"): NativeTests {
  const server = runtime === "bun" ? "Bun.serve" : "Deno.serve";
  const withSupervisor: NativeTests["withSupervisor"] = (
    name,
    run,
    options = {},
  ) => {
    const skip = process.platform !== "linux" && "grafting needs Linux";
    test(`${server}: ${name}`, { skip, ...options }, async () => {
      await using supervisor = startSupervisor();
      await run(supervisor);
    });
  };
  return {
    withSupervisor,
    testOne(name, what, run, options = {}) {
      withSupervisor(name, async (supervisor) => {
        const { index, port } = await supervisor.bind();
        const worker = await supervisor.spawn({
          runtime,
          program: [`${runtime}_serve_program.ts`, what],
          listeners: [{ name: "web", port, sockets: [index] }],
        });
        await worker.until({ type: "ready" });
        await run({ worker, port });
      }, options);
    },
  };
}

/** Defines what both runtimes do with heads that are never finished. */
export function addHeadTests({ testOne }: NativeTests): void {
  testOne("half a head hears 408 in time", "", async ({ worker, port }) => {
    const half = await connect(port);
    half.send("GET / HTTP/1.1\r\nHost:");
    const second = await kept(port);
    // After the kernel's clock has ticked, so that it is not taken for the end
    // of the request before.
    await new Promise((resolve) => setTimeout(resolve, 50));
    second.send("GET / HTTP/1.1\r\nHost:");
    await get(port);
    await worker.send(drainMessage(patience(2000), 50));
    for (const client of [half, second]) {
      assert.equal(await client.ended, "end");
      assert.match(
        client.text(),
        /HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n.*\r\n\r\n$/,
      );
    }
    await left(worker);
  });
  testOne("half a handshake is ended in time", "tls", async (scene) => {
    const { worker, port } = scene;
    const half = await connect(port);
    half.send("\x16\x03\x01");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await worker.send(drainMessage(patience(1000), 50));
    await half.ended;
    assert.equal(half.text(), "");
    await left(worker);
  });
}

/** Defines what clients of a WebSocket see that are busy when a drain begins. */
export function addWebSocketTests({ testOne }: NativeTests): void {
  testOne("WebSockets that are never silent hear 1001", "", async (scene) => {
    const { worker, port } = scene;
    const clients = Array.from(
      { length: 24 },
      () => new WebSocket(`ws://127.0.0.1:${port}/ws`),
    );
    await Promise.all(clients.map((client) => once(client, "open")));
    for (const client of clients) {
      client.on("message", () => client.send("hi"));
      client.send("hi");
    }
    await Promise.all(clients.map((client) => once(client, "message")));
    const closed = Promise.all(clients.map((client) => once(client, "close")));
    await worker.send(drainMessage(10_000, 100));
    const codes = (await closed).map(([code]) => code);
    assert.deepEqual(codes, codes.map(() => 1001));
    await left(worker);
  });
  testOne(
    "a client that sends on and never answers the Close does not hold the drain",
    "",
    async (scene) => {
      const { worker } = scene;
      const client = await upgraded(scene);
      const sending = setInterval(() => client.send(HI), 5);
      await worker.send(drainMessage(patience(3000), 50));
      await client.until(GOING_AWAY);
      await client.ended;
      clearInterval(sending);
      await left(worker);
    },
  );
}

/** The worker ends by itself and content. */
export async function left(worker: FakeWorker): Promise<void> {
  const { code, signal } = await worker.exited;
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
}

/** A connection on which something was asked that is not answered yet. */
export async function asking(
  { worker, port }: Scene,
  path: string,
  more = "",
): Promise<Client> {
  const client = await connect(port);
  client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`);
  await worker.until({ request: path });
  return client;
}

/** A connection that had its first answer. */
export async function kept(port: number): Promise<Client> {
  const client = await connect(port);
  client.send(GET);
  assert.doesNotMatch(await client.until(/\d+$/), /connection: close/i);
  return client;
}

/** The body of an answer. */
export const bodyOf = (answer: string): string =>
  answer.split("\r\n\r\n")[1] ?? "";

/** A WebSocket. */
export async function upgraded({ port }: Pick<Scene, "port">): Promise<Client> {
  const client = await upgrade(port, "/ws");
  await client.until(/^HTTP\/1.1 101 .*\r\n\r\n/s);
  return client;
}

/** The message "hi" of a client (RFC 6455 §5.2). */
export const HI: Uint8Array = new Uint8Array([
  0x81,
  0x82,
  0,
  0,
  0,
  0,
  104,
  105,
]);
/** A Close frame of a server with 1001, and of a client (RFC 6455 §5.5.1). */
export const GOING_AWAY: RegExp = new RegExp(
  String.fromCharCode(0x88, 0x02, 0x03, 0xe9),
);
export const CLIENT_CLOSE: Uint8Array = new Uint8Array([
  0x88,
  0x82,
  0,
  0,
  0,
  0,
  3,
  0xe9,
]);
