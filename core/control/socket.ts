/**
 * What a runtime does so that a pool can be asked from outside: a part of the
 * seam in `core/adapter.ts`. What is said over it is in `docs/CONTROL.md`.
 *
 * @module
 */

import type { Connection } from "../adapter/connection.ts";

/** Where a pool can be asked. */
export type ControlPlace =
  /** At an absolute path. */
  | { readonly path: string }
  /**
   * Under a name, in a directory of this user; with the pid behind it where
   * another pool that is there has the same.
   */
  | { readonly name: string };

/** What somebody asks. */
export interface ControlRequest {
  /** The method of HTTP, as in `POST`. */
  readonly method: string;
  /** The path, as in `/v1/scale`. */
  readonly path: string;
  /** What stands behind the `?`. */
  readonly query: URLSearchParams;
  /** The header `Accept`, empty where there is none. */
  readonly accept: string;
}

/** The answer: a status of HTTP, and what becomes JSON. */
export interface ControlAnswer {
  /** As in 200. */
  readonly status: number;
  /** The whole body. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** An answer that is no JSON. */
export interface TextAnswer {
  /** As in 200. */
  readonly status: number;
  /** The whole body. */
  readonly text: string;
  /** Headers of HTTP by their names in lower case, `content-type` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Lines of text that come one after the other. */
export interface LineSource {
  /**
   * The next ones, each with its end; undefined after the last one. Of those
   * that do not come yet it waits for the first.
   */
  next(): Promise<string | undefined>;
  /** Called when the last one was sent, or nobody reads any more. */
  close(): void;
}

/** An answer that is text, and goes on for as long as lines come. */
export interface StreamAnswer {
  /** As in 200. */
  readonly status: number;
  /** Its lines. */
  readonly lines: LineSource;
}

/** Answers whoever asks; never rejects. */
export type Answer = (
  request: ControlRequest,
) => Promise<ControlAnswer | TextAnswer | StreamAnswer>;

/** Whoever comes over connections that were accepted elsewhere is answered. */
export interface Answering extends Disposable {
  /** Answers one request of a client, and closes the connection. */
  take(connection: Connection): void;
}

/** A socket at which a pool is asked. */
export interface ControlSocket {
  /** Its absolute path. */
  readonly path: string;
  /**
   * Lets nobody ask any more, and removes the path if it is still its own; who
   * waits for an answer gets it.
   */
  close(): void;
}
