/**
 * The one place where a failed bind becomes a sentence.
 *
 * @module
 */

import process from "node:process";
import {
  type Address,
  formatAddress,
  type TcpAddress,
} from "../../core/options/address.ts";
import type { UdpAddress } from "../../core/options/dgram.ts";
import {
  codeOf,
  forbiddenIn,
  messageOf,
  PreforkError,
} from "../../core/errors.ts";
import { called, holderOfPath, holderOfPort, isAncestor } from "./holder.ts";

/** Makes the error of a bind that failed. */
export function bindError(address: Address, cause: unknown): PreforkError {
  return new PreforkError(
    "ERR_BIND",
    `Cannot bind "${formatAddress(address)}": ${reason(address, cause)}`,
    cause,
  );
}

function reason(address: Address, cause: unknown): string {
  const forbidden = forbiddenIn(cause);
  if (forbidden !== undefined) return forbidden;
  const said = cause as { occupation?: unknown; unknownOwner?: unknown };
  if (typeof said?.unknownOwner === "string") return said.unknownOwner;
  const code = codeOf(cause) ?? "";
  switch (address.kind) {
    case "udp":
    case "tcp":
      return portReason(code, address) ?? other(cause);
    case "unix":
      return (address.abstract
        ? abstractReason(code, address.path)
        : pathReason(code, address.path, said?.occupation)) ?? other(cause);
    case "fd":
      return messageOf(cause);
  }
}

function portReason(
  code: string,
  { kind, port, host }: TcpAddress | UdpAddress,
): string | undefined {
  switch (code) {
    case "EADDRINUSE":
      return `the port is in use${by(holderOfPort(port, kind), "port")}`;
    case "EACCES":
    case "EPERM":
      return port > 0 && port < 1024
        ? `ports below 1024 are privileged, choose a port from 1024 on, ${
          kind === "tcp"
            ? 'have a systemd socket unit open it and listen on "fd:3", '
            : ""
        }or grant it with "setcap cap_net_bind_service=+ep ${process.execPath}"`
        : "the system forbids it, check the security policy of this machine";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return `this machine has no interface with the address "${host}", choose one of its own or leave the host out for all`;
    case "ENODEV":
      return `this machine has no route for the multicast group ${host}, add one as in "ip route add 224.0.0.0/4 dev eth0"`;
    case "EAFNOSUPPORT":
      return `this machine has no ${
        host.includes(":") ? "IPv6" : "IPv4"
      }, choose an address of the other family`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NONAME":
      return `the host name "${host}" cannot be resolved, check its spelling or write an IP address`;
    default:
      return undefined;
  }
}

function abstractReason(code: string, name: string): string | undefined {
  return code === "EADDRINUSE"
    ? `the name is in use${by(holderOfPath(`@${name}`), "name")}`
    : undefined;
}

function pathReason(
  code: string,
  path: string,
  occupation: unknown,
): string | undefined {
  if (occupation === "live") {
    return `another process answers on it${by(holderOfPath(path), "path")}`;
  }
  if (occupation === "file") {
    return "what is there is no socket and is left alone, remove it or choose another path";
  }
  switch (code) {
    case "ENOENT":
      return "its directory does not exist, create it first";
    case "ENOTDIR":
      return "a part of the path is no directory, choose another path";
    case "EACCES":
    case "EPERM":
      return "this user may not create it there or give it that owner, choose another path, owner or user";
    case "EROFS":
      return "the file system is read-only, choose a path on another";
    case "ENAMETOOLONG":
      return "the path is too long for a Unix socket, choose a shorter one";
    default:
      return undefined;
  }
}

/** Who has it, and the way out: this process would end with an ancestor. */
function by(holder: number | undefined, what: string): string {
  if (holder === undefined) return `, stop that or choose another ${what}`;
  const way = isAncestor(holder)
    ? ", from which this process descends:"
    : ", stop that or";
  return ` by ${called(holder)}${way} choose another ${what}`;
}

function other(cause: unknown): string {
  const message = messageOf(cause).replace(/\.$/, "");
  return `the system refused it (${message}), choose another address`;
}
