/**
 * Has several workers bind the same UDP port: each binds a socket of its own
 * with SO_REUSEPORT (socket(7)), and the kernel gives each client's datagrams
 * to one of them.
 *
 * A pool holds no UDP sockets, which has its price: the datagrams that wait in
 * a leaving worker's socket are lost, and a client may come to another worker
 * whenever their number changes. At port 0 a socket is a client's, and every
 * worker keeps a port of its own.
 *
 * @module
 */

import dgram from "node:dgram";
import process from "node:process";
import { isBypassed } from "../process/bypass.ts";
import type { Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { isPortNumber } from "../match/wanted.ts";
import type { Settings } from "../match/settings.ts";

type Bind = (this: dgram.Socket, ...args: unknown[]) => dgram.Socket;

/**
 * Where `createSocket()` keeps its option `reusePort` until the socket is
 * bound. Undocumented; `Symbol("state symbol")` on Node 22.12 and 26.10 and on
 * Bun 1.4.4. Deno 2.9.5 has no such option.
 */
interface State {
  reusePort?: unknown;
}

/** Replaces `bind()`. */
export function patchDgram(_core: Core, { privatePorts }: Settings): void {
  const prototype: { bind: unknown } = dgram.Socket.prototype;
  const original = prototype.bind as Bind;
  const bind: Bind = function (...args) {
    const port = privatePorts || isBypassed() ? undefined : sharedPort(args);
    if (port !== undefined) {
      const state = socketState(this);
      if (state === undefined) {
        const error = cannot(
          `bind the UDP port ${port} in each worker`,
          "this runtime has no SO_REUSEPORT in node:dgram",
          'run the program on Node or Bun as in "--runtime node", or give the command "--private-ports" and bind it in the worker whose PREFORK_SLOT is 0',
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

/** The port, when it is one that the workers are to share. */
function sharedPort([first]: readonly unknown[]): number | undefined {
  let port = first;
  if (typeof first === "object" && first !== null) {
    if ("exclusive" in first && first.exclusive === true) return undefined;
    if ("fd" in first && first.fd !== undefined) return undefined;
    port = "port" in first ? first.port : undefined;
  }
  const number = typeof port === "string" ? Number(port) : port;
  return isPortNumber(number) && number > 0 ? number : undefined;
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

function socketState(socket: dgram.Socket): State | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state: unknown = Reflect.get(socket, symbol);
    if (typeof state === "object" && state !== null && "reusePort" in state) {
      return state;
    }
  }
  return undefined;
}
