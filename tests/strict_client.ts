/** Load from a client that never retries, in a process of its own on Node. */

import { spawn } from "node:child_process";
import { binary, cleanEnv } from "./runtimes.ts";
import { fixture, watch } from "./command.ts";

/** What a loop of the client does over and over. */
export type LoadKind =
  | "connect"
  | "keepalive"
  // Three requests at once, again and again on one connection.
  | "pipeline"
  // A head in two pieces.
  | "half"
  | "upload"
  | "echo"
  // Of frameworks/sessions.mjs.
  | "ask"
  | "http2"
  | "http2-stays"
  | "websocket"
  | "websocket-stays"
  | "socket.io"
  | "socket.io-stays";

/** One kind of load on one address. */
export interface Load {
  readonly kind: LoadKind;
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** How many loops at once. */
  readonly loops: number;
  /** True for TLS, whatever the certificate. */
  readonly tls?: boolean | undefined;
  /**
   * Milliseconds between two rounds of a loop, and between two requests of a
   * connection that is kept; 50 unless given.
   */
  readonly pause?: number;
  /** After how many silent ms a request counts as lost; never unless given. */
  readonly patience?: number;
}

/** What the client saw. */
export interface LoadReport {
  /** Completed requests by kind. */
  readonly done: Readonly<Partial<Record<LoadKind, number>>>;
  /** Requests on a new connection without a complete answer. */
  readonly failed: readonly string[];
  /** Kept-alive connections that ended unannounced. */
  readonly cut: readonly string[];
  /** How many of each kind there were, where there are: the lists are short. */
  readonly failedCount?: number;
  readonly cutCount?: number;
  /** How often each answer was seen. */
  readonly bodies: Readonly<Record<string, number>>;
  /** Kept-alive connections whose end the server announced. */
  readonly closes: number;
}

/** Running load. */
export interface RunningLoad extends AsyncDisposable {
  /** Says what the client saw since the last time, and goes on. */
  take(): Promise<LoadReport>;
  /** Ends it and says what the client saw. */
  stop(): Promise<LoadReport>;
}

/**
 * Puts load on a pool.
 *
 * @param kinds the URL of a module that has more kinds
 * @param command what runs the client, instead of Node here: in a container
 */
export async function load(
  loads: readonly Load[],
  kinds?: string,
  command: readonly string[] = [binary("node"), fixture("strict_client.mjs")],
): Promise<RunningLoad> {
  const [file, ...args] = command;
  const child = spawn(file!, [
    ...args,
    JSON.stringify({ loads: loads.map(expand), kinds }),
  ], { env: cleanEnv(), stdio: ["pipe", "pipe", "pipe"] });
  const client = watch(child);
  await client.line(/^started$/);
  const tell = async (what: string): Promise<LoadReport> => {
    const from = client.lines.length;
    child.stdin!.write(`${what}\n`);
    const [text] = await client.line(/^\{.*\}$/, from);
    return JSON.parse(text);
  };
  return {
    take: () => tell("take"),
    async stop() {
      const report = await tell("stop");
      await client.ended;
      return report;
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
