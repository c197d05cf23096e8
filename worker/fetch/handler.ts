/**
 * What a program that answers `Request`s with `Response`s looks like.
 *
 * @module
 */

/** What is known of a request beside the request itself. */
export interface ServeInfo {
  /** The client's address; undefined on a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** The client's port; undefined on a Unix socket. */
  readonly remotePort: number | undefined;
}

/** Answers a request. */
export type FetchHandler = (
  request: Request,
  info: ServeInfo,
) => Response | Promise<Response>;

/** Answers a request whose handler threw. */
export type ErrorHandler = (error: unknown) => Response | Promise<Response>;
