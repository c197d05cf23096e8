/**
 * A plain HTTP client, on one connection per request unless told otherwise; it
 * never retries.
 */

import { type Agent, request, type RequestOptions } from "node:http";
import { patience } from "./pace.ts";

/** Where a request goes: `host:port`, or `unix:/path`. */
export function target(address: string): RequestOptions {
  if (address.startsWith("unix:@")) {
    return { socketPath: `\0${address.slice(6)}` };
  }
  if (address.startsWith("unix:")) return { socketPath: address.slice(5) };
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return {
    host: host === "::" ? "127.0.0.1" : host,
    port: address.slice(colon + 1),
  };
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Waits until nobody accepts at an address: orphans leave on their own. */
export async function unanswered(address: string): Promise<void> {
  const answers = (): Promise<boolean> =>
    get(address).then(() => true, () => false);
  while (await answers()) await new Promise((go) => setTimeout(go, 10));
}

/** Asks once, on a connection of its own or on one that an agent keeps. */
export function get(
  address: string,
  path = "/",
  agent: Agent | false = false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ ...target(address), path, agent }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => body += chunk);
      response.on("end", () => resolve({ status: response.statusCode!, body }));
      response.on("error", reject);
    }).on("error", reject).end();
  });
}

/** Asks until so many different answers were seen; fails after 10 s without. */
export async function distinct(
  address: string,
  count: number,
  path = "/",
): Promise<Set<string>> {
  const bodies = new Set<string>();
  // By time: a busy machine may leave a worker none for hundreds of requests.
  const until = performance.now() + patience(10_000);
  while (bodies.size < count && performance.now() < until) {
    // Several at once, since one worker alone may be quick enough for a row of
    // single requests.
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => get(address, path)),
    );
    for (const { body } of answers) bodies.add(body);
  }
  if (bodies.size < count) {
    throw new Error(
      `Only ${bodies.size} of ${count} answers: ${[...bodies].join(", ")}`,
    );
  }
  return bodies;
}
