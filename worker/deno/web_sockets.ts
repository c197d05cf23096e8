/**
 * The WebSockets of `Deno.serve`: kept so that a drain can end them one after
 * the other. They come from a function of their own, not from the server: Bun's
 * are known by its handlers (`bun/requests.ts`).
 *
 * @module
 */

import { type Spread, spreadOver } from "../drain/spread.ts";
import {
  CLOSE_ANSWER_MS,
  closePatience,
  GOING_AWAY,
} from "../drain/websocket.ts";

/** The open WebSockets of one server. */
export interface DenoWebSockets {
  /** How many are open. */
  readonly count: number;
  /** Their clients. */
  clients(): readonly string[];
  /** They, and when they were opened. */
  since(): Iterable<readonly [WebSocket, number]>;
  /** Keeps one. */
  add(socket: WebSocket, client: string): void;
  /** Closes one with 1001 "going away". */
  move(socket: WebSocket): void;
  /** Closes all of them so, spread over the time, in ms. */
  end(window: number): void;
  /** Closes no more of them. */
  stop(): void;
}

/**
 * Keeps the WebSockets of one server.
 *
 * @param hangUp ends the connection of a client that does not answer a Close
 */
export function keepDenoWebSockets(
  hangUp: (client: string) => void,
): DenoWebSockets {
  const open = new Map<
    WebSocket,
    { readonly client: string; readonly since: number }
  >();
  let spread: Spread<WebSocket> | undefined;

  const forget = (socket: WebSocket): void => {
    open.delete(socket);
    spread?.delete(socket);
  };
  return {
    get count() {
      return open.size;
    },
    clients: () => [...open.values()].map(({ client }) => client),
    *since() {
      for (const [socket, { since }] of open) yield [socket, since];
    },
    add(socket, client) {
      open.set(socket, { client, since: performance.now() });
      socket.addEventListener("close", () => forget(socket));
      spread?.add(socket);
    },
    move(socket) {
      closeGoingAway(socket);
      const { client } = open.get(socket)!;
      const timer = setTimeout(() => hangUp(client), CLOSE_ANSWER_MS);
      socket.addEventListener("close", () => clearTimeout(timer));
    },
    end(window) {
      if (spread !== undefined) return;
      const patience = closePatience(window);
      spread = spreadOver(open.keys(), window, (socket) => {
        closeGoingAway(socket);
        setTimeout(() => forget(socket), patience);
      });
    },
    stop() {
      spread?.stop();
      spread = undefined;
    },
  };
}

/** Says "going away", as soon as that can be said. */
function closeGoingAway(socket: WebSocket): void {
  const close = (): void => {
    socket.close(GOING_AWAY);
    awaitAnswer(socket);
  };
  // The handshake may not be over yet, in which close() sends nothing.
  if (socket.readyState === WebSocket.CONNECTING) {
    socket.addEventListener("open", close);
  } else close();
}

/**
 * Undocumented, as seen in Deno 2.9.5: the name of a socket's property that
 * says at which end it is, and what it says there.
 */
const ROLE = { name: "[[role]]", server: 0, client: 1 };

/**
 * Has a socket that closes wait for the client's Close. At the server's end
 * Deno lets go of it with the next message that comes instead, and may not even
 * have sent its own Close by then; at a client's it waits.
 */
function awaitAnswer(socket: WebSocket): void {
  const own = socket as unknown as Record<symbol, unknown>;
  const role = Object.getOwnPropertySymbols(socket)
    .find(({ description }) => description === ROLE.name);
  if (role !== undefined && own[role] === ROLE.server) own[role] = ROLE.client;
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
