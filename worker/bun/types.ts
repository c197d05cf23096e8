/**
 * What is used of `Bun.serve`, described here because Bun's own types would
 * leak into every file. Seen on Bun 1.4.4.
 *
 * @module
 */

/** What a handler of the program gives back. */
export type BunAnswer = unknown;

/** A handler of the program: of requests, of a route, of errors. */
export type AnyHandler = (
  this: BunServer,
  ...args: readonly unknown[]
) => BunAnswer;

/** A websocket of the server. */
export interface BunWebSocket {
  /** Closes it with a status code of RFC 6455 §7.4. */
  close(code?: number, reason?: string): void;
}

/** The options of `Bun.serve`, as far as they are looked at. */
export interface BunServeOptions {
  /** Answers requests that no route answers. */
  readonly fetch?: unknown;
  /** Answers requests by their path. */
  readonly routes?: unknown;
  /** The older name of `routes`. */
  readonly static?: unknown;
  /** Answers a request whose handler threw. */
  readonly error?: unknown;
  /** Handles websockets. */
  readonly websocket?: unknown;
  /** The interface to listen on. */
  readonly hostname?: unknown;
  /** The port to listen on. */
  readonly port?: unknown;
  /** The path of a Unix socket to listen on. */
  readonly unix?: unknown;
  /** True to share the port by SO_REUSEPORT. */
  readonly reusePort?: unknown;
  /** True to speak HTTP/2 as well. */
  readonly http2?: unknown;
  /** True to listen for HTTP/3 as well, on a UDP port. */
  readonly http3?: unknown;
}

/** A server of `Bun.serve`. */
export interface BunServer {
  /** The port; undefined on a Unix socket. */
  readonly port?: number | undefined;
  /** The host; undefined on a Unix socket. */
  readonly hostname?: string | undefined;
  /** "http", "https", or null on a Unix socket. */
  readonly protocol: string | null;
  /** Requests that have not been answered completely. */
  readonly pendingRequests: number;
  /** Open websockets. */
  readonly pendingWebSockets: number;
  /** Stops; with true at once. */
  stop(closeActiveConnections?: boolean): Promise<void>;
  /** Closes connections that are between two requests. */
  closeIdleConnections?(): number;
  /** Replaces the handlers. */
  reload(options: BunServeOptions): BunServer;
  /** Turns a request into a websocket. */
  upgrade(request: Request, options?: unknown): boolean;
  /** The client of a request. */
  requestIP(request: Request): { address: string; port: number } | null;
  /** Gives one request another idle timeout, in seconds. */
  timeout(request: Request, seconds: number): void;
  /** Sends a message to the subscribers of a topic. */
  publish(topic: string, data: unknown, compress?: boolean): number;
  /** How many websockets have subscribed to a topic. */
  subscriberCount(topic: string): number;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
}

/** `Bun.serve` itself. */
export type BunServe = (options: BunServeOptions) => BunServer;
