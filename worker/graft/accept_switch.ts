/**
 * Stops a `net.Server` without closing its socket. Node and Deno accept what
 * their event loop tells them of, so the socket is taken out of that. On Bun it
 * ends the accept loop from within: it calls back for each connection before it
 * accepts the next one (1.4.4), so what stands behind its descriptor by then
 * decides whether there is a next one.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import { checked, F, SOCK } from "../../libc/libc.ts";
import { PreforkError } from "../../core/errors.ts";
import { RUNTIME } from "../process/runtime.ts";
import { type Graft, kernelHere, switchOf } from "./graft.ts";
import type { Kernel } from "./kernel.ts";
import { reachKernel } from "./refusal.ts";
import { inodeOf } from "./sockets.ts";
import { addWatch, deleteWatch, sharedEvents, watchesOn } from "./watch.ts";

/** The switch of a server that accepts from an inherited socket. */
export interface AcceptSwitch extends Graft {
  /**
   * Gives the socket back, of which the server is not told any more, so that
   * the server can be closed.
   */
  end(): void;
}

/** A switch and those who use it. */
interface SharedSwitch {
  readonly own: AcceptSwitch;
  /** Who has it stopped. */
  readonly stops: Set<object>;
  users: number;
}

const shared = new Map<number, SharedSwitch>();

/**
 * Takes part in the switch of a server: it accepts while nobody has stopped it.
 *
 * @param socket the descriptor of the socket that it listens on
 * @throws {PreforkError} `ERR_ATTACH` where that is not possible, or not yet
 */
export function shareSwitch(socket: number): AcceptSwitch {
  let one = shared.get(socket);
  if (one === undefined) {
    const own = RUNTIME.acceptsOneByOne
      ? switchAccepting(socket)
      : switchWatching(socket);
    shared.set(socket, one = { own, stops: new Set(), users: 0 });
  }
  const { own, stops } = one;
  const user = {};
  one.users++;
  let ended = false;
  const quiesce = (): void => {
    stops.add(user);
    own.quiesce();
  };
  return {
    epoll: own.epoll,
    get quiesced() {
      return stops.has(user);
    },
    quiesce,
    resume() {
      stops.delete(user);
      if (stops.size === 0) own.resume();
    },
    end() {
      if (ended) return;
      ended = true;
      quiesce();
      if (--one.users > 0) return;
      shared.delete(socket);
      own.end();
    },
  };
}

/** The switch of a server that its event loop tells of connections. */
function switchWatching(socket: number): AcceptSwitch {
  const reached = reachKernel();
  if (!("kernel" in reached)) {
    throw new PreforkError("ERR_ATTACH", reached.reason);
  }
  const { kernel } = reached;
  const [watch] = watchesOn(kernel, socket);
  const inode = inodeOf(kernel, socket);
  if (watch === undefined || inode === undefined) throw unwatched(socket, 0);
  // Whoever closes it has it taken out of the event loop once more, in vain.
  return { ...switchOf(kernel, watch, inode), end() {} };
}

function unwatched(socket: number, count: number): PreforkError {
  return new PreforkError(
    "ERR_ATTACH",
    `Cannot take hold of the server on the inherited socket ${socket}: ${count} epoll instances watch it, report it with the version of the runtime`,
  );
}

/**
 * Takes over the switch of a server. While it is quiesced its descriptor stands
 * for `/dev/null`, of which nothing can be accepted (ENOTSOCK of accept(2)).
 *
 * @param socket the descriptor of the inherited socket, which the server uses
 * @throws {PreforkError} `ERR_ATTACH` where that is not possible
 */
function switchAccepting(
  socket: number,
  kernel: Kernel = kernelHere(socket),
): AcceptSwitch {
  const { libc } = kernel;
  const [before, ...others] = watchesOn(kernel, socket);
  const inode = inodeOf(kernel, socket);
  if (before === undefined || others.length > 0 || inode === undefined) {
    throw unwatched(socket, others.length + (before === undefined ? 0 : 1));
  }
  const watch = { ...before, events: sharedEvents(before.events) };
  const flags = checked(libc, libc.fcntl(socket, F.getfd, 0), "fcntl");
  const cloexec = (flags & F.cloexec) === 0 ? 0 : SOCK.cloexec;
  const kept = checked(libc, libc.fcntl(socket, F.dupfdCloexec, 3), "fcntl");
  const nothing = openSync("/dev/null", "r");
  const stands = kernel.target(nothing);
  let quiesced = false;
  let ended = false;
  // The server may have closed its descriptor, whose number then names
  // something else.
  const ours = (): boolean =>
    (quiesced
      ? kernel.target(socket) === stands
      : inodeOf(kernel, socket) === inode) &&
    kernel.target(watch.epoll) === "anon_inode:[eventpoll]";
  const put = (file: number): void => {
    checked(libc, libc.dup3(file, socket, cloexec), "dup3");
  };
  const accepting: AcceptSwitch = {
    epoll: watch.epoll,
    get quiesced() {
      return quiesced;
    },
    quiesce() {
      if (quiesced || ended || !ours()) return;
      checked(libc, deleteWatch(kernel, watch), "epoll_ctl");
      quiesced = true;
      put(nothing);
    },
    resume() {
      if (!quiesced || ended || !ours()) return;
      put(kept);
      checked(libc, addWatch(kernel, watch), "epoll_ctl");
      quiesced = false;
    },
    end() {
      if (ended) return;
      accepting.quiesce();
      if (quiesced && ours()) put(kept);
      ended = true;
      closeSync(kept);
      closeSync(nothing);
    },
  };
  return accepting;
}
