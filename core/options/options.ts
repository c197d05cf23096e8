/**
 * The options of a pool: what may be given and what is assumed.
 *
 * @module
 */

import type { RuntimeName, ShareMode } from "../adapter.ts";
import type { Restarts } from "./restart.ts";
import type { RecycleConfig } from "./recycle.ts";
import type { ListenerSpec } from "./address.ts";
import type { Balance } from "./balance.ts";
import type { Rebalance } from "./rebalance.ts";
import type { SteerBy } from "./steer.ts";
import type { Budget, Portion } from "./budget.ts";
import type { ControlConfig, ControlOptions } from "./control.ts";
import type { ServiceConfig, ServiceOptions } from "./service.ts";
import type { StatusFileConfig, StatusFileOptions } from "./status_file.ts";
import type { HangConfig, HangOptions } from "./hang.ts";
import type { HealthCheckConfig, HealthCheckOptions } from "./health_check.ts";
import type { MonitorConfig, MonitorOptions } from "./monitor.ts";
import type { MemoryConfig, MemoryOptions } from "./memory.ts";
import type { PoolHooks } from "./hooks.ts";
import type { ProcessConfig, ProcessOptions } from "./process.ts";
import type { ProgramConfig, ProgramOptions } from "./program.ts";
import type { ScalingConfig, ScalingOptions } from "./scaling.ts";
import type { SignalPreset } from "./signals.ts";
import type { UpgradeConfig, UpgradeOptions } from "./upgrade.ts";
import type { UserConfig, UserOptions } from "./user.ts";
import type { WatchConfig, WatchOptions } from "./watch.ts";

/** What runs a worker: a runtime, or the program itself. */
export type WorkerRuntime = RuntimeName | "exec";

/** Where a pool listens unless told otherwise. */
export const DEFAULT_LISTEN = ":8080";

/** As `listen`: wherever the program listens. */
export const WHERE_PROGRAM = "program";

/** Which addresses are opened because a worker listens on them. */
export type OpenPolicy = "none" | "unprivileged" | "any";

/** How a reload that fails goes back to the old version. */
export type Rollback = "park" | "restart" | "none";

