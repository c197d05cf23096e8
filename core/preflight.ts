/**
 * What has to be right before the first worker is started.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import { messageOf, PreforkError } from "./errors.ts";
import {
  chooseInherited,
  type Chosen,
  inheritedBy,
} from "./inherited/match.ts";
import { keptOrPassed, succeeded } from "./inherited/heritage.ts";
import { type PoolAsks, ProcessPools } from "./inherited/pools.ts";
import {
  hasPort,
  type ListenerSpec,
  parseListener,
} from "./options/address.ts";
import type { Heritage } from "./listeners/heritage.ts";
import {
  closeListeners,
  type Listener,
  openListeners,
} from "./listeners/listeners.ts";
import { isPrivileged } from "./listeners/permission.ts";
import {
  DEFAULT_LISTEN,
  type PoolConfig,
  type WorkerRuntime,
} from "./options/options.ts";
import { MAX_WORKERS } from "./options/values.ts";
import { type CompileCache, compileCacheOf } from "./launch/compile_cache.ts";
import { checkProcessPrefix } from "./launch/process.ts";
import {
  commandOf,
  executableOf,
  type RuntimePattern,
  runtimePattern,
  startsJavaScript,
} from "./launch/program.ts";
import { wordSocketsFor } from "./launch/notify_socket.ts";
import { habitsOf, type ProgramHabits } from "./launch/program_habits.ts";
import { programOption } from "./options/program.ts";
import { steersHere } from "./preflight_steer.ts";
import { isInherited } from "./options/share_mode.ts";

/** What depends on the machine and the program. */
export interface Place {
  /** The options; without listeners until the program has said them. */
  readonly config: PoolConfig;
  /** How many workers it starts with. */
  readonly workers: number;
  /** The most workers it can have. */
  readonly maxWorkers: number;
  /** Which slot is run by what. */
  readonly runtimeOf: RuntimePattern;
  /** What runs the workers that it starts with. */
  readonly runtimes: ReadonlySet<WorkerRuntime>;
  /** Where compiled code is kept. */
  readonly compiled: CompileCache;
  /** How the program is treated, where it is in another language. */
  readonly habits?: ProgramHabits | undefined;
}

/** A pool that can be started. */
export interface Prepared extends Place {
  /** Its bound sockets. */
  readonly listeners: readonly Listener[];
  /** What the operator should know of sockets that it was started with. */
  readonly notes?: readonly string[];
}

/** A place, and what its workers can do. */
export interface Survey extends Place {
  /** True when some workers are commands, which start who knows what. */
  readonly foreign: boolean;
  /** True when those are programs in other languages. */
  readonly deaf: boolean;
}

/**
 * Fills in what depends on the machine and looks for the program; nothing is
 * opened or started.
 *
 * @throws {PreforkError} `ERR_BOOT`, `ERR_SPAWN`
 * @throws {TypeError} when workers cannot do what is asked of them
 */
export function survey(options: PoolConfig, adapter: Adapter): Survey {
  const config = { ...options, cwd: adapter.host.resolve(options.cwd ?? ".") };
  if (options.cwd !== undefined && !adapter.host.exists(config.cwd)) {
    throw new PreforkError(
      "ERR_BOOT",
      `Cannot start workers in "${config.cwd}": there is no such directory, create it or choose another (--chdir, cwd)`,
    );
  }
  const workers = config.workers ?? Math.min(adapter.host.cpus, MAX_WORKERS);
  const maxWorkers = config.range?.max ?? config.maxWorkers ??
    Math.min(MAX_WORKERS, Math.max(8, 2 * workers));
  const runtimeOf = runtimePattern(config, adapter);
  const runtimes = new Set(
    Array.from({ length: workers }, (_, slot) => runtimeOf(slot)),
  );
  const foreign = runtimes.has("exec");
  // Behind npm and the like there is JavaScript all the same.
  const deaf = foreign && !startsJavaScript(config, adapter);
  const habits = deaf
    ? habitsOf(config, adapter, executableOf(config, adapter.host))
    : undefined;
  const option = programOption(config);
  if (!deaf && option !== undefined) {
    throw new TypeError(
      `Cannot use "${option}" for "${config.program}": it is for programs in other languages, workers on Node, Deno and Bun are told by prefork's part, leave it out`,
    );
  }
  for (const runtime of runtimes) {
    commandOf({ ...config, runtime, habits }, adapter);
  }
  checkProcessPrefix(config, adapter.host);
  wordSocketsFor(config, habits, adapter)?.close();
  const holds = heldBack(config);
  if (deaf && holds !== undefined) {
    throw new TypeError(
      `Cannot ${holds.what} of "${config.program}": ${holds.others}, leave "${holds.option}" out`,
    );
  }
  const compiled = compileCacheOf(config, runtimes, adapter);
  const place = { config, workers, maxWorkers, runtimeOf, runtimes, compiled };
  return { ...place, habits, foreign, deaf };
}

