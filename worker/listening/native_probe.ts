/**
 * How a check reaches a native server: by its graft.
 *
 * @module
 */

import { AF, checked, SOCK } from "../../libc/libc.ts";
import { openLibc } from "../../libc/open.ts";
import { ipSockaddr, unixSockaddr } from "../../libc/sockaddr.ts";
import { type Graft, kernelHere, startListening } from "../graft/graft.ts";
import { boundAt } from "../graft/sockets.ts";
import { cannot } from "../process/errors.ts";
import { temporaryPath } from "./native_socket.ts";
import type { OpenProbe } from "../process/probe.ts";
import { LOOPBACK } from "./probe.ts";

/**
 * How a grafted server is reached that is held back: it accepts from another
 * socket meanwhile.
 *
 * @param socket the inherited one
 */
export function lendProbe(
  graft: Graft,
  socket: number,
  tls: boolean,
): OpenProbe {
  return () => {
    const libc = openLibc();
    const path = temporaryPath(socket);
    const family = path === undefined ? AF.inet : AF.unix;
    const type = SOCK.stream | SOCK.nonblock | SOCK.cloexec;
    const own = checked(libc, libc.socket(family, type, 0), "socket");
    try {
      const address = path === undefined
        ? ipSockaddr(LOOPBACK, 0)
        : unixSockaddr(path);
      checked(libc, libc.bind(own, address, address.length), "bind");
      startListening(own, 1);
      const lent = graft.lend?.(own);
      const at = boundAt(kernelHere(own), own);
      if (lent !== undefined && at !== undefined) {
        return {
          at,
          tls,
          [Symbol.dispose]() {
            lent[Symbol.dispose]();
            libc.close(own);
          },
        };
      }
    } catch (error) {
      libc.close(own);
      throw error;
    }
    libc.close(own);
    throw cannot(
      "reach the server for a check",
      "it accepts already",
      "report it with the version of the runtime",
    );
  };
}
