/**
 * What {@linkcode Adapter.bind} does on every runtime: names become numbers,
 * errors become sentences, paths get their permissions.
 *
 * @module
 */

import process from "node:process";
import {
  formatAddress,
  type TcpAddress,
  type UnixAddress,
} from "../../core/options/address.ts";
import type { UdpAddress } from "../../core/options/dgram.ts";
import type { BindRequest, HeldSocket } from "../../core/adapter.ts";
import type { Connection } from "../../core/adapter/connection.ts";
import { socketProblem } from "../../core/inherited/socket.ts";
import type { PathFile } from "../../core/adapter/successor.ts";
import { ipFamily } from "../../core/options/networks.ts";
import { codeOf } from "../../core/errors.ts";
import { bindError } from "./bind_error.ts";
import { keepOut, stopListening } from "./closing.ts";
import { ownSockets } from "./inherited.ts";
import type { RawSocket, RawSockets } from "./raw_socket.ts";
import { keepLink, type SpareLink } from "./spare_link.ts";
import { placePath } from "./unix_path.ts";
import { waitInAccept } from "./waiting.ts";

interface Held extends HeldSocket {
  readonly raw: RawSocket;
}

/** The path of a socket, and what keeps it there. */
interface Linked {
  readonly link: SpareLink;
  readonly file: PathFile;
}

/**
 * Binds a socket.
 *
 * @throws {PreforkError} `ERR_BIND`
 */
export async function bindHeld(
  request: BindRequest,
  sockets: RawSockets,
): Promise<HeldSocket> {
  try {
    const socket = await bind(request, sockets);
    if (request.blocks) waitInAccept(socket.fd);
    return socket;
  } catch (error) {
    throw bindError(request.address, error);
  }
}

/** Accepts on a socket that {@linkcode bindHeld} made. */
export function acceptHeld(
  socket: HeldSocket,
  backlog: number,
  onConnection: (connection: Connection) => void,
): Disposable {
  return (socket as Held).raw.accept(backlog, onConnection);
}

async function bind(
  request: BindRequest,
  sockets: RawSockets,
): Promise<HeldSocket> {
  const { address } = request;
  if (request.inherited !== undefined) {
    return await takeOver(request, request.inherited, sockets);
  }
  switch (address.kind) {
    case "tcp":
      return await holdTcp(request, address, sockets);
    case "udp":
      return await holdUdp(request, address, sockets);
    case "unix":
      return await holdUnix(request, address, sockets);
    case "fd": {
      const facts = ownSockets.socketOf(address.fd);
      const problem = socketProblem(facts);
      if (problem !== undefined || typeof facts === "string") {
        throw new Error(`file descriptor ${address.fd} ${problem}`);
      }
      if (facts.address!.kind === "udp") {
        throw new Error(
          `file descriptor ${address.fd} is a socket of UDP, "${
            formatAddress(facts.address!)
          }", to which nobody connects: name one of TCP or Unix here`,
        );
      }
      const raw = await sockets.adopt(address.fd, request.blocks);
      return await listening(request, held(facts.address!, raw));
    }
  }
}

async function holdTcp(
  request: BindRequest,
  address: TcpAddress,
  sockets: RawSockets,
): Promise<HeldSocket> {
  const { ipv6Only, reusePort } = request;
  const bindTo = (host: string): Promise<RawSocket> =>
    sockets.tcp(host, address.port, { ipv6Only, reusePort });
  let { host } = address;
  let raw: RawSocket;
  if (host === "") {
    try {
      raw = await bindTo("::");
    } catch (error) {
      // A machine without IPv6: every interface is every IPv4 interface.
      if (ipv6Only || !NO_IPV6.has(codeOf(error) ?? "")) throw error;
      raw = await bindTo("0.0.0.0");
    }
  } else {
    host = await numeric(host);
    raw = await bindTo(host);
  }
  const real = { ...address, host, port: raw.port() };
  return await listening(request, held(real, raw));
}

async function holdUdp(
  { ipv6Only, reusePort }: BindRequest,
  address: UdpAddress,
  sockets: RawSockets,
): Promise<HeldSocket> {
  const host = await numeric(address.host);
  const options = { ipv6Only, reusePort };
  const raw = await sockets.udp(host, address.port, options);
  return held({ ...address, host, port: raw.port() }, raw);
}

/** A host as an IP address. */
async function numeric(host: string): Promise<string> {
  if (ipFamily(host) !== undefined) return host;
  const { lookup } = process.getBuiltinModule("node:dns/promises");
  return (await lookup(host)).address;
}

const NO_IPV6: ReadonlySet<string> = new Set([
  "EAFNOSUPPORT",
  "EADDRNOTAVAIL",
  "EINVAL",
]);

async function holdUnix(
  request: BindRequest,
  address: UnixAddress,
  sockets: RawSockets,
): Promise<HeldSocket> {
  if (address.abstract) {
    const raw = await sockets.unix(`\0${address.path}`);
    return await listening(request, held(address, raw));
  }
  const placed = await placePath(request, address.path, sockets);
  return held(address, placed.raw, { link: placed, file: placed.file });
}

/** Holds the socket of a predecessor, which has bound it. */
async function takeOver(
  request: BindRequest,
  { fd, file }: NonNullable<BindRequest["inherited"]>,
  sockets: RawSockets,
): Promise<HeldSocket> {
  if (request.address.kind === "udp") {
    return held(request.address, await sockets.adoptUdp(fd));
  }
  const raw = await sockets.adopt(fd, request.blocks);
  const linked = file === undefined
    ? undefined
    : { link: keepLink(file.path, file), file };
  return await listening(request, held(request.address, raw, linked));
}

function held(
  address: HeldSocket["address"],
  raw: RawSocket,
  linked?: Linked,
): Held {
  let open = true;
  /** Its path, until it is removed: another pool's may be there after that. */
  let link = linked?.link;
  const removePath = (): void => {
    link?.remove();
    link = undefined;
  };
  const abandon = (): void => {
    open = false;
    raw.close();
  };
  return {
    address,
    get fd() {
      return open ? raw.fd : -1;
    },
    raw,
    rest: () => raw.rest(),
    ...(linked !== undefined && {
      mend: () => link?.mend(),
      file: linked.file,
    }),
    seal: () => {
      if (address.kind === "tcp") return open && keepOut(raw.fd);
      // One without a path could only be shut: what accepts on it is told then
      // that somebody is there, and Deno 2.9.5 looks again and again for ever.
      const hasPath = link !== undefined;
      removePath();
      return hasPath;
    },
    shut: () => {
      if (open && linked === undefined) stopListening(raw.fd);
    },
    close: () => {
      removePath();
      abandon();
    },
    abandon,
  };
}

async function listening(request: BindRequest, socket: Held): Promise<Held> {
  if (!request.listen) return socket;
  try {
    await socket.raw.listen(request.backlog);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