/** What a pool is made of. Times are in milliseconds. */
export interface PoolOptions
  extends
    HangOptions,
    HealthCheckOptions,
    ServiceOptions,
    StatusFileOptions,
    MemoryOptions,
    ProcessOptions,
    ProgramOptions,
    ControlOptions,
    MonitorOptions,
    ScalingOptions,
    WatchOptions,
    UpgradeOptions,
    UserOptions {
  /** The file that a worker runs, or with `runtime: "exec"` an executable. */
  readonly program: string;
  /** Arguments for the program. */
  readonly args?: readonly string[];
  /**
   * Where to listen: `":8080"`, `"host:port"`, `"[v6]:port"`, `"unix:/path"`,
   * `"unix:@name"`, `"fd:3"`, `"systemd:name"`, each with an optional `name=` in
   * front and `?backlog=..&share=..` behind. An empty array makes a pool without
   * sockets. An address that a socket of this process' parent has is that socket
   * (docs/NEIGHBOURS.md).
   *
   * `"program"` is where the program listens, as the command does without
   * `--listen`: the program is started once more, before the workers, to see
   * where that is. A program in another language cannot say so and gets
   * `":8080"`.
   *
   * @default {":8080"}
   */
  readonly listen?: string | readonly string[];
  /**
   * The most that `scale` may ask for. `sharded` binds so many sockets.
   *
   * @default {Math.max(8, 2 * workers)}
   */
  readonly maxWorkers?: number;
  /**
   * How many workers stand by, beyond `workers` and `maxSurge`: their program
   * has loaded, and one takes over at once when a worker crashes or is recycled,
   * or one more is wanted. In a mix of runtimes it is so many of each.
   *
   * @default {0}
   */
  readonly standby?: number;
  /**
   * How one address reaches many workers. `"balanced"` and `"auto"` over TCP are
   * shards where the kernel can be made to pick, see `steer`.
   *
   * @default {"auto"}
   */
  readonly share?: ShareMode | "auto";
  /**
   * Who gets the next connection in `handoff`: `"round-robin"`,
   * `"least-connections"`, or the same worker each time for one client address
   * (`"sticky"`), for one value of a cookie (`"sticky=cookie:NAME"`) or of a
   * parameter of the query (`"sticky=query:NAME"`). With TLS in the workers
   * only the address can be seen.
   *
   * @default {"round-robin"}
   */
  readonly balance?: Balance;
  /**
   * In `balanced`: the part of new connections that each slot gets, in relation
   * to the others', from 0.001 to 1000. `[1, 1, 1, 0.158]` gives the last of four
   * 5 %: a part `s` beside `n` others of weight 1 is the weight
   * `s * n / (1 - s)`. Slots that are not named have the weight 1.
   *
   * @default {[]}
   */
  readonly weights?: readonly number[];
  /**
   * Who chooses the shard of a new connection of TCP in `sharded`: the kernel by
   * a program that takes the worker which holds least (`"ebpf"`, on Linux as
   * root or with CAP_BPF and CAP_NET_ADMIN) or its hash (`"off"`). `"auto"` is
   * the first of them that works; an event `steering` says which and why. With
   * `"off"` `balanced` has one queue.
   *
   * @default {"auto"}
   */
  readonly steer?: SteerBy;
  /**
   * Which connections a worker ends that holds more than its share, in `balanced`
   * and `sharded`: those of HTTP where it costs the client nothing (`"on"`), the
   * WebSockets too (`"websockets"`), or none (`"off"`). See docs/BALANCE.md.
   *
   * @default {"on"}
   */
  readonly rebalance?: Rebalance;
  /**
   * What runs the workers. An object such as `{ node: 3, bun: 1 }` makes a
   * pool of several runtimes. Unless given: the supervisor's own runtime for
   * files of JavaScript and TypeScript, else `"exec"`.
   */
  readonly runtime?:
    | WorkerRuntime
    | Readonly<Partial<Record<WorkerRuntime, number>>>;
  /**
   * Arguments for the runtime, before the program: `["--inspect=0"]`. On Deno
   * a permission among them (`--allow-net`) replaces the `-A` that is given
   * otherwise.
   */
  readonly runtimeArgs?: readonly string[];
  /**
   * True to leave a worker's `listen()` alone on addresses that are not the
   * pool's. Otherwise the supervisor opens such an address once for all of
   * them.
   *
   * @default {false}
   */
  readonly privatePorts?: boolean;
  /**
   * Which addresses the supervisor opens because a worker listens on them:
   * `"none"` beside `listen`, `"any"` that it can open itself, or those that
   * need no privilege: ports that every user may bind, and paths where the
   * worker could make a socket itself.
   *
   * @default {"unprivileged"}
   */
  readonly open?: OpenPolicy;
  /**
   * Where Node keeps the compiled code of the program's modules between two
   * starts, so that a reload need not compile them again: a directory that
   * nobody but this user can write into, or `"off"`. Unless given it is
   * `prefork` in `$XDG_CACHE_HOME` or `~/.cache`, else one of this user's among
   * the temporary files. `NODE_COMPILE_CACHE` and `NODE_DISABLE_COMPILE_CACHE`
   * go before it.
   */
  readonly compileCache?: string;
  /**
   * Where the output of workers goes: to the supervisor's own, or as
   * `worker-output` events.
   *
   * @default {"inherit"}
   */
  readonly output?: "inherit" | "lines";
  /**
   * Which signals to this process the pool obeys while it runs: `true` is
   * `"default"`, and `"unicorn"`, `"gunicorn"`, `"nginx"` and `"einhorn"` are the
   * habits of those: which signal drains and which one kills at once.
   *
   * @default {false}
   */
  readonly signals?: boolean | SignalPreset;
  /**
   * The time in which workers accept as ever after the wish to stop, while
   * `status()` says `stopping`. A second SIGTERM, or SIGINT, ends it; it is left
   * out where not every worker has been ready.
   *
   * @default {0}
   */
  readonly drainDelay?: number;
  /**
   * The time a draining worker gives an idle keep-alive connection for one
   * more request, at most half of `grace`.
   *
   * @default {300}
   */
  readonly idleGrace?: number;
  /**
   * The time a worker has to become ready.
   *
   * @default {60_000}
   */
  readonly startTimeout?: number;
  /**
   * True when a worker is ready only once its program has said so by
   * `process.send("ready")`, or `ready()` of `prefork/worker`, and not as soon
   * as it listens.
   *
   * @default {false}
   */
  readonly waitReady?: boolean;
  /**
   * How a reload that fails goes back to the old version: the old workers stay
   * alive without accepting until it is decided, and accept again (`"park"`; a
   * worker that cannot wait is started anew); all are started anew from where
   * the program was (`"restart"`); or not at all (`"none"`), so that slots which
   * have been replaced keep their new workers.
   *
   * @default {"park"}
   */
  readonly rollback?: Rollback;
  /**
   * How many workers may be alive beyond those wanted, in a reload, in recycling
   * and in a scale: a number, or a part of those wanted as in `"25%"`, rounded
   * up. Workers that drain count, they take memory. 0 is for whoever has no
   * memory for one more: then `maxUnavailable` has to be 1 at least.
   *
   * @default {1}
   */
  readonly maxSurge?: Portion;
  /**
   * How many of the wanted workers may be missing by the pool's own will, in a
   * reload, in recycling and in a scale: a number, or a part of those wanted as
   * in `"25%"`, rounded down. Where both this and `maxSurge` come to 0 by
   * rounding, it is 1.
   *
   * @default {0}
   */
  readonly maxUnavailable?: Portion;
  /**
   * Called before a worker starts, when it is ready, has drained, has ended.
   *
   * @default {{}}
   */
  readonly hooks?: PoolHooks;
  /**
   * How many workers that ended early are borne within which time (restart
   * intensity, as OTP defines it). With more the pool counts as `degraded` while
   * a slot has no ready worker, and as `down` while none has; it goes on trying.
   *
   * @default {{ intensity: Math.max(5, 2 * workers), period: 60_000 }}
   */
  readonly restarts?: Partial<Restarts>;
  /**
   * What clients get while no worker is ready, from `downAfter` on: `"503"`, with
   * Retry-After; `"refuse"`, ECONNREFUSED; or `"queue"`, nothing. Unless given,
   * 503 where a worker has served HTTP without TLS. See docs/SUPERVISION.md.
   */
  readonly down?: "503" | "refuse" | "queue";
  /**
   * How long a slot may lack a ready worker after a failure before the pool is
   * `degraded` or `down`, and clients wait where there is none at all.
   *
   * @default {5_000}
   */
  readonly downAfter?: number;
  /**
   * After so many requests of HTTP, or connections of another protocol, a worker
   * is recycled: replaced within `maxSurge` and `maxUnavailable`. Routes that
   * `Bun.serve` answers without a handler do not count.
   *
   * @default no limit
   */
  readonly maxRequests?: number;
  /**
   * After so long, in ms from when it was ready, a worker is recycled. At most
   * 2^31 - 1, which is 24.8 days.
   *
   * @default no limit
   */
  readonly maxAge?: number;
  /**
   * A worker that holds more memory than this, in bytes, is recycled: its
   * resident set (VmRSS of proc_pid_status(5)), looked at every 5 s. It is no
   * bound: it goes on serving until its successor is ready.
   *
   * @default no limit
   */
  readonly maxRss?: number;
  /**
   * A worker whose resident set has grown by more than this, in bytes, since it
   * had been ready for 10 s, is recycled.
   *
   * @default no limit
   */
  readonly maxRssGrowth?: number;
  /**
   * Each worker draws limits of its own, lower by up to this part of them, so
   * that workers which started together are not recycled together.
   *
   * @default {0.1}
   */
  readonly recycleJitter?: number;
}