/**
 * Binds listeners for the workers of a place; where one fails, nothing is left
 * open.
 *
 * @throws {PreforkError} `ERR_SHARE_MODE`, `ERR_BIND`
 * @throws {TypeError} when a listener's settings do not fit the workers
 * @throws {RangeError} when `readyFd` is the number of a socket
 */
export async function bindFor(
  { config, workers, maxWorkers, runtimeOf, runtimes, habits, foreign, deaf }:
    Pick<
      Survey,
      | "config"
      | "workers"
      | "maxWorkers"
      | "runtimeOf"
      | "runtimes"
      | "habits"
      | "foreign"
      | "deaf"
    >,
  specs: readonly ListenerSpec[],
  adapter: Adapter,
  heritage?: Heritage,
): Promise<readonly Listener[]> {
  const shards = Math.max(workers, maxWorkers);
  const listeners = await openListeners({
    specs: checkFeatures(specs, deaf, adapter),
    share: config.share,
    shards,
    steers: steersHere({ config, specs, slots: shards, runtimeOf }, adapter),
    // One file with its runtime is that, whatever it does.
    foreign: foreign && habits?.part === undefined,
    deaf: deaf && habits?.part === undefined,
    // Other runtimes beside them would be held up.
    blocks: runtimes.size === 1 && habits?.blocks === true,
    heritage,
  }, adapter);
  const holds = heldBack(config);
  const own = listeners.find(({ mode }) => mode === "reuseport");
  if (own !== undefined && holds !== undefined) {
    closeListeners(listeners);
    throw new PreforkError(
      "ERR_SHARE_MODE",
      `Cannot ${holds.what} in "reuseport", in which each binds "${own.name}" itself: use another share mode, or leave "${holds.option}" out`,
    );
  }
  const place = own && parseListener(own.address).address;
  if (
    config.user !== undefined && place !== undefined && hasPort(place) &&
    isPrivileged(place.port, adapter.host)
  ) {
    closeListeners(listeners);
    throw new PreforkError(
      "ERR_SHARE_MODE",
      `Cannot run workers as "${config.user}" in "reuseport", in which each binds "${
        own!.name
      }" itself, and only root may: use another share mode or port, or leave "user" out`,
    );
  }
  const problem = numberProblem(config, habits, listeners);
  if (problem === undefined) return listeners;
  closeListeners(listeners);
  throw new RangeError(problem);
}

/** Why a program cannot say that it is ready by the number that was given. */
function numberProblem(
  { program, readyFd }: PoolConfig,
  habits: ProgramHabits | undefined,
  listeners: readonly Listener[],
): string | undefined {
  const count = listeners.filter(({ mode }) => isInherited(mode))
    .flatMap(({ sockets }) => sockets).length;
  // The first one is moved away from its number.
  if (habits?.pass === "stdin" && count === 1) return undefined;
  if (readyFd === undefined || readyFd >= 3 + count) return undefined;
  return `Cannot use ${readyFd} for "readyFd": the sockets of "${program}" have the numbers up to ${
    2 + count
  }, use ${count < 7 ? `${3 + count}, or "readyLine"` : `"readyLine"`}`;
}

/**
 * Surveys the place and binds the listeners. When one of them fails, nothing is
 * left open.
 *
 * @param learn finds out where the program listens
 * @param heritage what a predecessor has opened, and so learned
 * @throws what `learn` throws
 * @throws {PreforkError} `ERR_BOOT`, `ERR_SPAWN`, `ERR_SHARE_MODE`, `ERR_BIND`
 * @throws {TypeError} when a listener's settings do not fit the workers
 */
export async function prepare(
  options: PoolConfig,
  adapter: Adapter,
  learn: (place: Place) => Promise<readonly ListenerSpec[]>,
  heritage?: Heritage,
): Promise<Prepared> {
  const { foreign, deaf, ...place } = survey(options, adapter);
  const { config } = place;
  const pools = ProcessPools.of(adapter.host);
  const { specs: chosen, notes } = chooseListeners(
    config,
    adapter,
    deaf,
    heritage,
    pools.others(options),
  );
  const specs = chosen ?? knownSpecs(config, deaf) ?? await learn(place);
  const all = { ...place, foreign, deaf };
  const listeners = await bindFor(all, specs, adapter, heritage)
    .catch((error) => {
      throw explained(error, notes);
    });
  const listening = { ...config, listeners: specs };
  return { ...place, config: listening, listeners, notes: pools.once(notes) };
}

