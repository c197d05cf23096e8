/**
 * What the operator should know about this kernel's settings.
 *
 * @module
 */

import type { Host } from "./adapter.ts";
import type { Listener } from "./listeners.ts";

/** One sentence for each setting that a listener suffers from. */
export function kernelAdvice(
  listeners: readonly Listener[],
  host: Host,
): readonly string[] {
  const advice: string[] = [];
  // listen(2): the kernel cuts the backlog to this value in silence.
  const longest = host.sysctl("net.core.somaxconn");
  for (const { address, backlog } of listeners) {
    if (longest !== undefined && backlog > longest) {
      advice.push(
        `the kernel caps the accept queue of ${address} at ${longest} instead of ${backlog}, raise it by: sysctl net.core.somaxconn=${backlog}`,
      );
    }
  }
  const resets = host.sysctl("net.ipv4.tcp_migrate_req") !== 1;
  if (resets && listeners.some(({ mode }) => mode === "reuseport")) {
    advice.push(
      "in reuseport a worker that leaves resets the connections in its queue, unless: sysctl net.ipv4.tcp_migrate_req=1",
    );
  }
  return advice;
}
