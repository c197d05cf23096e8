/**
 * Ends the accept loop of a `net.Server` of Bun from within: it calls back for
 * each connection before it accepts the next one (1.4.4), so what stands behind
 * its descriptor by then decides whether there is a next one.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import { checked, F, SOCK } from "../../libc/libc.ts";
import { PreforkError } from "../../core/errors.ts";
import { type Graft, kernelHere } from "./graft.ts";
import type { Kernel } from "./kernel.ts";
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

/**
 * Takes over the switch of a server. While it is quiesced its descriptor stands
 * for `/dev/null`, of which nothing can be accepted (ENOTSOCK of accept(2)).
 *
 * @param socket the descriptor of the inherited socket, which the server uses
 * @throws {PreforkError} `ERR_ATTACH` where that is not possible
 */
export function switchAccepting(
  socket: number,
  kernel: Kernel = kernelHere(socket),
): AcceptSwitch {
  const { libc } = kernel;
  const [before, ...others] = watchesOn(kernel, socket);
  const inode = inodeOf(kernel, socket);
  if (before === undefined || others.length > 0 || inode === undefined) {
    throw new PreforkError(
      "ERR_ATTACH",
      `Cannot take hold of the server on the inherited socket ${socket}: ${
        others.length + (before === undefined ? 0 : 1)
      } epoll instances watch it, report it with the version of the runtime`,
    );
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
