/**
 * A program that listens past the pool: by a server that was made before our
 * part was loaded, or by a way of listening that it does not know.
 *
 * @module
 */

import process from "node:process";
import { failed } from "../../core/protocol.ts";
import { PROC_BY_FILES } from "../../libc/proc.ts";
import {
  inodeIn,
  type InternetSocket,
  tcpSockets,
  udpSockets,
  unixSockets,
} from "../../libc/proc_net.ts";
import { isDatagram } from "../../core/options/dgram.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Core } from "../process/worker_core.ts";
import { claimsOf, unservedOf } from "../match/claims.ts";
import type { Settings } from "../match/settings.ts";

/** When to look, as a part of the time that a worker has to become ready. */
const LATE = 0.8;

/** Tells the supervisor of such a socket shortly before it gives up. */
export function watchOwnSockets(core: Core, { startTimeout }: Settings): void {
  if (process.platform !== "linux" || startTimeout === 0) return;
  setTimeout(() => {
    const unserved = unservedOf(core);
    const unbound = unboundOf(core);
    if (unserved.length === 0 && unbound === undefined) return;
    const { heard } = claimsOf(core);
    const why = unserved.length === 0
      ? unbound
      : heard.length > 0
      ? elsewhere(heard, unserved)
      : pastThePool(core, startTimeout / 1000);
    if (why !== undefined) core.tell(failed(why));
    // Its clock begins with the process.
  }, Math.max(0, startTimeout * LATE - performance.now())).unref();
}

/** What is wrong with a program that leaves datagrams unread, if it does. */
export function unboundOf(
  core: Listening & Pick<Core, "attachments">,
): string | undefined {
  const names = [...core.worker.listeners.values()]
    .filter((each) => isDatagram(each) && !core.attachments.has(each.name))
    .map(({ name }) => name);
  if (names.length === 0) return undefined;
  const { udp: [port] } = ownSockets(core);
  return `it has not bound ${
    names.join(", ")
  } by node:dgram or listenDatagram()${
    port === undefined ? "" : `, but ${port}`
  }`;
}

/** What is wrong with a program that listens, but not where the pool is. */
function elsewhere(
  heard: readonly string[],
  unserved: readonly InheritedListener[],
): string {
  const names = unserved.map(({ name }) => name).join(", ");
  const own = heard.map((each) => `-l ${each}`).join(" ");
  return `it listens on ${
    heard.join(", ")
  }, the pool has ${names}; name what the program listens on as in "${own}"`;
}

/** What is looked at of a worker. */
export interface Listening {
  /** Itself, with the listeners that it has inherited. */
  readonly worker: Pick<Core["worker"], "listeners">;
}

/** What the program does instead of a listen() that the pool sees. */
export function pastThePool(
  core: Listening,
  seconds: number,
): string | undefined {
  const { streams, udp } = ownSockets(core);
  const but = `and has not called listen() in ${seconds} s`;
  const [stream] = streams;
  if (stream !== undefined) {
    return `the program listens on ${stream} past the pool ${but}; start its server by listen(), Bun.serve() or Deno.serve(), and after prefork's part is loaded`;
  }
  const [port] = udp;
  return port &&
    `the program has bound ${port} ${but}; one that serves UDP alone says itself when it is ready: process.send("ready"), with "--wait-ready"`;
}

type OwnSocket = Pick<InternetSocket, "inode" | "listens">;

interface OwnSockets {
  readonly streams: readonly string[];
  readonly udp: readonly string[];
}

/** What this process is open to clients on and the pool is not. */
function ownSockets(core: Listening): OwnSockets {
  const { list, link, read } = PROC_BY_FILES;
  const inodeOf = (fd: number | string): number | undefined =>
    inodeIn(link(`/proc/self/fd/${fd}`));
  try {
    const inherited = new Set(
      [...core.worker.listeners.values()]
        .flatMap(({ fds }) => fds.map(inodeOf)),
    );
    const held = new Set(list("/proc/self/fd").map(inodeOf));
    const isOwn = ({ inode, listens }: OwnSocket): boolean =>
      listens && held.has(inode) && !inherited.has(inode);
    return {
      streams: [
        ...tcpSockets(read).filter(isOwn).map(({ port }) => `port ${port}`),
        ...unixSockets(read).filter(isOwn).map(({ path }) => `unix:${path}`),
      ],
      udp: udpSockets(read).filter(isOwn).map(({ port }) => `UDP port ${port}`),
    };
  } catch {
    // On Deno the user may not have allowed it; without it nothing breaks.
    return { streams: [], udp: [] };
  }
}
