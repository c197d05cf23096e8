/**
 * What the parts of a pool have in common. It is put together once, when the
 * pool starts; each part says which of it it needs.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import type { Traffic } from "./balance/traffic.ts";
import type { PoolEvent } from "./events.ts";
import type { CompileCache } from "./launch/compile_cache.ts";
import type { RuntimePattern } from "./launch/program.ts";
import type { ProgramHabits } from "./launch/program_habits.ts";
import type { Listener } from "./listeners/listeners.ts";
import type { Heritage } from "./listeners/heritage.ts";
import type { PoolConfig } from "./options/options.ts";

/** What the parts of a pool work with. */
export interface PoolContext {
  /** The options. */
  readonly config: PoolConfig;
  /** The runtime. */
  readonly adapter: Adapter;
  /** The bound sockets. */
  readonly listeners: readonly Listener[];
  /** Which slot is run by what. */
  readonly runtimeOf: RuntimePattern;
  /** How its program is treated, where that is in another language. */
  readonly habits?: ProgramHabits | undefined;
  /** The most workers that there can be in slots. */
  readonly maxWorkers: number;
  /** Where compiled code is kept. */
  readonly compiled: CompileCache;
  /** What a predecessor has handed over, as long as it is not taken. */
  readonly heritage?: Heritage | undefined;
  /** The connections that pass through the supervisor. */
  readonly traffic: Traffic;
  /** Tells the user. */
  emit(event: PoolEvent): void;
  /** Puts something into the one queue of the pool. */
  post(task: () => void): void;
}
