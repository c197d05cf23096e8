/**
 * `listenDatagram()`: receives datagrams on the pool's listener.
 *
 * @module
 */

import type { Socket, SocketOptions } from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import type { ShareMode } from "../core/adapter.ts";
import { formatAddress, parseListener } from "../core/options/address.ts";
import { dgramKind } from "../core/options/dgram.ts";
import { attachedCore } from "./attach.ts";
import { defaultAddress } from "./listening/address.ts";
import { chooseListener } from "./listening/choice.ts";
import { isLearning } from "./listening/learning.ts";
import { bypass } from "./process/bypass.ts";
import type { Core } from "./process/worker_core.ts";
import { cannot, cannotBind } from "./process/errors.ts";

/** Who has sent a datagram, or is to get one. */
export interface DatagramPeer {
  /** Its numeric address. */
  readonly address: string;
  /** Its port. */
  readonly port: number;
}

/** Where datagrams are received. */
export interface DatagramOptions {
  /** The name of the inherited listener; not needed when there is one only. */
  readonly name?: string | undefined;
  /**
   * Where to receive without a pool, in the forms of the command:
   * `"udp://127.0.0.1:5353"`. `"udp://:$PORT"` of the environment unless given,
   * else `"udp://:8080"`.
   */
  readonly address?: string | undefined;
  /**
   * False to leave it to the program to say that it is ready, by
   * `worker.ready()`. True unless given.
   */
  readonly ready?: boolean | undefined;
}

/** Where datagrams are received now. */
export interface DatagramListener {
  /** The name of the listener. */
  readonly name: string;
  /** The real address, in the forms that the command takes. */
  readonly address: string;
  /** How the pool shares it; undefined without a pool. */
  readonly mode: ShareMode | undefined;
  /** The socket, for what else there is to be set. */
  readonly socket: Socket;
  /**
   * Sends a datagram, from the address of the listener; resolves when it has
   * left this process.
   *
   * @throws {Error} with `code` of the system
   */
  send(data: Uint8Array | string, peer: DatagramPeer): Promise<void>;
}

/** Is called with each datagram; a promise is what a leaving worker waits for. */
export type DatagramHandler = (
  data: Uint8Array,
  peer: DatagramPeer,
  listener: DatagramListener,
) => void | Promise<void>;

/**
 * Receives datagrams on the listener of the pool and resolves once it does.
 * Without a pool it binds `options.address` itself. Calls `attach()`: a worker
 * that leaves reads no more, waits for the handlers of what it has read, and
 * leaves the rest to the others.
 *
 * A handler that throws or rejects is an uncaught error, as elsewhere.
 *
 * @throws {TypeError} when the pool has no such listener, or more than one and
 * none is named
 * @throws {PreforkError} `ERR_STATE` when something else has the listener;
 * `ERR_ATTACH` when this runtime cannot receive on it; `ERR_BIND` when, without a
 * pool, the address cannot be bound
 *
 * @example
 * ```ts
 * import { listenDatagram } from "@prefork/prefork/worker";
 *
 * await listenDatagram(
 *   (data, peer, listener) => listener.send(data, peer),
 *   { address: "udp://:5353" },
 * );
 * ```
 */
export async function listenDatagram(
  handler: DatagramHandler,
  options: DatagramOptions = {},
): Promise<DatagramListener> {
  const core = attachedCore();
  const pending = new Set<Promise<unknown>>();
  const serve = (socket: Socket, listener: DatagramListener): void => {
    socket.on("message", (data, { address, port }) => {
      const answer: unknown = handler(data, { address, port }, listener);
      // What a program without types returns besides is nothing to wait for.
      if (!(answer instanceof Promise)) return;
      const settled = answer.finally(() => pending.delete(settled));
      pending.add(settled);
    });
  };
  return core.worker.supervised
    ? await inPool(core, options, serve, pending)
    : await byHand(core, options, serve, pending);
}

/** Not loaded before: most programs have no use for it. */
function createSocket(options: SocketOptions): Socket {
  return process.getBuiltinModule("node:dgram").createSocket(options);
}

type Serve = (socket: Socket, listener: DatagramListener) => void;

async function inPool(
  core: Core,
  { name: wanted, ready = true }: DatagramOptions,
  serve: Serve,
  pending: ReadonlySet<Promise<unknown>>,
): Promise<DatagramListener> {
  if (isLearning(core)) {
    throw cannot(
      "receive datagrams",
      "the pool was not told where, and does not learn that by a start of the program",
      'give it the address as in "-l udp://:5353"',
    );
  }
  const { listeners } = core.worker;
  const listener = chooseListener(listeners, wanted, true);
  const { kindOf, putDatagramSocket } = await import("./dgram/serving.ts");
  const socket = createSocket({ type: kindOf(listener) });
  const { name, address, mode } = listener;
  const made = { name, address, mode, socket, send: sender(socket) };
  serve(socket, made);
  await putDatagramSocket(core, socket, listener, { ready, pending });
  return made;
}

/** Binds it itself, so that the same file also runs on its own. */
async function byHand(
  core: Core,
  { address: text = `udp://${defaultAddress()}` }: DatagramOptions,
  serve: Serve,
  pending: ReadonlySet<Promise<unknown>>,
): Promise<DatagramListener> {
  const { address, name, ipv6Only } = parseListener(text);
  if (address.kind !== "udp") {
    throw new TypeError(
      `Cannot receive datagrams on "${text}": it must begin with "udp://"`,
    );
  }
  const { host, port } = address;
  const socket = createSocket({ type: dgramKind(address), ipv6Only });
  const bound = once(socket, "listening");
  bypass(() => socket.bind({ port, address: host, exclusive: true }));
  await bound.catch((error: unknown) => {
    throw cannotBind(`receive datagrams on "${name}"`, error);
  });
  const made: DatagramListener = {
    name,
    address: formatAddress({ ...address, port: socket.address().port }),
    mode: undefined,
    socket,
    send: sender(socket),
  };
  serve(socket, made);
  core.attach({
    async drain() {
      // Nobody else would answer what comes now, and it must not keep this.
      socket.removeAllListeners("message");
      while (pending.size > 0) await Promise.allSettled(pending);
      socket.close();
    },
  }, undefined);
  return made;
}

function sender(socket: Socket): DatagramListener["send"] {
  return (data, { address, port }) =>
    new Promise((resolve, reject) => {
      socket.send(data, port, address, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
}
