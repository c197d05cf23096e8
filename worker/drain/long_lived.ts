/**
 * Long-lived connections, which would stay: found and ended in the drain.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { isCoded, isEventStream } from "./event_boundary.ts";
import type { Connections } from "./connections.ts";
import { headPatience } from "./head_patience.ts";
import { endPoll, isHangingPoll } from "./long_poll.ts";
import {
  fieldOf,
  type Outgoing,
  streamEndOf,
  writesCoded,
} from "./http_event_stream.ts";
import { Resumable } from "./resume.ts";
import { spreadOver } from "./spread.ts";
import { closePatience, type Handshake, sendGoingAway } from "./websocket.ts";

/** Ends what it is shown. Each thing may be shown to it again and again. */
export interface LongLived {
  /**
   * When the head of a request must have come, on the clock of
   * `performance.now()`.
   */
  readonly headsBy: number;
  /** A connection that was upgraded to a WebSocket. */
  webSocket(socket: Socket, handshake: Handshake): void;
  /** A response that is not over. */
  response(response: ServerResponse): void;
  /** A stream of HTTP/2. */
  stream(stream: ServerHttp2Stream): void;
  /** Nothing is left. */
  stop(): void;
}

/**
 * Spreads the ends of what it is shown over the window.
 *
 * @param window how long until the deadline, in ms
 */
function endLongLived(window: number): LongLived {
  const seen = new WeakSet<object>();
  const spread = spreadOver<() => void>([], window, (end) => end());
  const patience = closePatience(window);
  const isNew = (what: object): boolean =>
    !seen.has(what) && seen.add(what) !== undefined;
  const streaming = (outgoing: unknown, coded: boolean): void =>
    spread.add(streamEndOf(outgoing as Outgoing, coded).want);

  return {
    headsBy: performance.now() + headPatience(window),
    webSocket(socket, handshake) {
      if (!isNew(socket)) return;
      const end = (): void => {
        if (!sendGoingAway(socket, handshake, patience)) spread.add(end);
      };
      spread.add(end);
    },
    response(response) {
      if (seen.has(response)) return;
      if (isHangingPoll(response)) {
        seen.add(response);
        spread.add(() => endPoll(response));
      } else if (response.headersSent) {
        seen.add(response);
        if (isEventStream(fieldOf(response, "content-type"))) {
          streaming(response, writesCoded(response));
        }
      }
    },
    stream(stream) {
      if (!stream.headersSent || !isNew(stream)) return;
      const { sentHeaders } = stream;
      if (isEventStream(sentHeaders["content-type"])) {
        streaming(stream, isCoded(sentHeaders["content-encoding"]));
      }
    },
    stop: spread.stop,
  };
}

/** One drain of a server's connections. */
export interface ConnectionsDrain {
  /** How long an idle connection gets, in ms. */
  readonly idle: number;
  /** Has what is long-lived end, once there is a window. */
  longLived(): LongLived | undefined;
  /** True once it was taken back: nothing more is to be ended. */
  isOver(): boolean;
}

/**
 * Makes the drain of a server's connections. The first call begins it; the first
 * one with a window has what is long-lived end within it.
 *
 * @param begin resolves once no connection is left
 * @param reopen has the server treat connections as before
 */
export function drainOnce(
  begin: (drain: ConnectionsDrain) => Promise<void>,
  reopen: () => void,
): Pick<Connections, "drain" | "resume"> {
  let longLived: LongLived | undefined;
  let drained: Promise<void> | undefined;
  const ending = new Resumable();
  const end = (): void => {
    drained = undefined;
    longLived?.stop();
    longLived = undefined;
    reopen();
  };
  const run = async (idle: number): Promise<void> => {
    const ended = await ending.finish((isOver) =>
      begin({ idle, longLived: () => longLived, isOver })
    );
    if (ended) end();
  };
  return {
    drain(idle, window) {
      if (window !== Infinity) longLived ??= endLongLived(window);
      return drained ??= run(idle);
    },
    resume() {
      if (drained === undefined) return;
      ending.resume();
      end();
    },
  };
}
