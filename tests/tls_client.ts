/** A TLS client on Node, in a process of its own: the same one for each runner. */

import { type ChildProcess, spawn } from "node:child_process";
import { type Command, fixture, watch } from "./command.ts";
import { target } from "./http.ts";
import { binary, cleanEnv } from "./runtimes.ts";

/** What to ask. */
export interface TlsAsk {
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** The name to ask for by SNI. */
  readonly servername?: string;
  /** The protocols to offer by ALPN. */
  readonly alpn?: readonly string[];
  /** Bytes, hex, that go out in one piece with the first ones. */
  readonly head?: string;
  /** True for a connection without TLS. */
  readonly plain?: boolean;
  /** What to send, a GET request unless given. */
  readonly text?: string;
  /** A pattern of the whole answer; an HTTP response with JSON unless given. */
  readonly until?: string;
}

/** What was seen. */
export interface TlsAnswer {
  /** The serial number of the server's certificate. */
  readonly serial?: string;
  /** The protocol that the server chose; false without. */
  readonly alpn?: string | false;
  /** What came back. */
  readonly answer?: string;
  /** Why nothing came back. */
  readonly error?: string;
}

/** Asks once on a connection of its own. */
export async function askTls(ask: TlsAsk): Promise<TlsAnswer> {
  return (await askAll([ask]))[0]!;
}

/** The client that asks; it ends with this process. */
let asking: Started | undefined;
let last = 0;

/** Asks one after another, each on a connection of its own. */
export async function askAll(
  asks: readonly TlsAsk[],
): Promise<readonly TlsAnswer[]> {
  const { client, child } = asking ??= start("ask");
  const id = ++last;
  const plans = asks.map(({ address, ...plan }) => ({
    ...plan,
    target: target(address),
  }));
  const from = client.lines.length;
  child.stdin!.write(`${JSON.stringify({ id, plans })}\n`);
  const [, text] = await client.line(new RegExp(`^${id} (.*)$`), from);
  return JSON.parse(text!);
}

/** The JSON in an answer. */
export function bodyOf(
  { answer, error }: TlsAnswer,
): Record<string, unknown> {
  if (answer === undefined) throw new Error(`No answer: ${error}`);
  return JSON.parse(
    answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1),
  );
}

/** How load went. */
export interface TlsReport {
  readonly done: number;
  /** Requests on kept-alive connections among them. */
  readonly kept: number;
  readonly failed: readonly string[];
  /** Requests by the certificate's serial number. */
  readonly serials: Readonly<Record<string, number>>;
  /** Requests by worker. */
  readonly pids: Readonly<Record<string, number>>;
}

/** Loops that connect and ask until stopped. */
export async function tlsLoad(
  address: string,
  servernames: readonly string[],
  loops: number,
): Promise<AsyncDisposable & { stop(): Promise<TlsReport> }> {
  const plan = { target: target(address), servernames, loops };
  const { client, child } = start("load", JSON.stringify(plan));
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

interface Started {
  readonly client: Command;
  readonly child: ChildProcess;
}

function start(...args: readonly string[]): Started {
  const child = spawn(
    binary("node"),
    [fixture("tls_client.mjs"), ...args],
    { env: cleanEnv(), stdio: ["pipe", "pipe", "pipe"] },
  );
  return { client: watch(child), child };
}
