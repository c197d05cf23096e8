/**
 * A response that says `Connection: close` (RFC 9112 §9.6), whatever else the
 * program has it say of its connection: reverse proxies pass on the fields of
 * the answer that they were given, `Connection: keep-alive` among them.
 *
 * @module
 */

import type { ServerResponse } from "node:http";

/** What is used of a response. */
type Head = Pick<ServerResponse, "setHeader" | "removeHeader" | "writeHead">;

/** Fields that are about the connection that an answer comes on. */
const OF_CONNECTION = /^(?:connection|keep-alive)$/i;

/** It has become a connection of something else (RFC 9110 §15.2.2). */
const SWITCHING_PROTOCOLS = 101;

/** Has a response be the last one until that is taken back. */
export class LastResponses {
  readonly #last = new WeakSet<Head>();
  readonly #watched = new WeakSet<Head>();

  /** True for one that says so. */
  has(response: Head): boolean {
    return this.#last.has(response);
  }

  /** From now on it says so. */
  add(response: Head): void {
    if (!this.#watched.has(response)) {
      this.#watched.add(response);
      this.#watch(response);
    }
    response.removeHeader("Keep-Alive");
    response.setHeader("Connection", "close");
    this.#last.add(response);
  }

  /** It says nothing of it again. */
  delete(response: Head): void {
    this.#last.delete(response);
    response.removeHeader("Connection");
  }

  #watch(response: Head): void {
    // Not from the prototype: a middleware may sit on the object too.
    const setHeader = response.setHeader.bind(response);
    const writeHead = response.writeHead.bind(response) as (
      ...given: unknown[]
    ) => typeof response;
    response.setHeader = (name, value) =>
      this.has(response) && OF_CONNECTION.test(name)
        ? response as ServerResponse
        : setHeader(name, value);
    response.writeHead = (...given: unknown[]) => {
      if (!this.has(response) || given[0] === SWITCHING_PROTOCOLS) {
        return writeHead(...given) as ServerResponse;
      }
      // It may have been removed.
      setHeader("Connection", "close");
      return writeHead(...given.map(withoutConnection)) as ServerResponse;
    };
  }
}

/** Fields, in any form that `writeHead()` takes, without those. */
function withoutConnection(given: unknown): unknown {
  if (typeof given !== "object" || given === null) return given;
  if (!Array.isArray(given)) {
    return Object.fromEntries(
      Object.entries(given).filter(([name]) => !OF_CONNECTION.test(name)),
    );
  }
  // Pairs, or name, value, name, value ..
  return Array.isArray(given[0])
    ? given.filter(([name]) => !OF_CONNECTION.test(String(name)))
    : given.filter((_, at) => !OF_CONNECTION.test(String(given[at - at % 2])));
}
