/**
 * The filter that a listener's features put in front of a server.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import process from "node:process";
import type tls from "node:tls";
import type { Refusal } from "../../core/adapter.ts";
import { parseListener } from "../../core/options/address.ts";
import { messageOf } from "../../core/errors.ts";
import type {
  ListenerFeatures,
  ProxySettings,
} from "../../core/options/listener_features.ts";
import {
  isInNetworks,
  type Network,
  parseNetwork,
} from "../../core/options/networks.ts";
import { certificatesOf } from "../../tls/certificates.ts";
import type { Connections } from "../drain/connections.ts";
import { cannot } from "../process/errors.ts";
import {
  createFilter,
  type Filter,
  type FilterPlan,
  showSource,
  type TlsEnd,
} from "./filter.ts";
import { track } from "../drain/track.ts";
import { grantFor } from "../process/permission.ts";
import { type ServerKind, tlsOptions } from "../process/server_kind.ts";
import { RUNTIME } from "../process/runtime.ts";

/** A listener of which only this is looked at. */
export interface FilteredListener extends ListenerFeatures {
  /** Its name. */
  readonly name: string;
  /** Its address, as `formatAddress` writes it. */
  readonly address: string;
}

/** True when a server of this listener must be fed through a filter. */
export function isFiltered({ certificates, proxy }: ListenerFeatures): boolean {
  return certificates !== undefined || proxy !== undefined;
}

/**
 * Why a native server cannot serve this listener, or undefined when it can:
 * `Bun.serve` and `Deno.serve` take connections from the kernel alone, so
 * nobody can read a PROXY header before them.
 */
export function nativeRefusal(
  { proxy, certificates }: ListenerFeatures,
): Refusal | undefined {
  const instead = 'serve() of "prefork/worker" or a node:http server';
  if (proxy !== undefined) {
    return {
      reason:
        "a native server cannot be given a connection whose PROXY header was read",
      instead,
    };
  }
  return certificates === undefined ? undefined : {
    reason: "a native server does not know the certificates of the listener",
    instead,
  };
}

/**
 * The filter of a server on a listener, or undefined when every connection is
 * the server's at once.
 *
 * @param waiting holds the connections that are not through it yet
 * @throws {PreforkError} `ERR_ATTACH` when both have certificates, or those of
 * the listener cannot be used
 */
function filterFor(
  server: Server,
  kind: ServerKind,
  listener: FilteredListener,
  waiting: Set<Socket>,
): Filter | undefined {
  if (!isFiltered(listener)) return undefined;
  const end = endOf(server, kind, listener);
  const { pauseOnConnect = false } = server as Server & {
    readonly pauseOnConnect?: boolean;
  };
  const plan: FilterPlan = {
    pause: pauseOnConnect,
    ...(end !== undefined && { tls: end }),
    ...(listener.proxy !== undefined && {
      proxy: {
        version: listener.proxy.version,
        trusts: trustOf(listener.proxy, listener.address),
      },
    }),
  };
  const feed = (socket: Socket): void => void server.emit("connection", socket);
  return createFilter(plan, feed, waiting);
}

/** A server whose connections are known, whichever listener they come by. */
export interface TrackedServer {
  /** Its connections, those at a filter as well. */
  readonly connections: Connections;
  /** The filter of a listener that it is to serve. See {@linkcode filterFor}. */
  filterOf(listener: FilteredListener): Filter | undefined;
}

/** Knows the connections of a server from now on. */
export function trackServer(server: Server, kind: ServerKind): TrackedServer {
  const waiting = new Set<Socket>();
  const connections = track(server, kind, waiting);
  let keepsSource = false;
  return {
    connections,
    filterOf(listener) {
      const filter = filterFor(server, kind, listener, waiting);
      if (listener.proxy !== undefined && !keepsSource && isTls(server)) {
        // After track(), so that it is called before it: what comes of TLS must
        // have the name under which the raw connection is known.
        keepsSource = true;
        keepSource(server);
      }
      return filter;
    },
  };
}

function isTls(server: Server): server is tls.Server {
  return server instanceof process.getBuiltinModule("node:tls").Server;
}

/** How the listener ends TLS, or undefined when it does not. */
function endOf(
  server: Server,
  kind: ServerKind,
  listener: FilteredListener,
): (() => TlsEnd) | undefined {
  const own = kind === "https" || isTls(server);
  if (listener.certificates === undefined) {
    // Behind the PROXY header comes the server's own TLS. Where its https
    // cannot be given a raw connection, the filter does it with its options.
    if (kind !== "https" || RUNTIME.httpTakesFd) return undefined;
    const options = tlsOptions(server);
    return () => ({ ...options, isServer: true });
  }
  if (own) {
    throw cannot(
      `attach the ${
        kind === "http2" ? "http2" : kind === "https" ? "https" : "tls"
      } server to the listener "${listener.name}"`,
      "both have certificates",
      `use ${
        kind === "http2" ? "http2" : kind === "https" ? "http" : "net"
      }.createServer(), for which the listener ends TLS, or leave "cert" and "key" out of the listener`,
    );
  }
  const certificates = openedOf(listener);
  const protocols = PROTOCOLS[kind];
  return () => {
    const name: TlsEnd = {
      isServer: true,
      secureContext: certificates.contextFor(undefined),
      ...(protocols !== undefined && { ALPNProtocols: protocols }),
    };
    return certificates.pairs().length === 1 ? name : {
      ...name,
      SNICallback: (host, done) => done(null, certificates.contextFor(host)),
    };
  };
}

/** What servers speak, for ALPN (RFC 7301; RFC 9113 §3.2). */
const PROTOCOLS: Readonly<Record<ServerKind, string[] | undefined>> = {
  http: ["http/1.1"],
  https: ["http/1.1"],
  http2: ["h2"],
  net: undefined,
};

function openedOf(
  listener: FilteredListener,
): NonNullable<ReturnType<typeof certificatesOf>> {
  try {
    return certificatesOf(listener)!;
  } catch (error) {
    const grant = grantFor((error as Error).cause);
    throw cannot(
      `attach to the listener "${listener.name}"`,
      grant === undefined
        ? messageOf(error)
        : "its certificates cannot be read",
      grant ?? "put the files right and start again",
      error,
    );
  }
}

/** Tells who may send a PROXY header. */
function trustOf(
  { trust }: ProxySettings,
  address: string,
): (peer: Socket) => boolean {
  if (parseListener(address).address.kind === "unix") return () => true;
  const networks = trust.map(parseNetwork).filter((each): each is Network =>
    each !== undefined
  );
  return ({ remoteAddress = "" }) => isInNetworks(remoteAddress, networks);
}

/**
 * Has the connections of a server that ends TLS itself show the client whose
 * raw connection came through the filter. `_parent` is the raw connection:
 * undocumented; seen on Node 22.12 and 26.10, Deno 2.9.5 and Bun 1.4.4.
 */
function keepSource(server: tls.Server): void {
  server.prependListener("secureConnection", (socket: tls.TLSSocket) => {
    const raw = (socket as { readonly _parent?: Socket })._parent;
    const { remoteAddress, remotePort, remoteFamily } = raw ?? {};
    if (
      remoteAddress === undefined || remotePort === undefined ||
      (remoteFamily !== "IPv4" && remoteFamily !== "IPv6")
    ) return;
    showSource(socket, {
      address: remoteAddress,
      port: remotePort,
      family: remoteFamily,
    });
  });
}
