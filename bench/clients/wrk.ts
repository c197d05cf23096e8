/**
 * The load generator wrk: one thread, some connections, as fast as it can.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { CLIENT_CPU, outputOf } from "./taskset.ts";

/** What wrk counted. */
export interface Load {
  /** Answered requests. */
  readonly requests: number;
  /** Answered requests per second. */
  readonly rate: number;
  /** Connections that failed, were cut or timed out, and statuses over 399. */
  readonly errors: number;
}

/** How wrk is to load a server. */
export interface LoadPlan {
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** How long, in seconds. */
  readonly seconds: number;
  /** How many connections at a time. */
  readonly connections: number;
  /** True for a new connection per request: asks with `Connection: close`. */
  readonly close: boolean;
  /** What to send, unless it is a GET without a body. */
  readonly post?: Post | undefined;
}

/** A POST. */
export interface Post {
  /** The length of its body, in bytes. */
  readonly bytes: number;
  /** How many header fields it has that say nothing. */
  readonly fields: number;
}

const POST = fileURLToPath(new URL("post.lua", import.meta.url));

/** Loads a server. */
export async function wrk(plan: LoadPlan): Promise<Load> {
  const { port, seconds, connections, close, post } = plan;
  const output = await outputOf(
    CLIENT_CPU,
    [
      ...["wrk", "-t1", `-c${connections}`, `-d${seconds}s`],
      ...(close ? ["-H", "Connection: close"] : []),
      ...(post === undefined ? [] : ["-s", POST]),
      `http://127.0.0.1:${port}/`,
      ...(post === undefined ? [] : [`${post.bytes}`, `${post.fields}`]),
    ],
    (seconds + 10) * 1000,
  );
  return parse(output);
}

function parse(output: string): Load {
  const requests = /(\d+) requests in/.exec(output)?.[1];
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1];
  if (requests === undefined || rate === undefined) {
    throw new Error(`Cannot read what wrk says: ${output.trim()}`);
  }
  const sockets = /Socket errors: (.*)/.exec(output)?.[1] ?? "";
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1];
  const counts = [...sockets.matchAll(/\d+/g)].map(Number);
  const errors = [...counts, Number(statuses ?? 0)].reduce((a, b) => a + b, 0);
  return { requests: Number(requests), rate: Number(rate), errors };
}
