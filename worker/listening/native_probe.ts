/**
 * How a check reaches a native server: by its graft.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AF, checked, SOCK } from "../../libc/libc.ts";
import { openLibc } from "../../libc/open.ts";
import { ipSockaddr, unixSockaddr } from "../../libc/sockaddr.ts";
import {
  type Graft,
  kernelHere,
  startListening,
  transportOf,
} from "../graft/graft.ts";
import { boundAt } from "../graft/sockets.ts";
import type { PreforkError } from "../../core/errors.ts";
import { cannot } from "../process/errors.ts";
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
    const isUnix = transportOf(socket) === "unix";
    const type = SOCK.stream | SOCK.nonblock | SOCK.cloexec;
    const family = isUnix ? AF.unix : AF.inet;
    const own = checked(libc, libc.socket(family, type, 0), "socket");
    let directory: string | undefined;
    const forget = (): void => {
      if (directory !== undefined) rmSync(directory, { recursive: true });
      directory = undefined;
    };
    try {
      // Where only this user can connect to it, as to the pool's perhaps.
      if (isUnix) directory = mkdtempSync(join(tmpdir(), "prefork-"));
      const address = directory === undefined
        ? ipSockaddr(LOOPBACK, 0)
        : unixSockaddr(join(directory, "check"));
      checked(libc, libc.bind(own, address, address.length), "bind");
      startListening(own, 1);
      const at = boundAt(kernelHere(own), own);
      const lent = graft.lend?.(own);
      if (at === undefined || lent === undefined) throw surprise();
      return {
        at,
        tls,
        // The path is needed no more.
        admit: forget,
        [Symbol.dispose]() {
          lent[Symbol.dispose]();
          libc.close(own);
          forget();
        },
      };
    } catch (error) {
      libc.close(own);
      forget();
      throw error;
    }
  };
}

function surprise(): PreforkError {
  return cannot(
    "reach the server for a check",
    "it accepts already",
    "report it with the version of the runtime",
  );
}
