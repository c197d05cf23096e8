/**
 * A handle for a socket of `node:dgram` on Deno, which takes over no socket of
 * datagrams (2.9.5: "Unsupported fd type: UNKNOWN"). Its `bind()` accepts a
 * handle, though, as Node's does for `node:cluster`: this one reads and writes
 * through libc.
 *
 * @module
 */

import type { Socket } from "node:dgram";
import type { Receiving } from "../../handles/dgram.ts";
import { type DenoLibc, openLibc } from "../../libc/deno.ts";
import { type DenoWaiter, denoWaiter } from "../../libc/deno_epoll.ts";
import {
  bufferSize,
  type Datagrams,
  type DgramNumber,
  openDatagrams,
  setMembership,
  setNumber,
} from "../../libc/dgram.ts";

/** The most datagrams that are read before anything else has its turn. */
const BATCH = 64;

/** What is told of a datagram. */
interface Told {
  address: string;
  family: string;
  port: number;
  size?: number;
}

/** What `node:dgram` sets of its handle. */
interface Listened {
  onmessage?: (
    count: number,
    handle: unknown,
    bytes: Uint8Array,
    from: Told,
  ) => void;
}

/** What all sockets of this process have in common. */
interface Shared {
  readonly libc: DenoLibc;
  readonly waiter: DenoWaiter;
  readonly datagrams: Datagrams;
}

let shared: Shared | undefined;

function open(): Shared {
  if (shared !== undefined) return shared;
  const libc = openLibc();
  return shared = {
    libc,
    waiter: denoWaiter(libc),
    datagrams: openDatagrams(libc),
  };
}

/**
 * Binds a socket to a descriptor, which it closes with it.
 *
 * @throws {Error} when libc cannot be called
 */
export function bindOnDeno(socket: Socket, fd: number): Receiving {
  const parts = open();
  const { waiter } = parts;
  const handle: object & Listened = {};
  let wanted = false;
  let held = false;
  let added = false;
  const read = (): void => {
    for (let i = 0; i < BATCH && added; i++) {
      const got = parts.datagrams.receive(fd);
      if (got === undefined) return;
      const bytes = Buffer.from(got.bytes.buffer, 0, got.bytes.length);
      try {
        handle.onmessage?.(bytes.length, handle, bytes, { ...got.from });
      } catch (error) {
        // The program's: where it lives on, it receives the next one, as on Node.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const update = (): void => {
    const reads = wanted && !held;
    if (reads === added) return;
    added = reads;
    if (reads) waiter.add(fd, read);
    else waiter.remove(fd);
  };
  Object.defineProperties(
    handle,
    Object.getOwnPropertyDescriptors({
      ...settings(parts, fd),
      recvStart() {
        wanted = true;
        update();
        return 0;
      },
      recvStop() {
        wanted = false;
        update();
        return 0;
      },
      close(done?: () => void) {
        wanted = false;
        update();
        parts.libc.close(fd);
        if (done !== undefined) queueMicrotask(done);
      },
    }),
  );
  // bind() would put those of the handle before in their place.
  const send = sender(parts, fd);
  for (const name of ["send", "send6"]) {
    Object.defineProperty(handle, name, { get: () => send, set() {} });
  }
  (socket.bind as (handle: unknown) => void)(handle);
  return {
    pause() {
      held = true;
      update();
    },
    resume() {
      held = false;
      update();
    },
  };
}

/**
 * Returns what the handle's own does: a negative error number, or one more than
 * the bytes that are sent already.
 */
function sender(
  { datagrams }: Shared,
  fd: number,
): (...args: unknown[]) => number {
  const send = datagrams.sender(fd);
  return (_request, list, _count, port, address) => {
    const sent = send(list as Uint8Array[], {
      address: String(address),
      port: Number(port),
    });
    return sent < 0 ? sent : sent + 1;
  };
}

/** What a program sets and asks. */
function settings({ libc, datagrams }: Shared, fd: number): object {
  const done = (result: number): number => result < 0 ? -libc.errno() : 0;
  const set = (name: DgramNumber) => (value: number | boolean): number =>
    done(setNumber(libc, fd, name, Number(value)));
  const member = (on: boolean) => (group: string, at?: string): number =>
    done(setMembership(libc, fd, group, on, at));
  // A source, or an interface for what is sent, would be the whole pool's.
  const notHere = (): number => -95; // EOPNOTSUPP
  return {
    fd,
    getsockname(out: object) {
      const address = datagrams.address(fd);
      if (typeof address === "number") return address;
      Object.assign(out, address);
      return 0;
    },
    bufferSize(size: number, receives: boolean): number {
      const name = receives ? "receiveBuffer" : "sendBuffer";
      if (size > 0) setNumber(libc, fd, name, size);
      return bufferSize(libc, fd, name);
    },
    getSendQueueSize: () => 0,
    getSendQueueCount: () => 0,
    setBroadcast: set("broadcast"),
    setTTL: set("ttl"),
    setMulticastTTL: set("multicastTtl"),
    setMulticastLoopback: set("multicastLoop"),
    addMembership: member(true),
    dropMembership: member(false),
    addSourceSpecificMembership: notHere,
    dropSourceSpecificMembership: notHere,
    setMulticastInterface: notHere,
    // The wait for what comes keeps the process, as a server does.
    ref() {},
    unref() {},
  };
}
