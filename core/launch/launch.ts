/**
 * Starts the process of a worker.
 *
 * @module
 */

import type { HeldSocket, SpawnPlan } from "../adapter.ts";
import { affinityOf, formatAffinity } from "../options/balance.ts";
import {
  encodeInheritance,
  type InheritedListener,
  PRELOAD_VARIABLE,
  SLOT_VARIABLE,
} from "./environment.ts";
import type { Listener } from "../listeners/listeners.ts";
import { messageOf, PreforkError } from "../errors.ts";
import { ownEnvironment } from "./own_environment.ts";
import { featuresOf } from "../options/listener_features.ts";
import { heapLimit, heapVariables } from "./heap_limit.ts";
import { stackAfter } from "../options/hang.ts";
import { isInherited } from "../options/share_mode.ts";
import { hasPort, parseListener } from "../options/address.ts";
import { ownSockets, socketVariables } from "./inherited.ts";
import { wordSocketsFor } from "./notify_socket.ts";
import { commandOf, learnsPid } from "./program.ts";
import { processPrefix } from "./process.ts";
import { accountOf } from "./user.ts";
import { preloadVariables } from "./runtime_command.ts";
import { PLACE_VARIABLE } from "./wrapper.ts";
import type { ProgramPlace } from "./program_table.ts";
import type { PoolContext } from "../context.ts";
import type { PoolWorker } from "../worker.ts";

/** Who is told what a worker does. */
type LaunchObserver = Pick<
  SpawnPlan,
  | "onLine"
  | "onMessage"
  | "onConnection"
  | "onNoise"
  | "onEnding"
  | "onLeft"
  | "onExit"
>;

/** What a worker is started with. */
type LaunchContext = Pick<
  PoolContext,
  "config" | "listeners" | "adapter" | "traffic" | "compiled" | "habits"
>;

/**
 * Starts the process of a worker, which has it from then on.
 *
 * @param variables what it gets where the supervisor's own environment has none
 * of the name
 * @throws {PreforkError} `ERR_BOOT` or `ERR_SPAWN`
 */
export function launch(
  worker: PoolWorker,
  context: LaunchContext,
  variables: Readonly<Record<string, string>>,
  observer: LaunchObserver,
): void {
  const { config, listeners, adapter, traffic, compiled, habits } = context;
  const { runtime, share } = worker;
  const { privatePorts, waitReady, startTimeout } = config;
  const reusePort = listeners.some(({ mode }) => mode === "reuseport");
  const customary = customaryVariables(
    worker,
    listeners,
    config.slotVariable,
  );
  const own = ownEnvironment(
    { ...variables, ...adapter.host.env },
    customary["PORT"],
  );
  const given = { ...own, ...config.env };
  const heap = heapLimit(runtime, share, given);
  const added = habits?.argumentsFor(programPlaceOf(worker, context)) ?? [];
  const args = [...config.args, ...added];
  const plan = { ...config, args, runtime, heap, reusePort, habits };
  const command = commandOf(plan, adapter);
  const requires = habits?.part === "NODE_OPTIONS";
  const preloaded = runtime === "exec"
    ? preloadVariables(adapter, given, requires)
    : {};
  const prefix = processPrefix(config, worker.slot, adapter.host);
  const account = accountOf(config, adapter.host);
  worker.user = config.user;
  const words = worker.words = wordSocketsFor(config, habits, adapter);
  const start: SpawnPlan = {
    command: [...prefix, ...command] as typeof command,
    runtime,
    ...(config.cwd !== undefined && { cwd: config.cwd }),
    inherits: [...listeners.flatMap(inheritedSockets), ...traffic.files],
    env: (fds) => ({
      ...own,
      ...account?.variables,
      ...(config.cwd !== undefined && { PWD: config.cwd }),
      ...customary,
      ...config.env,
      ...preloaded,
      ...(runtime === "exec" &&
        heapVariables(heap, { ...given, ...preloaded })),
      ...inheritanceOf(worker, context, fds),
      ...(words?.notify && { NOTIFY_SOCKET: words.notify.path }),
      [PRELOAD_VARIABLE]: JSON.stringify({
        privatePorts,
        waitReady,
        startTimeout,
        compileCache: compiled.compileCache,
        wrapped: runtime === "exec",
        title: titleOf(config),
      }),
    }),
    output: config.output,
    ...observer,
  };
  try {
    worker.process = adapter.spawn(start);
  } catch (error) {
    words?.close();
    throw error;
  }
}

