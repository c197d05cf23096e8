/**
 * Has the kernel choose among the shards of an address, by libc.
 *
 * @module
 */

import { codeOf, messageOf } from "../../core/errors.ts";
import { steerProgram } from "../../core/steer/program.ts";
import type { Steer } from "../../core/steer/steer.ts";
import { STEER_ROW_BYTES, steerTable } from "../../core/steer/table.ts";
import {
  attachProgram,
  createSockets,
  createTable,
  detachProgram,
  hasSocket,
  loadProgram,
  putInSocketMap,
} from "../../libc/bpf.ts";
import { duplicate, type Libc, mapShared } from "../../libc/libc.ts";
import { openLibc } from "../../libc/open.ts";
import { withhold } from "./ambient.ts";
import { rightsOf } from "./host.ts";
import { readProc } from "./proc.ts";

/** Bits of CapEff (linux/capability.h); SYS_ADMIN stands for both others. */
const CAP = { netAdmin: 12n, sysAdmin: 21n, bpf: 39n } as const;

/**
 * For so many shards there is room in a map, which a successor with more slots
 * goes on with: the verifier of Linux 6.18 takes a program for some 1,300 slots.
 */
const MOST_SOCKETS = 2048;

/** How they are given. */
const REMEDY =
  "systemd gives them by AmbientCapabilities=CAP_BPF CAP_NET_ADMIN, Kubernetes by capabilities.add: [BPF, NET_ADMIN]";

/**
 * Makes the load table of so many slots.
 *
 * @throws {Error} why it cannot be had
 */
export function steer(slots: number): Steer {
  const libc = openLibc();
  const fds: number[] = [];
  const opened = (fd: number): number => {
    fds.push(fd);
    return fd;
  };
  const close = (): void => fds.splice(0).forEach((fd) => libc.close(fd));
  return explained(() => {
    const bytes = slots * STEER_ROW_BYTES;
    const fd = opened(createTable(libc, STEER_ROW_BYTES, slots));
    try {
      const table = steerTable(mapShared(libc, fd, bytes));
      return {
        fd,
        table,
        load: (map) => explained(() => loadFor(libc, slots, fd, map, opened)),
        close,
      };
    } catch (error) {
      close();
      throw error;
    }
  });
}

function loadFor(
  libc: Libc,
  slots: number,
  table: number,
  before: number | undefined,
  opened: (fd: number) => number,
): ReturnType<Steer["load"]> {
  const sockets = opened(
    before === undefined
      ? createSockets(libc, MOST_SOCKETS)
      : taken(libc, before),
  );
  const code = steerProgram({ slots, table, sockets });
  const program = opened(loadProgram(libc, code));
  // Workers write into the table alone, which takes no capability.
  withhold(libc, [Number(CAP.bpf), Number(CAP.netAdmin)]);
  return {
    map: sockets,
    put(slot, socket) {
      try {
        putInSocketMap(libc, sockets, slot, socket);
        return true;
      } catch (error) {
        const isThere = codeOf(error) === "EBUSY" &&
          hasSocket(libc, sockets, slot);
        if (isThere) return false;
        throw error;
      }
    },
    attach: (socket) => attachProgram(libc, socket, program),
    detach: (socket) => detachProgram(libc, socket),
  };
}

/** An inherited descriptor as one that no child inherits by accident. */
function taken(libc: Libc, fd: number): number {
  const own = duplicate(libc, fd);
  libc.close(fd);
  return own;
}

/** Does something, or says why it cannot be done. */
function explained<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
    const missing = missingCapabilities();
    throw new Error(
      missing === ""
        ? `the kernel refuses bpf(2) in spite of CAP_BPF and CAP_NET_ADMIN, which a seccomp filter, a user namespace or lockdown does (${
          messageOf(error)
        })`
        : `this process lacks ${missing}; ${REMEDY}`,
    );
  }
}

function missingCapabilities(): string {
  const own = rightsOf(readProc("/proc/self/status"))?.capabilities ?? 0n;
  const has = (bit: bigint): boolean =>
    (own >> bit & 1n) === 1n || (own >> CAP.sysAdmin & 1n) === 1n;
  return [
    ...(has(CAP.bpf) ? [] : ["CAP_BPF"]),
    ...(has(CAP.netAdmin) ? [] : ["CAP_NET_ADMIN"]),
  ].join(" and ");
}