/**
 * Where the pool listens, with the sockets that this process was started with.
 *
 * @param deaf true for programs in other languages
 * @param others what other pools of this process ask for
 * @throws {PreforkError} `ERR_BIND` where what is asked for is not among them
 */
export function chooseListeners(
  config: PoolConfig,
  { host }: Adapter,
  deaf: boolean,
  heritage?: Heritage,
  others: readonly PoolAsks[] = [],
): Chosen {
  const { learns, listeners, health, metrics } = config;
  if (heritage !== undefined) {
    const { handed, isAlone, specs: before } = heritage;
    if (!learns) {
      const find = isAlone ? keptOrPassed : succeeded;
      return { specs: find(listeners, handed, host), notes: [] };
    }
    // A service manager may have kept none: it is as at the first start.
    if (before.length > 0 || !isAlone) return { specs: before, notes: [] };
  }
  const asked = learns ? undefined : listeners;
  const monitors = [health, metrics];
  // Programs in other languages get a socket as it is.
  const { resolve, socketOf } = host;
  const neighboursOf = deaf ? () => [] : host.neighboursOf;
  const place = { resolve, socketOf, neighboursOf };
  const inherited = inheritedBy(host, heritage === undefined);
  return chooseInherited(asked, inherited, place, monitors, others);
}

/** An address that is in use may be that of a socket which is here already. */
function explained(error: unknown, notes: readonly string[]): unknown {
  const isBind = error instanceof PreforkError && error.code === "ERR_BIND";
  if (!isBind || notes.length === 0) return error;
  const message = [messageOf(error), ...notes].join("; ");
  return new PreforkError("ERR_BIND", message, error.cause);
}

/** Where the pool listens; undefined while the program alone knows. */
export function knownSpecs(
  { learns, listeners }: PoolConfig,
  deaf: boolean,
): readonly ListenerSpec[] | undefined {
  if (!learns) return listeners;
  return deaf ? [parseListener(DEFAULT_LISTEN)] : undefined;
}

/**
 * What workers that load without accepting are wanted for, if they are, and why
 * others cannot be.
 */
function heldBack({ standby, check }: PoolConfig):
  | { readonly [name in "what" | "option" | "others"]: string }
  | undefined {
  if (standby > 0) {
    return {
      what: "have standby workers",
      option: "standby",
      others: "only programs on Node, Deno and Bun load without accepting",
    };
  }
  return check === undefined ? undefined : {
    what: "check workers",
    option: "check",
    others:
      `a program in another language accepts as soon as it has loaded, on a socket that all workers have, so any of them may answer the request; have it say itself that it is well ("readyNotify", "readyFd", "readyLine")`,
  };
}

/**
 * Checks the certificates of listeners and makes their paths absolute: a
 * worker may run in another directory.
 *
 * @param foreign true when some workers are programs in other languages
 * @throws {PreforkError} `ERR_BIND` when a certificate cannot be used
 * @throws {TypeError} when a program in another language would get connections
 * that nobody has ended TLS of, or read the PROXY header of
 */
export function checkFeatures(
  specs: readonly ListenerSpec[],
  foreign: boolean,
  { host }: Adapter,
): readonly ListenerSpec[] {
  return specs.map((spec) => {
    const { name, certificates, proxy } = spec;
    if (foreign && (certificates !== undefined || proxy !== undefined)) {
      const [what, settings] = certificates === undefined
        ? ["read the PROXY header", `"proxy"`]
        : ["end TLS", `"cert" and "key"`];
      throw new TypeError(
        `Cannot listen on "${name}": only workers on Node, Deno and Bun ${what}, leave ${settings} out and let the program do it`,
      );
    }
    if (certificates === undefined) return spec;
    const absolute = certificates.map(({ cert, key }) => ({
      cert: host.resolve(cert),
      key: host.resolve(key),
    }));
    for (const files of absolute) {
      const problem = host.certificateProblem(files);
      if (problem === undefined) continue;
      throw new PreforkError(
        "ERR_BIND",
        `Cannot listen on "${name}": ${problem}`,
      );
    }
    return { ...spec, certificates: absolute };
  });
}
