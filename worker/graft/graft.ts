/**
 * Grafting: puts a server that takes no inherited socket on one all the same.
 * `docs/NATIVE.md` explains it from the beginning.
 *
 * @module
 */

import { AF, duplicate, errorName, F, SOCK } from "../../libc/libc.ts";
import { PreforkError } from "../../core/errors.ts";
import type { Kernel } from "./kernel.ts";
import { grafting } from "./refusal.ts";
import {
  type BoundAt,
  deferAsWell,
  inodeOf,
  isIp,
  sameAddress,
  type SeenSocket,
  socketAt,
} from "./sockets.ts";
import {
  addWatch,
  deleteWatch,
  sharedEvents,
  type Watch,
  watchesOn,
} from "./watch.ts";

export { graftRefusal } from "./refusal.ts";

/** A server that accepts from an inherited socket. */
export interface Graft {
  /**
   * Stops accepting; what has been accepted lives on, and what waits in the
   * queue of the socket is left to others.
   */
  quiesce(): void;
  /** Accepts again. Does nothing when the server has closed its socket. */
  resume(): void;
  /** True while it does not accept. */
  readonly quiesced: boolean;
  /**
   * Accepts from another socket, until disposed; only while it is quiesced.
   *
   * @throws {PreforkError} `ERR_ATTACH` when that cannot be done
   */
  lend?(socket: number): Disposable;
  /** The epoll instance of the server, which watches its connections too. */
  readonly epoll: number;
}

/** How an inherited socket is reached, for a temporary server of the same. */
export function transportOf(
  socket: number,
  kernel: Kernel = kernelHere(socket),
): "tcp" | "unix" {
  return inheritedAt(kernel, socket).domain === AF.unix ? "unix" : "tcp";
}

/** A server that listens on a temporary address. */
export interface TemporaryServer {
  /** Where it listens now. */
  readonly at: BoundAt;
}

/**
 * Puts a server on an inherited socket. The server listens on a temporary
 * address, which is gone afterwards, and goes on as if nothing had happened:
 * the same descriptor in the same epoll instance, but another socket.
 *
 * On an error before the exchange nothing of the server was changed; after it
 * the server accepts nowhere and its temporary address is gone. Stop it in
 * both cases.
 *
 * @param server where the server listens now, on `127.0.0.1` or a Unix path
 * @param socket the descriptor of the inherited socket, which stays open
 * @param backlog the length of the accept queue, for listen(2); undefined for a
 * server that is held back, as nobody may listen on that socket yet
 * @throws {PreforkError} `ERR_ATTACH` when anything is not as expected
 */
export function graft(
  server: TemporaryServer,
  socket: number,
  backlog: number | undefined,
  kernel: Kernel = kernelHere(socket),
): Graft {
  const inherited = inheritedAt(kernel, socket);
  const { fd } = listenerAt(kernel, server.at, inherited);
  const before = onlyWatch(kernel, fd, "its own socket");
  const flags = kernel.libc.fcntl(fd, F.getfd, 0);
  check(kernel, flags, "fcntl");
  const mode = kernel.libc.fcntl(socket, F.getfl, 0);
  check(kernel, mode, "fcntl");
  // Whoever loses the race for a connection would hang in accept(2) else.
  const nonblocking = mode | SOCK.nonblock;
  check(kernel, kernel.libc.fcntl(socket, F.setfl, nonblocking), "fcntl");
  if (backlog !== undefined) startListening(socket, backlog, kernel);
  if (isIp(inherited.domain)) deferAsWell(kernel, fd, socket);

  // The exchange. It closes the temporary socket, and the kernel ends the
  // watch of a file when its last descriptor is closed.
  const cloexec = (flags & F.cloexec) === 0 ? 0 : SOCK.cloexec;
  check(kernel, kernel.libc.dup3(socket, fd, cloexec), "dup3");
  if (watchesOn(kernel, fd).length > 0) {
    throw surprise(
      "the kernel still watches its temporary socket, which somebody else has open",
    );
  }
  const watch = { ...before, events: sharedEvents(before.events) };
  check(kernel, addWatch(kernel, watch), "epoll_ctl");
  verify(kernel, watch, inherited);
  return switchOf(kernel, watch, inherited.inode);
}

/** Has connections come to a socket. */
export function startListening(
  socket: number,
  backlog: number,
  kernel: Kernel = kernelHere(socket),
): void {
  check(kernel, kernel.libc.listen(socket, backlog), "listen");
}

/**
 * The switch of a server that is told of connections by a watch.
 *
 * @param inode the number of the socket that it accepts from
 */
