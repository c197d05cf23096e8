/**
 * A worker with `Deno.serve` on an inherited socket.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test, type TestOptions } from "../harness.ts";
import { type Client, connect } from "./client.ts";
import {
  type FakeSupervisor,
  type FakeWorker,
  startSupervisor,
} from "./fake_supervisor.ts";

/** A request on a connection that stays. */
export const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** One worker. */
export interface Scene {
  readonly worker: FakeWorker;
  readonly port: number;
}

/** Defines a test with one worker. */
export function testOne(
  name: string,
  what: string,
  run: (scene: Scene) => Promise<void>,
  options: TestOptions = {},
): void {
  withSupervisor(name, async (supervisor) => {
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime: "deno",
      program: ["deno_serve_program.ts", what],
      listeners: [{ name: "web", port, sockets: [index] }],
    });
    await worker.until({ type: "ready" });
    await run({ worker, port });
  }, options);
}

/** Defines a test with a supervisor. */
export function withSupervisor(
  name: string,
  run: (supervisor: FakeSupervisor) => Promise<void>,
  options: TestOptions = {},
): void {
  const skip = process.platform !== "linux" && "grafting needs Linux";
  test(name, { skip, ...options }, async () => {
    await using supervisor = startSupervisor();
    await run(supervisor);
  });
}

/** That the worker drained and left. */
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

/** A connection that asked to become a WebSocket. */
export function upgraded(scene: Scene): Promise<Client> {
  return asking(
    scene,
    "/ws",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
  );
}