/** One kind of worker of a pool. */
export interface RuntimeShare {
  /** What runs it. */
  readonly runtime: WorkerRuntime;
  /** How many of the pattern's slots it has. */
  readonly count: number;
}

/** Options that were checked and completed. */
export interface PoolConfig
  extends
    RecycleConfig,
    HangConfig,
    HealthCheckConfig,
    ServiceConfig,
    StatusFileConfig,
    MemoryConfig,
    ProcessConfig,
    ProgramConfig,
    ControlConfig,
    MonitorConfig,
    ScalingConfig,
    WatchConfig,
    UpgradeConfig,
    UserConfig,
    Budget {
  /** The program. */
  readonly program: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** The listeners, names unique; none while the program is to say them. */
  readonly listeners: readonly ListenerSpec[];
  /** True when the pool is to listen where the program does. */
  readonly learns: boolean;
  /** How many workers at the start; undefined is one per CPU. */
  readonly workers: number | undefined;
  /** The most workers; undefined is the default. */
  readonly maxWorkers: number | undefined;
  /** How many workers of each runtime stand by. */
  readonly standby: number;
  /** The share mode asked for. */
  readonly share: ShareMode | "auto";
  /** Who gets the next connection in `handoff`. */
  readonly balance: Balance;
  /** Who chooses among shards. */
  readonly steer: SteerBy;
  /** Which connections are ended where there are too many. */
  readonly rebalance: Rebalance;
  /** The part of new connections that slots get; 1 where it says nothing. */
  readonly weights: readonly number[];
  /** The runtimes, or undefined to choose by the program. */
  readonly runtimes: readonly RuntimeShare[] | undefined;
  /** Arguments for the runtime. */
  readonly runtimeArgs: readonly string[];
  /** Whether addresses that are not the pool's are a worker's own. */
  readonly privatePorts: boolean;
  /** Which addresses workers may have opened. */
  readonly open: OpenPolicy;
  /** The directory of the compile cache, `"off"`, or undefined to choose one. */
  readonly compileCache: string | undefined;
  /** Where output goes. */
  readonly output: "inherit" | "lines";
  /** Which signals are trapped; undefined is none. */
  readonly signals: SignalPreset | undefined;
  /** Time before a drain of all, ms. */
  readonly drainDelay: number;
  /** Grace of idle connections, ms. */
  readonly idleGrace: number;
  /** Start timeout, ms. */
  readonly startTimeout: number;
  /** Whether the program itself says when it is ready. */
  readonly waitReady: boolean;
  /** How a reload that fails is undone. */
  readonly rollback: Rollback;
  /** What is called at turns in a worker's life. */
  readonly hooks: PoolHooks;
  /** How many restarts are borne; the intensity undefined by the workers. */
  readonly restarts: Pick<Restarts, "period"> & Partial<Restarts>;
  /** What clients get while no worker is ready; undefined by the listener. */
  readonly down: "503" | "refuse" | "queue" | undefined;
  /** How long a slot may be without a ready worker after a failure, ms. */
  readonly downAfter: number;
}
