/** Load from a client that never retries, in a process of its own on Node. */

import { spawn } from "node:child_process";
import { binary, cleanEnv } from "./runtimes.ts";
import { fixture, watch } from "./command.ts";

/** What a loop of the client does over and over. */
export type LoadKind = "connect" | "keepalive" | "upload" | "echo";

/** One kind of load on one address. */
export interface Load {
  readonly kind: LoadKind;
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** How many loops at once. */
  readonly loops: number;
  /** Milliseconds between two rounds of a loop; 1 unless given. */
  readonly pause?: number;
}

/** What the client saw. */
export interface LoadReport {
  /** Completed requests by kind. */
  readonly done: Readonly<Partial<Record<LoadKind, number>>>;
  /** Requests on a new connection without a complete answer. */
  readonly failed: readonly string[];
  /** Kept-alive connections that ended unannounced. */
  readonly cut: readonly string[];
  /** How often each answer was seen. */
  readonly bodies: Readonly<Record<string, number>>;
  /** Kept-alive connections whose end the server announced. */
  readonly closes: number;
}

/** Running load. */
export interface RunningLoad extends AsyncDisposable {
  /** Ends it and says what the client saw. */
  stop(): Promise<LoadReport>;
}

/** Puts load on a pool. */
export async function load(loads: readonly Load[]): Promise<RunningLoad> {
  const child = spawn(binary("node"), [
    fixture("strict_client.mjs"),
    JSON.stringify({ loads: loads.map(expand) }),
  ], { env: cleanEnv(), stdio: ["pipe", "pipe", "pipe"] });
  const client = watch(child);
  await client.line(/^started$/);
  return {
    async stop() {
      child.stdin!.write("stop\n");
      const [text] = await client.line(/^\{.*\}$/);
      await client.ended;
      return JSON.parse(text);
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

function expand({ address, ...rest }: Load): Record<string, unknown> {
  if (address.startsWith("unix:")) return { ...rest, path: address.slice(5) };
  const colon = address.lastIndexOf(":");
  return {
    ...rest,
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
  };
}
