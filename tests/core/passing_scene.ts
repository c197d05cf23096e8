/** What the tests of passing on share: workers with a score, connections. */
import assert from "node:assert/strict";
import type { MemoryProcess } from "../../adapters/memory.ts";
import type { SharedFile } from "../../core/adapter.ts";
import { decodeInheritance } from "../../core/launch/environment.ts";
import { encode } from "../../core/protocol.ts";
import {
  encodeRow,
  ROW_BYTES,
  type ScoreboardRow,
} from "../../core/balance/scoreboard.ts";
import { rowOf } from "./rows.ts";
import { type Conn, conn } from "./backends.ts";

/** The name of the only listener of the pools of these tests. */
export const WEB = "127.0.0.1:8080";

/** A worker writes its row: by default it serves, takes and is idle. */
export function score(
  process: MemoryProcess,
  row: Partial<ScoreboardRow> = {},
): void {
  const { seat } = decodeInheritance(process.env)!.seat!;
  const file = process.plan.inherits.at(-1) as SharedFile;
  file.write(
    encodeRow(rowOf(row)),
    seat * ROW_BYTES,
  );
}

/** A worker passes a connection on, and keeps its own copy. */
export function pass(
  process: MemoryProcess,
  id: number,
  listener: string = WEB,
): Conn {
  const connection = conn(id);
  process.plan.onConnection(encode({ type: "pass", id, listener }), connection);
  return connection;
}

const told = new WeakMap<MemoryProcess, number>();

/** A worker reads everything that it was told, and says so. */
export function hear(process: MemoryProcess): void {
  const count = process.heard.length - (told.get(process) ?? 0);
  told.set(process, process.heard.length);
  if (count > 0) process.say({ type: "heard", count });
}

/** How often a worker was asked whether it is awake. */
export function wakes(process: MemoryProcess): number {
  return of(process, "wake").length;
}

/** The connections for which a worker was told that there is room. */
export function rooms(process: MemoryProcess): readonly number[] {
  return of(process, "room").map(({ id }) => id as number);
}

/** The connections that a worker was sent, by their number. */
export function got(process: MemoryProcess): readonly number[] {
  return process.received.map(({ connection }) => (connection as Conn).number);
}

/** A worker's runtime confirms the last connection, or says it has none. */
export function settleLast(process: MemoryProcess, taken = true): void {
  const last = process.received.at(-1);
  assert.ok(last !== undefined, "it was sent no connection");
  last.settle(taken);
}

function of(process: MemoryProcess, type: string): Record<string, unknown>[] {
  return (process.heard as Record<string, unknown>[]).filter((message) =>
    message["type"] === type
  );
}
