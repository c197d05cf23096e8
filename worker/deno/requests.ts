/**
 * The requests of `Deno.serve`: which are being answered, and how their
 * connections learn of a drain.
 *
 * @module
 */

import { endAtDrain } from "../drain/fetch_event_stream.ts";
import { type Closing, closing } from "../drain/closing.ts";
import { abort, makeAbortable } from "../drain/request_signal.ts";
import type { Rebalance } from "../process/balancing.ts";
import type { Requests } from "../graft/patience.ts";
import { peerOf } from "../graft/peer.ts";

/** A handler with what it is told of the connection. */
export type DenoHandler = Deno.ServeHandler<Deno.Addr>;

/** Answers a request whose handler threw. */
export type DenoErrorHandler = NonNullable<Deno.ServeOptions["onError"]>;

/** What is being answered by one server or several of the same handler. */
export interface DenoRequests extends Requests {
  /** Has a handler counted, and its responses end connections in the drain. */
  handler(handler: DenoHandler): DenoHandler;
  /** The same for what answers errors. */
  onError(handler: DenoErrorHandler): DenoErrorHandler;
  /** The client of a request that is being answered. */
  clientOf(request: Request): string | undefined;
  /** Has every response from now on say `Connection: close`. */
  close(): void;
  /** Has none say so any more. */
  open(): void;
}

/** One request that is being answered, in a ring: cheaper than a map. */
interface PendingRequest {
  readonly request: Request;
  readonly info: Deno.ServeHandlerInfo;
  previous: PendingRequest;
  next: PendingRequest;
  /** The client that was told that this is the last response. */
  told: string | undefined;
  /** The same, where only this connection ends. */
  moved: string | undefined;
}

/** Ends connections where the worker holds too many. */
export interface DenoMoves {
  /** How many may end now. */
  readonly by: Pick<Rebalance, "due">;
  /** True when the answer to a client is to be the last on its connection. */
  takes(client: string): boolean;
  /** It was sent. */
  end(client: string): void;
}

/**
 * Tracks requests.
 *
 * @param ending whether event streams have to end
 * @param shown the address that a Unix socket's clients are said to have
 * @param touch called with each request, if anything is
 * @param moves which answers are to be the last on their connection
 */
export function trackDenoRequests(
  ending: Closing,
  shown: Deno.UnixAddr | undefined,
  touch?: () => void,
  moves?: DenoMoves,
): DenoRequests {
  const ring = { told: undefined } as unknown as PendingRequest;
  ring.previous = ring.next = ring;
  const wasLast = new Set<string>();
  const hasStreams = new Set<string>();
  let count = 0;
  let draining = false;
  let lastEnd = -Infinity;

  const finish = (response: Response, entry?: PendingRequest): Response => {
    // What is no response is for Deno to complain about.
    if (!(response instanceof Response)) return response;
    // Deno aborts the signal as well, but when the answer was sent: a handler that
    // listens to it alone would go on writing into a stream that is cancelled.
    // Requests that were made of this one have Deno's own signal.
    const answer = endAtDrain(response, ending.signal, (reason) => {
      if (entry === undefined) return;
      abort(entry.request, reason);
      return entry.info.completed;
    });
    if (moves !== undefined && moves.by.due > 0 && entry !== undefined) {
      if (moveIt(answer, entry)) return closing(answer);
    }
    if (!draining || answer.status === 101) return answer;
    if (entry !== undefined) entry.told = clientAt(entry.info);
    return closing(answer);
  };
  const moveIt = (
    { status }: Response,
    entry: PendingRequest,
  ): boolean => {
    const client = clientAt(entry.info);
    // As for `hasStreams`: a response of HTTP/2 has no such header.
    if (client === undefined || !entry.request.headers.has("host")) {
      return false;
    }
    if (draining || status === 101 || !moves!.takes(client)) return false;
    entry.moved = client;
    return true;
  };
  const finished = (
    response: Response | Promise<Response>,
    entry?: PendingRequest,
  ): Response | Promise<Response> =>
    response instanceof Promise
      ? response.then((response) => finish(response, entry))
      : finish(response, entry);
  const look = ({ request, info }: PendingRequest): void => {
    const client = clientAt(info);
    // HTTP/1.1 cannot do without, and Deno 2.9.5 does not make one of
    // ":authority".
    if (client !== undefined && !request.headers.has("host")) {
      hasStreams.add(client);
    }
  };
  const begin = (
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): PendingRequest => {
    const { previous } = ring;
    const entry: PendingRequest = {
      request,
      info,
      previous,
      next: ring,
      told: undefined,
      moved: undefined,
    };
    previous.next = ring.previous = entry;
    count++;
    const end = (): void => {
      entry.previous.next = entry.next;
      entry.next.previous = entry.previous;
      count--;
      if (draining) ended(entry);
      if (entry.moved !== undefined) moves!.end(entry.moved);
    };
    // Settles when the last byte of the response was sent, or cannot be.
    info.completed.then(end, end);
    if (touch !== undefined) touch();
    if (draining) look(entry);
    return entry;
  };
  const ended = ({ told }: PendingRequest): void => {
    lastEnd = performance.now();
    if (told !== undefined) wasLast.add(told);
  };
  const pending = function* (): Generator<PendingRequest> {
    for (let entry = ring.next; entry !== ring; entry = entry.next) yield entry;
  };

  return {
    get count() {
      return count;
    },
    get lastEnd() {
      return lastEnd;
    },
    clients() {
      const clients = new Set<string>();
      for (const { info } of pending()) {
        const client = clientAt(info);
        if (client !== undefined) clients.add(client);
      }
      return clients;
    },
    clientOf(request) {
      for (const entry of pending()) {
        if (entry.request === request) return clientAt(entry.info) ?? NAMELESS;
      }
      return undefined;
    },
    wasLast: (client) => wasLast.has(client),
    hasStreams: (client) => hasStreams.has(client),
    close() {
      draining = true;
      for (const entry of pending()) look(entry);
    },
    open() {
      draining = false;
      wasLast.clear();
    },
    handler: (handler) => (request, info) => {
      const entry = begin(request, info);
      makeAbortable(request);
      return finished(
        handler(
          request,
          shown === undefined
            ? info
            : { remoteAddr: shown, completed: info.completed },
        ),
        entry,
      );
    },
    onError: (handler) => (error) => finished(handler(error)),
  };
}

/** The client of a Unix socket. */
const NAMELESS = "-";

function clientAt(info: Deno.ServeHandlerInfo): string | undefined {
  let addr: Deno.Addr;
  try {
    addr = info.remoteAddr;
  } catch {
    // It throws once the request was upgraded (Deno 2.9.5).
    return undefined;
  }
  return addr.transport === "tcp"
    ? peerOf(addr.hostname, addr.port)
    : undefined;
}
