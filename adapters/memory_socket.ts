/**
 * The sockets that a process in memory was started with, and what is seen of
 * those that its workers were.
 *
 * @module
 */

import type {
  AcceptQueues,
  ReceiveBuffer,
} from "../core/adapter/accept_queue.ts";
import type { Acceptors, AcceptorsLook } from "../core/adapter/acceptors.ts";
import type { OwnSockets, SocketFacts } from "../core/inherited/socket.ts";
import type {
  LineSocket,
  NotifySocket,
  NotifySockets,
} from "../core/adapter/notify_socket.ts";
import type { Address } from "../core/options/address.ts";

/** What there is by its number; anything else is not open. */
export class MemorySockets extends Map<number, SocketFacts | string> {
  /** The inode of its pidfd. */
  pidfdId: string | undefined;
  /** From which processes it descends, by what they are called. */
  readonly ancestors: Map<number, string> = new Map();
  /** Who has the sockets too. */
  readonly neighbours: Map<number, readonly string[]> = new Map();

  /** What waits in the buffer of each socket of datagrams. */
  buffered: ReceiveBuffer | undefined;
  /** What is seen of the session of a pid. */
  readonly acceptors: Map<number, AcceptorsLook> = new Map();
  /** What was said to whom, in order. */
  readonly said: string[] = [];
  /** Why nobody hears that. */
  deaf: string | undefined;

  /** What a host says of it. */
  get host(): OwnSockets & Acceptors & Pick<AcceptQueues, "buffered"> {
    return {
      buffered: () => this.buffered,
      acceptors: (_sockets, pid) => this.acceptors.get(pid),
      parentPid: 999,
      pidfdId: () => this.pidfdId,
      ancestor: (pid) => this.ancestors.get(pid),
      socketOf: (fd) => this.get(fd) ?? "is not open in this process",
      say: (path, text) => {
        if (this.deaf === undefined) this.said.push(`${path} ${text}`);
        return Promise.resolve(this.deaf);
      },
      neighboursOf: (fd) => this.neighbours.get(fd) ?? [],
    };
  }

  /** A TCP socket that listens, at an address of numbers. */
  listening(fd: number, host: string, port: number): this {
    return this.set(fd, {
      address: { kind: "tcp", host, port },
      type: "stream",
      family: host.includes(":") ? "IPv6" : "IPv4",
      listens: true,
      blocks: true,
    });
  }

  /** Where one of them is bound; any other address is as it is. */
  addressOf(address: Address): Address {
    const facts = address.kind === "fd" ? this.get(address.fd) : undefined;
    return typeof facts === "object" && facts.address || address;
  }
}

/** Where programs say how they are. */
export class MemoryNotifySockets {
  /** What is not read yet, by the paths that they were told. */
  readonly said: Map<string, string[]> = new Map();
  /** Those to which lines are written, by their paths. */
  readonly lines: Map<string, LineSocket> = new Map();
  /** Why there can be no such socket, if there cannot. */
  problem: string | undefined;
  #opened = 0;

  /** What an adapter has of it. */
  readonly members: NotifySockets = {
    notifySocket: (uid): NotifySocket => {
      const path = this.#path("notify", uid);
      const said: string[] = [];
      this.said.set(path, said);
      return {
        path,
        read: () => said.splice(0),
        close: () => void this.said.delete(path),
      };
    },
    lineSocket: (uid): LineSocket => {
      const path = this.#path("lines", uid);
      const close = (): void => void this.lines.delete(path);
      const socket = { path, onLine: () => {}, close };
      this.lines.set(path, socket);
      return socket;
    },
  };

  #path(kind: string, uid?: number): string {
    if (this.problem !== undefined) throw new Error(this.problem);
    return `/tmp/${kind}-${uid ?? "own"}-${this.#opened++}`;
  }
}
