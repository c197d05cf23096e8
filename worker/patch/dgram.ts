/**
 * Has `bind()` of `node:dgram` mean the pool's sockets. What the pool has none
 * for, several workers bind by themselves, each a socket of its own with
 * SO_REUSEPORT (socket(7)), and the kernel gives each client's datagrams to one
 * of them.
 *
 * That has its price: the datagrams that wait in a leaving worker's socket are
 * lost, and a client may come to another worker whenever their number changes.
 * At port 0 a socket is a client's, and every worker keeps a port of its own.
 *
 * @module
 */

import dgram from "node:dgram";
import process from "node:process";
import { parseListener } from "../../core/options/address.ts";
import { dgramKind } from "../../core/options/dgram.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { dgramState, dgramType } from "../../handles/dgram.ts";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { isPortNumber } from "../match/wanted.ts";
import type { Settings } from "../match/settings.ts";

type Bind = (this: dgram.Socket, ...args: unknown[]) => dgram.Socket;

/** Replaces `bind()`. */
export function patchDgram(core: Core, { privatePorts }: Settings): void {
  const prototype: { bind: unknown } = dgram.Socket.prototype;
  const original = prototype.bind as Bind;
  const bind: Bind = function (...args) {
    const state = dgramState(this);
    // What is bound already, or is about to be, hears of it from the runtime.
    if (isBypassed() || (state?.bindState ?? 0) !== 0) {
      return original.apply(this, args);
    }
    const wanted = wantedBy(args);
    const listener = wanted && meantBy(core, wanted, dgramType(this));
    if (listener !== undefined && state !== undefined) {
      state.bindState = 1;
      put(
        core,
        this,
        listener,
        args.find((each) => typeof each === "function"),
      );
      return this;
    }
    if (wanted !== undefined && !wanted.exclusive && !privatePorts) {
      if (state === undefined || !("reusePort" in state)) {
        const error = cannot(
          `bind the UDP port ${wanted.port} in each worker`,
          "this runtime has no SO_REUSEPORT in node:dgram",
          `have the pool bind it as in "-l udp://:${wanted.port}", or give the command "--private-ports" and bind it in the worker whose PREFORK_SLOT is 0`,
        );
        process.nextTick(() => this.emit("error", error));
        return this;
      }
      state.reusePort = true;
    }
    return original.apply(this, exclusive(args));
  };
  Object.defineProperty(bind, "name", { value: "bind" });
  prototype.bind = bind;
}

/** Where a socket is to be bound: not at port 0, and to no descriptor. */
interface WantedPort {
  readonly port: number;
  readonly host: string;
  readonly exclusive: boolean;
}

function wantedBy([first, second]: readonly unknown[]): WantedPort | undefined {
  const options = typeof first === "object" && first !== null
    ? first as Record<string, unknown>
    : { port: first, address: second };
  if (options["fd"] !== undefined) return undefined;
  const { port, address } = options;
  const number = typeof port === "string" ? Number(port) : port;
  if (!isPortNumber(number) || number === 0) return undefined;
  return {
    port: number,
    host: typeof address === "string" ? address : "",
    exclusive: "exclusive" in options && options["exclusive"] === true,
  };
}

/**
 * The pool's listener with that port; of several the one with the host, of the
 * socket's own family, that is free, in this order.
 */
function meantBy(
  { worker, attachments }: Core,
  { port, host }: WantedPort,
  type: string | undefined,
): InheritedListener | undefined {
  let best: InheritedListener | undefined;
  let most = -1;
  for (const listener of worker.listeners.values()) {
    const { address } = parseListener(listener.address);
    if (address.kind !== "udp" || address.port !== port) continue;
    const points = (address.host === host ? 4 : 0) +
      (dgramKind(address) === type ? 2 : 0) +
      (attachments.has(listener.name) ? 0 : 1);
    if (points > most) [best, most] = [listener, points];
  }
  return best;
}

/** Loaded where the pool has such a socket alone. */
function put(
  core: Core,
  socket: dgram.Socket,
  listener: InheritedListener,
  callback: unknown,
): void {
  if (typeof callback === "function") {
    socket.once("listening", callback as () => void);
  }
  import("../dgram/serving.ts")
    .then(({ putDatagramSocket }) => putDatagramSocket(core, socket, listener))
    .catch((error: unknown) => {
      const state = dgramState(socket);
      if (state !== undefined) state.bindState = 0;
      process.nextTick(() => socket.emit("error", error));
    });
}

/** The same arguments: without the option a worker would ask its cluster. */
function exclusive(args: unknown[]): unknown[] {
  const [first, second] = args;
  const callback = args.find((each) => typeof each === "function");
  const options = typeof first === "object" && first !== null ? first : {
    ...(typeof first !== "function" && { port: first }),
    ...(typeof second === "string" && { address: second }),
  };
  // A handle of the runtime's own is bound already.
  return "recvStart" in options
    ? args
    : [{ ...options, exclusive: true }, ...(callback ? [callback] : [])];
}
