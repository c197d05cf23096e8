/**
 * What the operator should know about this kernel's settings and runtimes.
 *
 * @module
 */

import type { Adapter, Host } from "./adapter.ts";
import type { Listener } from "./listeners/listeners.ts";
import type { PoolConfig } from "./options/options.ts";
import type { Prepared } from "./preflight.ts";
import { BUN_INSPECT } from "./launch/own_environment.ts";
import { preloadFor } from "./launch/runtime_command.ts";

/** One sentence for each thing that a pool suffers from. */
export function warningsFor(
  { listeners, runtimes, compiled }: Prepared,
  { weights }: Pick<PoolConfig, "weights">,
  adapter: Adapter,
): readonly string[] {
  const warnings = [...kernelWarnings(listeners, adapter.host)];
  if (weights.length > 0 && !listeners.some(isBalanced)) {
    warnings.push(
      "the weights of slots do not count, because no listener is balanced; the lines above say why",
    );
  }
  if (compiled.noCompileCache !== undefined) {
    warnings.push(
      `Node compiles the program anew at each start, because ${compiled.noCompileCache}: make it this user's alone, or give another one or "off" as "compileCache" (--compile-cache)`,
    );
  }
  if (runtimes.has("bun") && adapter.host.env[BUN_INSPECT] !== undefined) {
    warnings.push(
      `${BUN_INSPECT} is not passed on, because one process alone can have its address: "--runtime-arg --inspect=0" gives each worker on Bun a free one`,
    );
  }
  for (const runtime of runtimes) {
    if (runtime === "exec" || preloadFor(runtime, adapter)) continue;
    warnings.push(
      `${runtime} cannot preload prefork's part from ${adapter.host.preload}, so a program must import "prefork/worker" itself, or install prefork from npm`,
    );
  }
  return warnings;
}

function isBalanced({ mode }: Listener): boolean {
  return mode === "balanced";
}

/** One sentence for each setting that a listener suffers from. */
function kernelWarnings(
  listeners: readonly Listener[],
  host: Host,
): readonly string[] {
  const warnings: string[] = [];
  // listen(2): the kernel cuts the backlog to this value in silence.
  const longest = host.sysctl("net.core.somaxconn");
  for (const { address, backlog } of listeners) {
    if (longest !== undefined && backlog > longest) {
      warnings.push(
        `the kernel caps the accept queue of ${address} at ${longest} instead of ${backlog}, raise it by: sysctl net.core.somaxconn=${backlog}`,
      );
    }
  }
  const resets = host.sysctl("net.ipv4.tcp_migrate_req") !== 1;
  if (resets && listeners.some(({ mode }) => mode === "reuseport")) {
    warnings.push(
      "in reuseport a worker that leaves resets the connections in its queue, unless: sysctl net.ipv4.tcp_migrate_req=1",
    );
  }
  return warnings;
}
