/**
 * The program's handlers, wrapped so that a drain can reach what they do.
 *
 * @module
 */

import { isEventStream } from "../drain/event_boundary.ts";
import { endAtDrain } from "../drain/fetch_event_stream.ts";
import type { Rebalance } from "../process/balancing.ts";
import type {
  AnyHandler,
  BunAnswer,
  BunServeOptions,
  BunServer,
  BunWebSocket,
} from "./types.ts";
import { type Closing, closing } from "../drain/closing.ts";
import { abort, makeAbortable } from "../drain/request_signal.ts";

/** What the handlers of all servers on one listener share. */
export interface Handling {
  /** Whether its connections are being ended. */
  readonly closing: Closing;
  /** The open websockets, and when they were opened. */
  readonly websockets: Map<BunWebSocket, number>;
  /** Called with each websocket that opens during the drain. */
  lateWebSocket(socket: BunWebSocket): void;
  /** Called with each request, if anything is. */
  readonly touch: (() => void) | undefined;
  /** Which answers are to be the last on their connection, if any may be. */
  readonly moves: BunMoves | undefined;
}

/** Ends connections where the worker holds too many. */
export interface BunMoves {
  /** How many may end now. */
  readonly by: Pick<Rebalance, "due">;
  /** True when the answer to a request is to be the last on its connection. */
  takes(request: Request, server: BunServer): boolean;
}

/** Wraps one server's handlers; `seen` is told of each request. */
export type Wrap = (handler: AnyHandler) => AnyHandler;

/**
 * The options with every handler wrapped. They inherit from the program's own,
 * which may be an object of a class.
 */
export function wrapped(
  options: BunServeOptions,
  handling: Handling,
  wrapRequest: Wrap,
): BunServeOptions {
  const own: Record<string, PropertyDescriptor> = {};
  const set = (name: string, value: unknown): void => {
    own[name] = { value, enumerable: true, writable: true, configurable: true };
  };
  const { closing: ending, touch, moves } = handling;
  const answer = answering(ending, touch, moves, true);
  const answerError = answering(ending, undefined, undefined, false);
  const onRequest = (handler: AnyHandler): AnyHandler =>
    answer(wrapRequest(handler));
  if (isHandler(options.fetch)) set("fetch", onRequest(options.fetch));
  if (isHandler(options.error)) set("error", answerError(options.error));
  for (const name of ["routes", "static"] as const) {
    if (options[name] !== undefined) {
      set(name, routes(options[name], onRequest, ending));
    }
  }
  if (isObject(options.websocket)) {
    set("websocket", websocket(options.websocket, handling));
  }
  return Object.create(options, own) as BunServeOptions;
}

/** True when there is a route that no handler answers. */
export function hasFixedRoutes(
  { routes, static: old }: BunServeOptions,
): boolean {
  const fixed = (value: unknown): boolean =>
    value instanceof Response ||
    (isObject(value) && isPlain(value) && Object.values(value).some(fixed));
  return fixed(routes) || fixed(old);
}

/**
 * Ends event streams and connections when the drain has begun. What it does
 * runs for each request, so it asks for as little as it can: a property that
 * only a response has, instead of two classes; a member of ours, instead of a
 * getter of the runtime's.
 *
 * @param ofRequests true when the handlers are given requests, false for errors
 */
function answering(
  ending: Closing,
  touch: (() => void) | undefined,
  moves: BunMoves | undefined,
  ofRequests: boolean,
): Wrap {
  const finish = (
    answer: Response,
    headers: Headers,
    input: unknown,
  ): Response => {
    const response = isStreaming(headers)
      ? endAtDrain(answer, ending.signal, (reason) => {
        if (ofRequests) abort(input as Request, reason);
      })
      : answer;
    return ending.active ? closing(response) : response;
  };
  const later = (answer: BunAnswer, input: unknown): BunAnswer =>
    answer instanceof Response ? finish(answer, answer.headers, input) : answer;
  /** The same where the connection may have to end. */
  const last = (
    handler: AnyHandler,
    self: BunServer,
    request: Request,
    server: BunServer,
  ): BunAnswer => {
    const end = (answer: BunAnswer): BunAnswer => {
      const finished = later(answer, request);
      return finished instanceof Response && moves!.takes(request, server)
        ? closing(finished)
        : finished;
    };
    const answer = handler.call(self, request, server);
    return answer instanceof Promise ? answer.then(end) : end(answer);
  };
  return (handler) =>
    // Two arguments by name, for the same reason.
    function (input, server) {
      if (touch !== undefined) touch();
      if (ofRequests) makeAbortable(input as Request);
      if (moves !== undefined && moves.by.due > 0) {
        return last(handler, this, input as Request, server as BunServer);
      }
      const answer = handler.call(this, input, server);
      const headers = (answer as Partial<Response> | undefined)?.headers;
      if (headers === undefined) {
        return answer instanceof Promise
          ? answer.then((each) => later(each, input))
          : answer;
      }
      return ending.active || isStreaming(headers)
        ? finish(answer as Response, headers, input)
        : answer;
    };
}

const isStreaming = (headers: Headers): boolean =>
  isEventStream(headers.get("content-type"));

function routes(value: unknown, onRequest: Wrap, ending: Closing): unknown {
  // Bun ignores an array, which a Hono app as the options has there (1.4.4).
  if (!isObject(value) || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([path, route]) => [
      path,
      isPlain(route)
        ? Object.fromEntries(
          Object.entries(route).map((
            [method, each],
          ) => [method, oneRoute(each, onRequest, ending)]),
        )
        : oneRoute(route, onRequest, ending),
    ]),
  );
}

function oneRoute(
  route: unknown,
  onRequest: Wrap,
  ending: Closing,
): unknown {
  if (isHandler(route)) return onRequest(route);
  // Bun answers with it itself, so what it says must be said beforehand.
  return ending.active && route instanceof Response
    ? closing(route.clone())
    : route;
}

function websocket(handlers: object, handling: Handling): object {
  const { open, close } = handlers as Record<"open" | "close", unknown>;
  return Object.create(handlers, {
    open: {
      enumerable: true,
      value(this: unknown, socket: BunWebSocket, ...rest: unknown[]): unknown {
        handling.websockets.set(socket, performance.now());
        if (handling.closing.active) handling.lateWebSocket(socket);
        return isHandler(open)
          ? Reflect.apply(open, this, [socket, ...rest])
          : undefined;
      },
    },
    close: {
      enumerable: true,
      value(this: unknown, socket: BunWebSocket, ...rest: unknown[]): unknown {
        handling.websockets.delete(socket);
        return isHandler(close)
          ? Reflect.apply(close, this, [socket, ...rest])
          : undefined;
      },
    },
  });
}

function isHandler(value: unknown): value is AnyHandler {
  return typeof value === "function";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** True for an object that holds one route for each method. */
function isPlain(value: unknown): value is object {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
