/**
 * Which addresses a worker may have the supervisor open: it could be a defect
 * that asks, or somebody who took the worker over.
 *
 * @module
 */

import type { RuntimeName } from "../adapter.ts";
import type { Host } from "../host.ts";
import { formatAddress, type ListenerSpec } from "../options/address.ts";
import { denoAllows } from "../options/deno_permission.ts";
import { nodeAllows } from "../options/node_permission.ts";
import type { PoolConfig } from "../options/options.ts";

/** The most addresses that the workers of one slot can have had opened. */
export const MAX_OPEN = 256;

/** And how many of them a second, once these have been used up. */
export const OPEN_PER_SECOND = 50;

/** The first port that every user may bind, unless the kernel says another. */
const FIRST_UNPRIVILEGED = 1024;

/** Who asks. */
export interface Asker {
  /** What runs it. */
  readonly runtime: RuntimeName | "exec";
  /** Its process, and the one that it says it is. */
  readonly pids: readonly number[];
}

/** Why an address is not opened, as the rest of a sentence. */
export function openProblem(
  spec: ListenerSpec,
  { runtime, pids }: Asker,
  { open, runtimeArgs, env }: Pick<
    PoolConfig,
    "open" | "runtimeArgs" | "env"
  >,
  host: Pick<Host, "sysctl" | "hasRights" | "env">,
): string | undefined {
  const { address } = spec;
  const name = formatAddress(address);
  const instead = `name it in the command as in "-l ${name}"`;
  if (open === "any") return undefined;
  if (open === "none") {
    return `the pool opens none ("--open none"), ${instead} or allow it by "--open unprivileged"`;
  }
  if (runtime === "deno" && !denoAllows(address, runtimeArgs)) {
    return `Deno does not allow it to this worker, ${instead} or add a permission to the "--runtime-arg"`;
  }
  const options = env["NODE_OPTIONS"] ?? host.env["NODE_OPTIONS"];
  if (runtime === "node" && !nodeAllows(runtimeArgs, options)) {
    return `Node does not allow it to this worker, ${instead} or add "--runtime-arg --allow-net"`;
  }
  return privilegeProblem(spec, pids, host);
}

function firstUnprivileged(host: Pick<Host, "sysctl">): number {
  return host.sysctl("net.ipv4.ip_unprivileged_port_start") ??
    FIRST_UNPRIVILEGED;
}

/** True for a port that not every user may bind. */
export function isPrivileged(
  port: number,
  host: Pick<Host, "sysctl">,
): boolean {
  return port !== 0 && port < firstUnprivileged(host);
}

/** Why a worker could not listen there itself, as the rest of a sentence. */
export function privilegeProblem(
  { address }: Pick<ListenerSpec, "address">,
  pids: readonly number[],
  host: Pick<Host, "sysctl" | "hasRights">,
): string | undefined {
  const instead = `name it in the command as in "-l ${formatAddress(address)}"`;
  if (address.kind === "tcp") {
    const first = firstUnprivileged(host);
    return !isPrivileged(address.port, host)
      ? undefined
      : `ports below ${first} are privileged, ${instead} or allow all by "--open any"`;
  }
  const isPath = address.kind === "unix" && !address.abstract;
  return !isPath || pids.every((pid) => host.hasRights(pid))
    ? undefined
    : `the worker has not the supervisor's rights on the file system, ${instead} or allow all by "--open any"`;
}
