/**
 * What the operator should know about this kernel's settings and runtimes.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import { warningOf } from "./doctor/finding.ts";
import { queueTrouble, RESETS } from "./doctor/kernel.ts";
import { memoryTroubles } from "./doctor/limits.ts";
import type { PoolEvent } from "./events.ts";
import type { Host } from "./host.ts";
import type { Listener } from "./listeners/listeners.ts";
import { marginsOf } from "./options/budget.ts";
import type { PoolConfig } from "./options/options.ts";
import { hasLimits } from "./options/recycle.ts";
import { MemoryBudget } from "./supervise/memory_budget.ts";
import type { Prepared } from "./preflight.ts";
import { BUN_INSPECT } from "./launch/own_environment.ts";
import { startsJavaScript } from "./launch/program.ts";
import type { ProgramHabits } from "./launch/program_habits.ts";
import type { ProgramPlace } from "./launch/program_table.ts";
import { refusingOf } from "./supervise/down.ts";
import { preloadFor } from "./launch/runtime_command.ts";

/** Tells where a pool listens, and what it suffers from. */
export function announcePool(
  prepared: Prepared,
  adapter: Adapter,
  emit: (event: PoolEvent) => void,
): void {
  for (const { name, address, mode, reason } of prepared.listeners) {
    emit({ type: "listening", name, address, share: mode, reason });
  }
  const { habits, listeners } = prepared;
  if (habits !== undefined) {
    const sockets = listeners.map(({ address }, i) => ({ address, fd: 3 + i }));
    const file = (): string => "FILE";
    emit({
      // First what it is, then how it is treated.
      ...executableFields(habits, listeners),
      ...programEvent(habits, { sockets, file }),
    });
  }
  for (const message of warningsFor(prepared, adapter)) {
    emit({ type: "warning", message });
  }
}

/** What is said of a program that is one file with its runtime. */
function executableFields(
  { executable, part }: ProgramHabits,
  listeners: readonly Listener[],
): { executable?: "node" | "bun"; sockets?: string } {
  if (executable === undefined) return {};
  const own = listeners.some(({ mode }) => mode === "reuseport");
  const sockets = part === undefined
    ? "by LISTEN_FDS, or listen({ fd: 3 })"
    : `${
      own ? "its own, bound by listen()" : "the pool's, by listen()"
    }, with prefork's part in ${part}`;
  return { executable, sockets };
}

/** How a program in another language is treated. */
export function programEvent(
  habits: ProgramHabits,
  place: ProgramPlace,
): Extract<PoolEvent, { readonly type: "program" }> {
  const { name, pass, settings, stopSignal: stop } = habits;
  const added = habits.argumentsFor(place).join(" ");
  return {
    type: "program",
    ...(name !== undefined && { name }),
    pass: pass === "auto" ? "listen-fds,server-starter" : pass,
    ...(added !== "" && { added }),
    ...(settings !== undefined && { settings }),
    stop,
  };
}

/** One sentence for each thing that a pool suffers from. */
function warningsFor(prepared: Prepared, adapter: Adapter): readonly string[] {
  const { config, listeners, runtimes, compiled } = prepared;
  const { weights } = config;
  const warnings = [
    ...prepared.notes ?? [],
    ...kernelWarnings(listeners, adapter.host),
    ...recycleWarnings(config, prepared, adapter),
    ...memoryWarnings(config, prepared, adapter),
    ...(config.down === "refuse" ? refuseWarnings(listeners, adapter) : []),
  ];
  if (weights.length > 0 && !listeners.some(goesByLoad)) {
    warnings.push(
      "the weights of slots do not count, because no listener is balanced; the lines above say why",
    );
  }
  if (compiled.noCompileCache !== undefined) {
    warnings.push(
      `Node compiles the program anew at each start, because ${compiled.noCompileCache}, or give "off" as "compileCache" (--compile-cache)`,
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

/** One sentence for each limit of a worker that cannot be kept. */
function recycleWarnings(
  config: PoolConfig,
  { workers, runtimes }: Prepared,
  adapter: Adapter,
): readonly string[] {
  const warnings: string[] = [];
  const { maxRss, maxRssGrowth } = config;
  const looks = maxRss !== undefined || maxRssGrowth !== undefined ||
    config.memory !== undefined;
  if (looks && adapter.host.rss() === undefined) {
    warnings.push(
      `no worker is recycled for its memory, because this supervisor cannot read VmRSS in /proc/self/status: limit it by "maxAge" (--max-age) instead`,
    );
  }
  const deaf = runtimes.has("exec") && !startsJavaScript(config, adapter);
  if (config.maxRequests !== undefined && deaf) {
    warnings.push(
      `a program in another language is recycled by "maxRequests" (--max-requests) only if it says "spent" (docs/PROTOCOL.md): limit it by "maxAge" (--max-age) instead`,
    );
  }
  const alone = workers === 1 && marginsOf(config, workers).maxSurge === 0;
  if (alone && hasLimits(config)) {
    warnings.push(
      `the only worker is never recycled, because that would leave none: allow one more for the time by "maxSurge" (--max-surge 1)`,
    );
  }
  return warnings;
}

/** One sentence for each listener that cannot be closed for clients. */
function refuseWarnings(
  listeners: readonly Listener[],
  adapter: Adapter,
): readonly string[] {
  return listeners.flatMap((listener) => {
    if (listener.mode === "reuseport") return [];
    if (refusingOf(listener, adapter) !== undefined) return [];
    return [
      `while no worker is ready, "refuse" (--down) accepts clients of ${listener.name} and closes them at once: only a socket of TCP that this pool has opened can refuse them, not in handoff, and not without libc`,
    ];
  });
}

/** One sentence for each thing that is wrong with the pool's memory. */
function memoryWarnings(
  config: PoolConfig,
  { workers: wanted }: Prepared,
  adapter: Adapter,
): readonly string[] {
  const { memory } = config;
  if (memory === undefined) return [];
  const limit = adapter.host.memoryGroup()?.limit;
  const { share } = new MemoryBudget({ config, adapter }, { wanted });
  return memoryTroubles(memory, limit, share).map(warningOf);
}

/** True where weights count; of shards who picks among them says if not. */
function goesByLoad({ mode }: Listener): boolean {
  return mode === "balanced" || mode === "sharded";
}

/** One sentence for each setting that a listener suffers from. */
function kernelWarnings(
  listeners: readonly Listener[],
  host: Host,
): readonly string[] {
  const longest = host.sysctl("net.core.somaxconn");
  const troubles = listeners.flatMap(({ address, backlog }) =>
    queueTrouble(address, backlog, longest) ?? []
  );
  const resets = host.sysctl("net.ipv4.tcp_migrate_req") !== 1;
  if (resets && listeners.some(({ mode }) => mode === "reuseport")) {
    troubles.push(RESETS);
  }
  return troubles.map(warningOf);
}
