/**
 * The WebSockets of `Deno.serve`: kept so that a drain can end them one after
 * the other.
 *
 * @module
 */

import { type Spread, spreadOver } from "../drain/spread.ts";

/** The open WebSockets of one server. */
export interface DenoWebSockets {
  /** How many are open. */
  readonly count: number;
  /** Their clients. */
  clients(): readonly string[];
  /** Keeps one. */
  add(socket: WebSocket, client: string): void;
  /** Closes all of them with 1001 "going away", spread over the time, in ms. */
  end(window: number): void;
}

/** "Going away", as a server does (RFC 6455 §7.4.1). */
const GOING_AWAY = 1001;

/** How long a client may take to answer a Close frame, in ms. */
const ANSWER_MS = 5000;

/** The part of the window that is left for the answers to Close frames. */
const FOR_ANSWERS = 0.15;

/** Keeps the WebSockets of one server. */
export function keepDenoWebSockets(): DenoWebSockets {
  const open = new Map<WebSocket, string>();
  let spread: Spread<WebSocket> | undefined;

  const forget = (socket: WebSocket): void => {
    open.delete(socket);
    spread?.delete(socket);
  };
  return {
    get count() {
      return open.size;
    },
    clients: () => [...open.values()],
    add(socket, client) {
      open.set(socket, client);
      socket.addEventListener("close", () => forget(socket));
      spread?.add(socket);
    },
    end(window) {
      if (spread !== undefined) return;
      const patience = Math.min(ANSWER_MS, window * FOR_ANSWERS);
      spread = spreadOver(open.keys(), window, (socket) => {
        sayGoingAway(socket);
        setTimeout(() => forget(socket), patience);
      });
    },
  };
}

function sayGoingAway(socket: WebSocket): void {
  // The handshake may not be over yet, in which close() sends nothing.
  if (socket.readyState === WebSocket.CONNECTING) {
    socket.addEventListener("open", () => socket.close(GOING_AWAY));
  } else socket.close(GOING_AWAY);
}

/** Finds who keeps the WebSocket of a request. */
export type Keeper = (
  request: Request,
) => ((socket: WebSocket) => void) | undefined;

const keepers = new Set<Keeper>();
let original: typeof Deno.upgradeWebSocket | undefined;

/**
 * Has WebSockets made by `Deno.upgradeWebSocket` kept by those whose requests
 * they come from. The first call replaces the function; a program that took it
 * out of `Deno` before keeps the runtime's own.
 *
 * @returns what ends this
 */
export function keepUpgrades(keeper: Keeper): () => void {
  keepers.add(keeper);
  if (original === undefined) replaceUpgrade();
  return () => void keepers.delete(keeper);
}

function replaceUpgrade(): void {
  const upgrade = original = Deno.upgradeWebSocket;
  Deno.upgradeWebSocket = (request, options) => {
    // Before, since an upgraded request has no client any more (Deno 2.9.5).
    const keeps = [...keepers].map((each) => each(request));
    const result = upgrade(request, options);
    for (const keep of keeps) keep?.(result.socket);
    return result;
  };
}
