/**
 * `server.maxConnections` in a pool. A server that holds as many connections is
 * full: it stops accepting, so that others get them, and what has come already
 * waits until there is room. That is what a worker of Node's cluster does, and
 * as there `server.dropMaxConnection` has it close them instead.
 *
 * @module
 */

import type { DropArgument, Server, Socket } from "node:net";
import process from "node:process";
import { takeHandles } from "../../handles/accepted.ts";
import { type AcceptSwitch, shareSwitch } from "../graft/accept_switch.ts";
import { asSocket } from "../handoff/dispatcher.ts";
import { RUNTIME } from "../process/runtime.ts";

/** A connection that a server has not got yet. */
export interface Arrival {
  /** Gives it to the server. */
  serve(): void;
  /** It as a socket, to be closed; undefined when it is gone. */
  socket(): Socket | undefined;
  /** Has another worker serve it; false where none has room. */
  pass?(): boolean;
}

/** How many connections a server holds and may hold. */
export interface ConnectionLimit {
  /** How many more it takes; Infinity without a limit. */
  readonly room: number;
  /** True when it holds as many as it may, whatever is to follow from that. */
  readonly isReached: () => boolean;
  /** True when what comes has to wait. */
  readonly isFull: () => boolean;
  /** Counts a connection that the server holds from now on. */
  readonly count: (socket: Socket) => void;
  /** Has a connection served: now, or when there is room. */
  admit(arrival: Arrival): void;
  /** Serves what waits, beyond the limit: nobody else will. */
  release(): void;
  /** Calls back whenever the room may have changed, until disposed. */
  watch(changed: () => void): Disposable;
}

/** What a program sets. */
interface Limited {
  maxConnections?: number | null;
  dropMaxConnection?: boolean;
}

/** How often it is asked whether others have room for what waits, in ms. */
const LOOK_MS = 10;

const limits = new WeakMap<Server, ConnectionLimit>();

/** True for a server that a program has set a limit to. */
export function isLimited(server: Server): boolean {
  return mostOf(server) < Infinity;
}

/** How many connections a program wants a server to hold at most. */
function mostOf({ maxConnections: max }: Limited): number {
  const none = max === 0 ? RUNTIME.zeroIsNoLimit : Number.isNaN(Number(max));
  return none || max === null ? Infinity : Math.ceil(Number(max));
}

/**
 * The limit of a server, which `getConnections()` goes by from then on.
 *
 * @param closes true where nobody else could have what is beyond it
 */
export function limitOf(server: Server, closes = false): ConnectionLimit {
  let limit = limits.get(server);
  if (limit === undefined) {
    limits.set(server, limit = createLimit(server, closes));
  }
  return limit;
}

function createLimit(server: Server, closes: boolean): ConnectionLimit {
  const limited = server as Limited;
  const counted = new WeakSet<Socket>();
  const waiting: Arrival[] = [];
  const watchers = new Set<() => void>();
  let held = 0;
  let looking = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isReached = (): boolean => held >= mostOf(limited);
  const isFull = (): boolean =>
    isReached() && !closes && limited.dropMaxConnection !== true;
  const look = (): void => {
    // To serve one is to count it, which leads here again.
    if (looking) return;
    looking = true;
    try {
      while (waiting.length > 0 && !isFull()) admit(waiting.shift()!);
    } finally {
      looking = false;
    }
    for (const changed of watchers) changed();
  };
  const left = (): void => {
    held--;
    look();
  };
  const lookAgain = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      look();
      // Not just the first: one that cannot be passed on holds up no other.
      const at = waiting.findIndex(({ pass }) => pass !== undefined);
      if (at < 0) return;
      const [first] = waiting.splice(at, 1);
      // It may come back within the call.
      if (!first!.pass!()) waiting.splice(at, 0, first!);
      lookAgain();
    }, LOOK_MS);
  };
  const admit = (arrival: Arrival): void => {
    if (!isReached()) return arrival.serve();
    if (!isFull()) return drop(server, arrival.socket());
    waiting.push(arrival);
    if (arrival.pass !== undefined) lookAgain();
    look();
  };

  // A program may change them while it listens.
  for (const name of ["maxConnections", "dropMaxConnection"] as const) {
    let value: unknown = limited[name];
    Object.defineProperty(server, name, {
      get: () => value,
      set(next) {
        value = next;
        look();
      },
      configurable: true,
      enumerable: true,
    });
  }
  // What the runtime counts is what it has accepted by this server itself.
  server.getConnections = (callback) => {
    process.nextTick(() => callback(null, held));
    return server;
  };

  return {
    get room() {
      if (limited.dropMaxConnection === true) return Infinity;
      return Math.max(0, mostOf(limited) - held - waiting.length);
    },
    isReached,
    isFull,
    count(socket) {
      if (counted.has(socket)) return;
      counted.add(socket);
      held++;
      socket.once("close", left);
      look();
    },
    admit,
    release() {
      for (const arrival of waiting.splice(0)) arrival.serve();
    },
    watch(changed) {
      watchers.add(changed);
      return { [Symbol.dispose]: () => void watchers.delete(changed) };
    },
  };
}

