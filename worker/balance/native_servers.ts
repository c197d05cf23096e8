/**
 * Has the runtimes' own servers yield, where the pool is `balanced`.
 *
 * @module
 */

import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { duplicate } from "../../libc/libc.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf } from "../../core/errors.ts";
import type { Balancer, Rebalance } from "../process/balancing.ts";
import {
  type Counted,
  createNativeLoad,
  type NativeLoad,
} from "./native_load.ts";
import { waitingAt } from "./waiting.ts";
import {
  createYielding,
  type Delay,
  type Yielding,
  type YieldingServer,
} from "./yielding.ts";
import { presentCore } from "../process/worker_core.ts";
import { type Graft, kernelHere } from "../graft/graft.ts";
import type { Kernel } from "../graft/kernel.ts";
import { viewConnections } from "../graft/connections.ts";

/** What all servers of this process share. */
interface Shared {
  readonly load: NativeLoad;
  readonly yielding: Yielding;
}

// One balancer per process, so one of these.
const sharedOfBalancer = new WeakMap<Balancer, Shared>();

/**
 * What a server is to call for each request or connection, which costs next to
 * nothing; undefined where the listener is not `balanced`.
 */
export function touchOf(listener: InheritedListener): (() => void) | undefined {
  return sharedOf(listener)?.yielding.touch;
}

/**
 * The same for a server that calls back before it accepts the next connection,
 * and that can be stopped there.
 */
export function lookOf(listener: InheritedListener): (() => void) | undefined {
  return sharedOf(listener)?.yielding.look;
}

/**
 * Has a grafted server yield where its listener is `balanced`. To quiesce the
 * graft that is returned ends that for good.
 *
 * @param socket the descriptor of the inherited socket
 * @param open how many connections the server has, where it knows
 */
export function yieldBy(
  listener: InheritedListener,
  graft: Graft,
  socket: number,
  open?: () => number,
): Graft {
  const shared = sharedOf(listener);
  // What comes by a shard that it helps with is counted at its own, since all
  // shards have one address.
  const isOwn = listener.mode !== "sharded" ||
    socket === listener.fds[listener.shard];
  if (shared === undefined || !isOwn) return graft;
  const kernel = kernelHere(socket);
  const load = shared.load.add(
    open === undefined
      ? { open: countedBy(kernel, graft, socket), cheap: false }
      : { open, cheap: true },
  );
  // Of its own: what the other stands for may change while the server yields.
  const own = duplicate(kernel.libc, socket);
  const yielding = shared.yielding.join(
    listener.mode === "balanced"
      ? {
        quiesce: graft.quiesce,
        resume: graft.resume,
        waits: waitingAt(kernel.libc, own),
      }
      : COUNTED,
  );
  let joined = true;
  return {
    epoll: graft.epoll,
    get quiesced() {
      return graft.quiesced;
    },
    quiesce() {
      if (joined) {
        joined = false;
        yielding[Symbol.dispose]();
        load[Symbol.dispose]();
        kernel.libc.close(own);
      }
      graft.quiesce();
    },
    resume: graft.resume,
  };
}

/** One that the kernel chooses for: its connections are counted. */
const COUNTED: YieldingServer = {
  quiesce: () => {},
  resume: () => {},
  waits: () => false,
};

function countedBy(
  kernel: Kernel,
  { epoll }: Graft,
  socket: number,
): Counted["open"] {
  const view = viewConnections(kernel, epoll, socket);
  return () => view.count();
}

/** What ends connections of a listener's servers, where the pool wants that. */
export function rebalanceOf(
  listener: InheritedListener,
): Rebalance | undefined {
  const balancer = presentCore()?.balancer;
  return balancer !== undefined && isCounted(listener, balancer)
    ? balancer.rebalance
    : undefined;
}

/** True where the load of a listener's servers is to be known. */
export function isCounted(
  { mode }: InheritedListener,
  { steers, rebalance }: Pick<Balancer, "steers" | "rebalance">,
): boolean {
  return mode === "balanced" ||
    (mode === "sharded" && (steers || rebalance !== undefined));
}

function sharedOf(listener: InheritedListener): Shared | undefined {
  const balancer = presentCore()?.balancer;
  if (balancer === undefined || !isCounted(listener, balancer)) {
    return undefined;
  }
  let shared = sharedOfBalancer.get(balancer);
  if (shared === undefined) {
    const now = (): number => performance.now();
    const openFiles = (): number => kernelHere(0).openFiles();
    const load = createNativeLoad(openFiles, now);
    const yielding = createYielding({
      balancer,
      load,
      now,
      delay,
      failed: warnUnbalanced,
    });
    sharedOfBalancer.set(balancer, shared = { load, yielding });
  }
  return shared;
}

const delay: Delay = (run, ms) => {
  const timer = setTimeout(run, ms).unref();
  return { cancel: () => clearTimeout(timer) };
};

/** Says that nothing keeps the connections of a server even. */
export function warnUnbalanced(error: unknown, listener?: string): void {
  const server = listener === undefined ? "a server" : `"${listener}"`;
  process.stderr.write(
    `connections of ${server} are shared and not balanced: ${
      messageOf(error)
    }\n`,
  );
}
