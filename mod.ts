/**
 * Prefork worker pools for Node, Deno and Bun: one listening socket, many
 * worker processes, not one dropped connection.
 *
 * @example A pool of four workers
 * ```ts
 * import { Pool } from "@prefork/prefork";
 *
 * await using pool = new Pool({
 *   program: "server.ts",
 *   listen: ":8080",
 *   workers: 4,
 *   signals: true,
 * });
 * await pool.start();
 * for await (const event of pool.events()) {
 *   if (event.type === "worker-exited") console.error(event);
 * }
 * ```
 *
 * The program of the workers imports `@prefork/prefork/worker`.
 *
 * @module
 */

import process from "node:process";
import { isMain } from "./adapters/shared/main.ts";

export { Pool } from "./adapters/pool.ts";
export type { PoolCore } from "./core/pool.ts";
export type { ProgramOrder } from "./core/upgrade/program.ts";
export type {
  SuccessorOptions,
  UpgradeReport,
} from "./core/upgrade/upgrades.ts";
export type {
  OpenPolicy,
  PoolOptions,
  Rollback,
  WorkerRuntime,
} from "./core/options/options.ts";
export {
  type Config,
  type ConfigExport,
  defineConfig,
  type PoolEntry,
} from "./core/options/config.ts";
export type {
  HangOptions,
  HangSignal,
  HangStack,
} from "./core/options/hang.ts";
export type { HealthCheckOptions } from "./core/options/health_check.ts";
export type { UpgradeOptions } from "./core/options/upgrade.ts";
export type { ServiceOptions } from "./core/options/service.ts";
export type { StatusFileOptions } from "./core/options/status_file.ts";
export type { ControlOptions } from "./core/options/control.ts";
export type { MonitorOptions } from "./core/options/monitor.ts";
export type {
  ExitedWorker,
  HookedWorker,
  PoolHooks,
  StartHook,
  StartingWorker,
} from "./core/options/hooks.ts";
export type { Portion } from "./core/options/budget.ts";
export type { SignalPreset } from "./core/options/signals.ts";
export type { Restarts } from "./core/options/restart.ts";
export type { Balance } from "./core/options/balance.ts";
export type { Rebalance } from "./core/options/rebalance.ts";
export type { SteerBy, SteerStatus } from "./core/options/steer.ts";
export type { ExitReason, WorkerState } from "./core/supervise/state.ts";
export type { ReloadOptions } from "./core/options/renewal.ts";
export type { QuiesceOptions } from "./core/supervise/quiesce.ts";
export type { Receipt, Tally } from "./core/balance/receipt.ts";
export type { Evidence } from "./core/supervise/evidence.ts";
export type { ReloadPhase, ReloadStatus } from "./core/supervise/reload.ts";
export type {
  ListenerStatus,
  PoolEvent,
  PoolState,
  PoolStatus,
  QueueStatus,
  SteeringStatus,
  StopReport,
  WorkerIdentity,
  WorkerLoad,
  WorkerStatus,
} from "./core/events.ts";
export {
  EXIT,
  exitCodeOf,
  PreforkError,
  type PreforkErrorCode,
} from "./core/errors.ts";
export { formatAddress, parseListener } from "./core/options/address.ts";
export type {
  CertificateFiles,
  ListenerFeatures,
  ProxySettings,
  ProxyVersion,
} from "./core/options/listener_features.ts";
export type {
  Address,
  FdAddress,
  ListenerSpec,
  TcpAddress,
  UnixAddress,
} from "./core/options/address.ts";
export type { ReceiveBuffer } from "./core/adapter/accept_queue.ts";
export type { UdpAddress } from "./core/options/dgram.ts";
export type { RuntimeName, ShareMode } from "./core/adapter.ts";
export type { MemoryOptions } from "./core/options/memory.ts";
export type { WatchOptions } from "./core/options/watch.ts";
export type { WatchEvent } from "./core/watch/event.ts";
export type { ProcessOptions } from "./core/options/process.ts";
export type { UserOptions } from "./core/options/user.ts";
export type {
  Pass,
  ProgramOptions,
  StopSignal,
} from "./core/options/program.ts";
export type {
  ScaleRule,
  ScalingOptions,
  WorkerRange,
} from "./core/options/scaling.ts";

// A program that was bundled with this module is the main one itself.
if (/\/mod\.[jt]s$/.test(import.meta.url) && isMain(import.meta)) {
  process.stderr.write(
    'prefork: this module is the library, the command is "deno run -A jsr:@prefork/prefork/cli", "npx prefork" or "bunx --bun prefork"\n',
  );
  process.exitCode = 2;
}
