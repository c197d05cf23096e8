/**
 * The variables by which programs in other languages find the sockets that they
 * inherit: each protocol is documented by the server that has invented it.
 *
 * @module
 */

import type { InheritedListener } from "./environment.ts";
import type { Pass } from "../options/program.ts";
import type { ProgramSocket } from "./program_table.ts";

/** A socket, and what the user calls it. */
export interface NamedSocket extends ProgramSocket {
  /** The listener's name. */
  readonly name: string;
}

/** The sockets of a worker, of several shards its own one. */
export function ownSockets(
  listeners: readonly Pick<
    InheritedListener,
    "name" | "address" | "fds" | "shard"
  >[],
): readonly NamedSocket[] {
  return listeners.flatMap(({ name, address, fds, shard }) => {
    const fd = fds[shard];
    return fd === undefined ? [] : [{ name, address, fd }];
  });
}

/** What is told of a worker beside its sockets. */
export interface InheritedPlan {
  /** Its slot. */
  readonly slot: number;
  /** Its generation. */
  readonly generation: number;
  /** The supervisor's process id. */
  readonly parent: number;
  /**
   * True when its command sets `LISTEN_PID`: programs refuse sockets of systemd's
   * that are not said to be theirs.
   */
  readonly pidToo: boolean;
  /** The path of its socket for Einhorn's words, where it has one. */
  readonly ack?: string | undefined;
}

type Variables = Record<string, string>;

/** Writes the variables. `auto` is for programs that nobody knows. */
export function socketVariables(
  pass: Pass,
  sockets: readonly NamedSocket[],
  plan: InheritedPlan,
): Variables {
  if (sockets.length === 0 && pass !== "einhorn") return {};
  const inOrder = sockets.every(({ fd }, i) => fd === 3 + i);
  const systemd = plan.pidToo && inOrder ? listenFds(sockets) : {};
  switch (pass) {
    case "auto":
      return { ...serverStarter(sockets, plan), ...systemd };
    case "listen-fds":
      return systemd;
    case "server-starter":
      return serverStarter(sockets, plan);
    case "einhorn":
      return einhorn(sockets, plan);
    case "fpm":
      return { FPM_SOCKETS: sockets.map(assigned).join(",") };
    case "nginx":
      // Each number is ended by the separator (ngx_add_inherited_sockets).
      return { NGINX: sockets.map(({ fd }) => `${fd};`).join("") };
    case "stdin":
      return {};
  }
}

/** Server::Starter's variables (Server/Starter.pm: `key=fd` joined by `;`). */
function serverStarter(
  sockets: readonly NamedSocket[],
  { generation }: InheritedPlan,
): Variables {
  return {
    SERVER_STARTER_PORT: sockets.map(assigned).join(";"),
    SERVER_STARTER_GENERATION: String(generation),
  };
}

function assigned({ address, fd }: NamedSocket): string {
  // Nobody's key says that it is UDP: a program asks the socket (SO_TYPE).
  const key = address.replace(/^unix:|^udp:\/\//, "")
    .replace(/^:/, "0.0.0.0:");
  return `${key}=${fd}`;
}

/** systemd's variables but LISTEN_PID, which its command sets: `commandOf`. */
function listenFds(sockets: readonly NamedSocket[]): Variables {
  return {
    LISTEN_FDS: String(sockets.length),
    LISTEN_FDNAMES: sockets.map(({ name }) => name.replaceAll(":", "_"))
      .join(":"),
  };
}

/**
 * Einhorn's (lib/einhorn/command.rb), but for `EINHORN_SOCK_FD`: the descriptor
 * of that number is closed by exec(2) in Einhorn 1.1.1.
 */
function einhorn(
  sockets: readonly NamedSocket[],
  { slot, parent, ack }: InheritedPlan,
): Variables {
  return {
    EINHORN_MASTER_PID: String(parent),
    EINHORN_CHILD_INDEX: String(slot),
    ...(ack !== undefined && { EINHORN_SOCK_PATH: ack }),
    EINHORN_FD_COUNT: String(sockets.length),
    ...Object.fromEntries(
      sockets.map(({ fd }, i) => [`EINHORN_FD_${i}`, String(fd)]),
    ),
  };
}