export function switchOf(kernel: Kernel, watch: Watch, inode: number): Graft {
  let quiesced = false;
  // The server may have closed its descriptor, whose number then names
  // something else.
  const isFor = (inode: number | undefined): boolean =>
    inodeOf(kernel, watch.fd) === inode &&
    kernel.target(watch.epoll) === "anon_inode:[eventpoll]";
  const ours = (): boolean => isFor(inode);
  return {
    epoll: watch.epoll,
    get quiesced() {
      return quiesced;
    },
    quiesce() {
      if (quiesced) return;
      quiesced = true;
      if (ours()) check(kernel, deleteWatch(kernel, watch), "epoll_ctl");
    },
    resume() {
      if (!quiesced || !ours()) return;
      check(kernel, addWatch(kernel, watch), "epoll_ctl");
      quiesced = false;
    },
    lend(socket) {
      if (!quiesced || !ours()) throw surprise("it does not hold still");
      const { libc } = kernel;
      const flags = libc.fcntl(watch.fd, F.getfd, 0);
      const cloexec = (flags & F.cloexec) === 0 ? 0 : SOCK.cloexec;
      const kept = duplicate(libc, watch.fd);
      check(kernel, libc.dup3(socket, watch.fd, cloexec), "dup3");
      check(kernel, addWatch(kernel, watch), "epoll_ctl");
      const lent = inodeOf(kernel, socket);
      return {
        [Symbol.dispose]() {
          if (isFor(lent)) {
            deleteWatch(kernel, watch);
            libc.dup3(kept, watch.fd, cloexec);
          }
          libc.close(kept);
        },
      };
    },
  };
}

/**
 * The switch of a server that begins something each time it accepts: what it
 * begins ends with the accepting, and is to be begun anew.
 *
 * @param begin called with the graft when the server accepts; returns its switch
 * until it is quiesced
 * @param listen given for a server that is held back: it does not accept before
 * it is resumed for the first time, and this is called before that
 */
export function beginning(
  graft: Graft,
  begin: (graft: Graft) => Graft,
  listen?: () => void,
): Graft {
  let stopped = listen !== undefined;
  let current = graft;
  let prepare = listen;
  if (stopped) graft.quiesce();
  else current = begin(graft);
  return {
    epoll: graft.epoll,
    ...(graft.lend !== undefined && { lend: graft.lend }),
    get quiesced() {
      return current.quiesced;
    },
    quiesce() {
      if (stopped) return;
      stopped = true;
      current.quiesce();
      current = graft;
    },
    resume() {
      if (!stopped) return;
      prepare?.();
      prepare = undefined;
      graft.resume();
      // The server has closed its socket.
      if (graft.quiesced) return;
      stopped = false;
      current = begin(graft);
    },
  };
}

/**
 * The kernel to graft with.
 *
 * @throws {PreforkError} `ERR_ATTACH` where that is not possible
 */
export function kernelHere(socket: number): Kernel {
  const found = grafting();
  if ("kernel" in found) return found.kernel;
  throw new PreforkError(
    "ERR_ATTACH",
    `Cannot put the server on the inherited socket ${socket}: ${found.reason}, use ${found.instead}`,
  );
}

/** Step 1: the inherited socket must be one that streams come from. */
function inheritedAt(kernel: Kernel, fd: number): SeenSocket {
  const facts = socketAt(kernel, fd);
  if (facts === undefined) {
    throw surprise(
      `the inherited descriptor ${fd} is ${kernel.target(fd) ?? "not open"}`,
    );
  }
  if (facts.type !== SOCK.stream) {
    throw surprise(`the inherited socket ${fd} has the type ${facts.type}`);
  }
  return facts;
}

/** Step 2: the one socket of the server that listens at the address. */
function listenerAt(
  kernel: Kernel,
  at: BoundAt,
  inherited: SeenSocket,
): SeenSocket {
  const found = kernel.descriptors().flatMap((fd) => {
    if (fd === inherited.fd) return [];
    const facts = socketAt(kernel, fd);
    return facts?.listens === true && sameAddress(facts.at, at) ? [facts] : [];
  });
  const [only, ...others] = found;
  if (only === undefined || others.length > 0) {
    throw surprise(
      `${found.length} sockets of this process listen at its temporary address`,
    );
  }
  const fits = only.domain === inherited.domain ||
    (isIp(only.domain) && isIp(inherited.domain));
  if (!fits || only.type !== inherited.type) {
    throw surprise(
      `its own socket is of another kind (${only.domain}, ${only.type}) than the inherited one (${inherited.domain}, ${inherited.type})`,
    );
  }
  return only;
}

/** Step 3: the one epoll instance that tells the server of connections. */
function onlyWatch(kernel: Kernel, fd: number, what: string): Watch {
  const watches = watchesOn(kernel, fd);
  const [only, ...others] = watches;
  if (only !== undefined && others.length === 0) return only;
  throw surprise(`${watches.length} epoll instances watch ${what}`);
}

/** Step 5: reads back what the kernel watches now. */
function verify(
  kernel: Kernel,
  wanted: Watch,
  inherited: SeenSocket,
): void {
  const now = onlyWatch(kernel, wanted.fd, "the inherited socket");
  if (
    now.epoll === wanted.epoll && now.data === wanted.data &&
    now.events === wanted.events && now.inode === inherited.inode &&
    inodeOf(kernel, wanted.fd) === inherited.inode
  ) return;
  deleteWatch(kernel, now);
  throw surprise("the kernel watches another socket than the inherited one");
}

function check({ libc }: Kernel, result: number, call: string): void {
  if (result < 0) throw surprise(`${call} failed: ${errorName(libc.errno())}`);
}

function surprise(reason: string): PreforkError {
  return new PreforkError(
    "ERR_ATTACH",
    `Cannot put the server on an inherited socket: ${reason}, use a server of node:http or the share mode "reuseport"`,
  );
}