/** What a worker is called where processes are listed, if the pool has a name. */
function titleOf(
  { name, runtimeArgs, program, args }: PoolContext["config"],
): { readonly name: string; readonly command: string } | undefined {
  const command = [...runtimeArgs, program, ...args].join(" ");
  return name === undefined ? undefined : { name, command };
}

/**
 * Variables that programs look for by habit: `PORT` (Heroku and all who
 * followed) is the port of the first TCP listener, else of the first one of UDP,
 * `NODE_APP_INSTANCE` (PM2), or the one that is given, the slot.
 */
export function customaryVariables(
  { slot }: { readonly slot: number },
  listeners: readonly Pick<Listener, "address">[],
  slotVariable: string = SLOT_VARIABLE,
): Record<string, string> {
  const addresses = listeners.map(({ address }) =>
    parseListener(address).address
  ).filter(hasPort);
  const first = addresses.find(({ kind }) => kind === "tcp") ?? addresses[0];
  return {
    ...(first !== undefined && { PORT: String(first.port) }),
    [slotVariable]: String(slot),
  };
}

/** What the arguments of a program in another language depend on. */
function programPlaceOf(
  { slot, generation }: PoolWorker,
  { config, listeners, adapter: { host } }: LaunchContext,
): ProgramPlace {
  return {
    sockets: listeners.map(({ address }, i) => ({ address, fd: 3 + i })),
    file() {
      try {
        const directory = host.privateDirectory(accountOf(config, host)?.uid);
        return `${directory}/${host.pid}-${slot}-${generation}`;
      } catch (error) {
        throw new PreforkError(
          "ERR_SPAWN",
          `Cannot start "${config.program}": it has no directory for a file of its own, because ${
            messageOf(error)
          }: make one of them this user's alone`,
        );
      }
    },
  };
}

function inheritanceOf(
  worker: PoolWorker,
  { config, listeners, adapter, traffic, habits }: LaunchContext,
  given: readonly number[],
): Record<string, string> {
  const { slot, generation, limits: { maxRequests } } = worker;
  const fds = habits?.places ? given.map((_, i) => 3 + i) : given;
  let at = 0;
  const affinity = affinityOf(config.balance);
  const inherited = listeners.map((listener) => {
    const count = inheritedSockets(listener).length;
    const own = fds.slice(at, at + count);
    at += count;
    const made = inheritedListener(listener, slot, own);
    return affinity === undefined || listener.mode !== "handoff"
      ? made
      : { ...made, sticky: formatAffinity(affinity) };
  });
  const seat = traffic.seatOf(worker, fds.slice(at));
  const pidToo = learnsPid(worker.runtime, adapter, habits);
  const ack = worker.words?.ack?.path;
  const plan = { slot, generation, parent: adapter.host.pid, pidToo, ack };
  return {
    ...encodeInheritance({
      slot,
      generation,
      listeners: inherited,
      ...(seat && { seat }),
      ...(maxRequests !== undefined && { requests: maxRequests }),
      ...stackAfter(config),
      standby: worker.standby,
      slotVariable: config.slotVariable,
    }),
    ...socketVariables(habits?.pass ?? "auto", ownSockets(inherited), plan),
    ...(habits?.places && { [PLACE_VARIABLE]: given.join(" ") }),
  };
}

/** The sockets of a listener that workers inherit. */
function inheritedSockets(listener: Listener): readonly HeldSocket[] {
  return isInherited(listener.mode) ? listener.sockets : [];
}

/** A listener as the worker of a slot sees it. */
function inheritedListener(
  listener: Listener,
  slot: number,
  fds: readonly number[],
): InheritedListener {
  const { name, address, mode, backlog, ipv6Only } = listener;
  const shard = mode === "sharded" ? slot : 0;
  const features = featuresOf(listener);
  return { name, address, mode, backlog, ipv6Only, fds, shard, ...features };
}
