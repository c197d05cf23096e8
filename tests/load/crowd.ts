/** A crowd of clients on kept-alive connections, in a process of its own. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fixture, watch } from "../command.ts";
import { target } from "../http.ts";
import { binary, cleanEnv } from "../runtimes.ts";

/** What a crowd has seen since it was made. */
export interface Crowd {
  /** How many are there that each worker has answered, by pid. */
  readonly open: Readonly<Record<string, number>>;
  /** How many have asked and wait. */
  readonly waiting: number;
  /** Who asked in vain, and from which port. */
  readonly failed: readonly { readonly port?: number; readonly why: string }[];
  /** Connections that ended between two questions. */
  readonly gone: number;
  /** Answers on one connection that came from different workers. */
  readonly moved: number;
  /** Bytes that came without a question. */
  readonly extra: number;
  /** The longest wait for an answer since the last action, in ms. */
  readonly slowest: number;
}

/** How clients come. */
export interface Arrival {
  /**
   * One by one: milliseconds from an answer to the next client, or ten times
   * what the answer took where that is longer, so that they make nobody busy.
   */
  readonly apart?: number;
  /** How many of them may wait for their first answer at once; all unless given. */
  readonly together?: number;
  /** What they ask for. */
  readonly url?: string;
}

/** Tells a crowd what to do. */
export interface Conductor extends AsyncDisposable {
  /** New clients ask once, and stay. Resolves once each has its answer. */
  come(count: number, how?: Arrival): Promise<Crowd>;
  /** All that are there ask once more. */
  ask(): Promise<Crowd>;
  /** Those leave that these workers have answered; all unless given. */
  leave(pids?: readonly number[]): Promise<Crowd>;
  /** How it stands at this moment. */
  look(): Promise<Crowd>;
}

/** Makes a crowd that goes to an address. */
export async function crowd(address: string): Promise<Conductor> {
  const { host, port, socketPath } = target(address);
  const to = socketPath === undefined ? { host, port } : { path: socketPath };
  const child = spawn(
    binary("node"),
    [fixture("crowd.mjs"), JSON.stringify(to)],
    { env: cleanEnv(), stdio: ["pipe", "pipe", "pipe"] },
  );
  const client = watch(child);
  await client.line(/^\{"id":0\}$/);
  let last = 0;
  const tell = async (message: Record<string, unknown>): Promise<Crowd> => {
    const id = ++last;
    const from = client.lines.length;
    child.stdin!.write(`${JSON.stringify({ id, ...message })}\n`);
    const [text] = await client.line(new RegExp(`^\\{"id":${id},.*$`), from);
    return JSON.parse(text);
  };
  return {
    come: (count, how = {}) => tell({ do: "come", count, ...how }),
    ask: () => tell({ do: "ask" }),
    leave: (pids) => tell({ do: "leave", pids }),
    look: () => tell({ do: "look" }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** How many are there that have been answered. */
export function size({ open }: Pick<Crowd, "open">): number {
  return Object.values(open).reduce((sum, count) => sum + count, 0);
}

/**
 * More clients come, one by one, until they are spread as evenly as that; fails
 * when they never are.
 */
export async function evenOut(
  clients: Conductor,
  workers: number,
  most: number,
): Promise<Crowd> {
  for (let times = 1;; times++) {
    const seen = await clients.come(40, { apart: 4 });
    if (isEven(seen, workers, most)) return seen;
    if (times === 50) assert.fail(JSON.stringify(seen.open));
  }
}

/**
 * True when the clients are spread over so many workers, the one with the most
 * having at most so many times what the one with the least has.
 */
function isEven({ open }: Crowd, workers: number, most: number): boolean {
  const counts = Object.values(open);
  return counts.length === workers &&
    Math.max(...counts) <= most * Math.min(...counts);
}

/** Everybody has an answer, and always of the same worker. */
export function assertWhole(seen: Crowd, count: number): void {
  const text = JSON.stringify(seen);
  assert.deepEqual(seen.failed, [], text);
  assert.deepEqual([seen.gone, seen.moved, seen.extra], [0, 0, 0], text);
  assert.equal(size(seen), count);
}