/** Counts what a server accepts itself. */
export function countAccepted(limit: ConnectionLimit, server: Server): void {
  if (server.listeners("connection").includes(limit.count)) return;
  server.prependListener("connection", limit.count);
}

/** Closes a connection with the event that Node has for it. */
function drop(server: Server, socket: Socket | undefined): void {
  if (socket === undefined) return;
  const { localAddress, localPort, localFamily } = socket;
  const { remoteAddress, remotePort, remoteFamily } = socket;
  const data: DropArgument = {
    ...(localAddress !== undefined && { localAddress }),
    ...(localPort !== undefined && { localPort }),
    ...(localFamily !== undefined && { localFamily }),
    ...(remoteAddress !== undefined && { remoteAddress }),
    ...(remotePort !== undefined && { remotePort }),
    ...(remoteFamily !== undefined && { remoteFamily }),
  };
  socket.destroy();
  server.emit("drop", data);
}

/**
 * Stops accepting on a socket while its server is full, where that is possible:
 * elsewhere it accepts on, and what comes waits here. Stopped for good when it
 * is disposed.
 *
 * @param socket the descriptor of the socket that is accepted on
 */
export function stopWhileFull(
  limit: ConnectionLimit,
  socket: number,
): Disposable {
  let accepting: AcceptSwitch | undefined;
  const follow = (): void => {
    if (!limit.isFull()) return accepting?.resume();
    if (accepting?.quiesced === true) return;
    try {
      accepting ??= shareSwitch(socket);
      accepting.quiesce();
    } catch {
      // Its event loop does not know it yet, or it cannot be reached.
    }
  };
  const watching = limit.watch(follow);
  follow();
  return {
    [Symbol.dispose]() {
      watching[Symbol.dispose]();
      accepting?.end();
    },
  };
}

/** Calls back with whether a server is full, whenever that changes. */
export function watchFull(
  limit: ConnectionLimit,
  changed: (full: boolean) => void,
): Disposable {
  let full = false;
  const show = (is: boolean): void => {
    if (is !== full) changed(full = is);
  };
  const watching = limit.watch(() => show(limit.isFull()));
  show(limit.isFull());
  return {
    [Symbol.dispose]() {
      watching[Symbol.dispose]();
      show(false);
    },
  };
}

/**
 * Has what a server accepts beyond its limit wait here, before the runtime sees
 * it and closes it.
 *
 * @param serve gives a connection to the server
 */
export function takeExcess(
  limit: ConnectionLimit,
  acceptor: Server,
  serve: (socket: Socket) => void,
): void {
  // There what is accepted is read at once, but it can be stopped in time.
  if (RUNTIME.acceptsOneByOne) return;
  takeHandles(acceptor, {
    wants: limit.isReached,
    left: () => {},
    take: (handle) =>
      limit.admit({
        serve() {
          const socket = asSocket(handle);
          if (socket !== undefined) serve(socket);
        },
        socket: () => asSocket(handle),
      }),
  });
}

/** Counts connections, has those beyond the limit wait, and gives them away. */
export function admitting(
  limit: ConnectionLimit,
  feed: (socket: Socket) => void,
): (socket: Socket) => void {
  const enter = (socket: Socket): void => {
    limit.count(socket);
    feed(socket);
  };
  return (socket) => {
    if (limit.isReached()) limit.admit(arrivalOf(socket, enter));
    else enter(socket);
  };
}

/** A connection that has become a socket already, and what gives it away. */
export function arrivalOf(
  socket: Socket,
  serve: (socket: Socket) => void,
): Arrival {
  // Nobody else hears of an error while it waits.
  const ignore = (): void => {};
  socket.on("error", ignore);
  return {
    serve() {
      socket.off("error", ignore);
      if (!socket.destroyed) serve(socket);
    },
    socket: () => socket,
  };
}
