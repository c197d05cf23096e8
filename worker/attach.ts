/**
 * `attach()`: makes this process a worker of the pool that started it.
 *
 * @module
 */

import process from "node:process";
import { setImmediate } from "node:timers";
import type { Inheritance } from "../core/launch/environment.ts";
import { messageOf } from "../core/errors.ts";
import { parseMetrics } from "../core/exposition/parse.ts";
import { encode, MAX_ID, refuseForeign } from "../core/protocol.ts";
import { limitOf } from "../core/balance/policy.ts";
import { createBalancer, sensesOf } from "./balance/balancer.ts";
import { touchBy } from "./balance/help.ts";
import { type Steered, steeredBy } from "./balance/steered.ts";
import { createPassing } from "./balance/passing.ts";
import type { Balancer } from "./process/balancing.ts";
import { openChannel, refChannel } from "./process/channel.ts";
import { type Attachment, type Core, coreOf } from "./process/worker_core.ts";
import {
  createDrain,
  createLeave,
  DRAIN_MS,
  IDLE_MS,
  LEAVE_ANSWER_MS,
  ORPHAN_MS,
} from "./drain/drain.ts";
import {
  forgetOtherProtocols,
  showSlot,
  takeInheritance,
} from "./process/environment.ts";
import { createHandoff } from "./handoff/dispatcher.ts";
import { tellLoad } from "./process/load.ts";
import { countRequests, type RequestCount } from "./process/request_count.ts";
import { createMessages } from "./process/messages.ts";
import { createParking } from "./park.ts";
import { createStandby } from "./standby.ts";
import { handleMessages } from "./supervisor_messages.ts";
import { createOnDemand } from "./listening/on_demand.ts";
import { keepPath } from "./process/own_paths.ts";
import { RUNTIME } from "./process/runtime.ts";
import { showTitle } from "./process/names.ts";
import { grantFor } from "./process/permission.ts";
import { tellStackAfter } from "./process/stack.ts";
import { trapStandalone, trapSupervised } from "./process/signals.ts";
import type { Worker } from "./types.ts";

/**
 * Makes this process a worker: reads what it inherited, removes that from the
 * environment but for slot and generation, greets the supervisor, obeys its
 * messages and traps signals. Every call returns the same object.
 *
 * In a pool SIGINT is ignored and SIGTERM drains for at most 30 s; by hand
 * both drain for at most 30 s and a second SIGINT ends the process at once. A
 * worker whose supervisor dies drains for at most 2.5 s. A drain ends the
 * process: with `process.exitCode` or 0 when all was finished, with 1 when its
 * time ran out.
 *
 * @typeParam In the program's own messages from the supervisor
 * @typeParam Out the program's own messages to the supervisor
 * @throws {TypeError} when the inherited variables cannot be understood
 *
 * @example
 * ```ts
 * import { attach } from "@prefork/prefork/worker";
 *
 * const worker = attach<{ flush: boolean }, { flushed: number }>();
 * worker.draining.addEventListener("abort", () => {
 *   worker.waitUntil(Promise.resolve());
 * });
 * worker.ready();
 * ```
 */
export function attach<In = unknown, Out = unknown>(): Worker<In, Out> {
  const { worker } = attachedCore();
  // Messages may be all that the program lives for.
  if (worker.supervised) refChannel();
  return worker as Worker<In, Out>;
}

/** The core of this process; attaches if that has not happened yet. */
export function attachedCore(): Core {
  const core = preloadedCore();
  if (core.worker.supervised) forgetOtherProtocols();
  return core;
}

/** The same for a program that does not know of prefork. */
export function preloadedCore(): Core {
  return coreOf(createCore);
}

/** Has the stack told of an event loop that stands still, where that is wanted. */
function watchStack(inheritance: Inheritance, tell: Core["tell"]): void {
  const { stackAfter } = inheritance;
  if (stackAfter === undefined || RUNTIME.name !== "node") return;
  try {
    tellStackAfter(stackAfter, encode({ type: "stack", calls: "" }) as object);
  } catch (error) {
    const message = `the stack of a worker that hangs cannot be told: ${
      messageOf(error)
    }`;
    tell({ type: "warn", message });
  }
}

/** What keeps the load even, where the pool wants that. */
function balancerOf(
  inheritance: Inheritance | undefined,
  requests: RequestCount,
  steered: Steered | undefined,
): Balancer | undefined {
  const seat = inheritance?.seat;
  if (seat === undefined) return undefined;
  const { listeners } = inheritance!;
  try {
    // Where the kernel has chosen nobody has too many.
    const policy = listeners.some(({ mode }) => mode === "balanced")
      ? limitOf
      : undefined;
    return createBalancer(seat, requests, sensesOf(seat, steered), policy);
  } catch (error) {
    process.stderr.write(
      `connections are shared and not balanced: the scoreboard cannot be read (${
        grantFor(error) ?? messageOf(error)
      })\n`,
    );
    return undefined;
  }
}

function createCore(): Core {
  const inheritance = takeInheritance();
  inheritance?.listeners.forEach(({ address }) => keepPath(address));
  const channel = openChannel();
  const messages = createMessages();
  const attachments: Core["attachments"] = new Map();
  const missing = new Set(inheritance?.listeners.map((each) => each.name));
  /** What was served by a server that is closed. */
  const former = new Map<string, Attachment>();
  let slot = inheritance?.slot ?? 0;
  let isReady = false;

  const tell: Core["tell"] = (message) =>
    inheritance !== undefined && channel.send(encode(message));
  const seat = inheritance?.seat;
  const steered = seat && steeredBy(seat, inheritance!.listeners, () => slot);
  const requests = countRequests(
    inheritance?.requests,
    tell,
    seat && touchBy(
      seat,
      tell,
      steered && {
        begin: steered.begin,
        turn() {
          steered.turn();
          balancer?.turned();
        },
      },
    ),
  );
  const balancer = balancerOf(inheritance, requests, steered);
  const sayLoad = inheritance === undefined || balancer !== undefined
    ? () => {}
    : tellLoad(requests, tell);
  const balanced = new Set(
    inheritance?.listeners.filter(({ mode }) => mode === "balanced")
      .map(({ name }) => name),
  );
  // A connection may be on its way to a server that was closed just now.
  const takerOf = (name: string): Attachment | undefined =>
    attachments.get(name) ?? former.get(name);
  const handoff = createHandoff(
    tell,
    takerOf,
    (listener) => {
      if (balanced.has(listener)) balancer?.tookOver();
      const taker = takerOf(listener);
      // It may have had nothing left.
      if (drain.signal.aborted && taker !== undefined) drain.add(taker);
      return balanced.has(listener);
    },
  );
  const drain = createDrain(handoff.flush);
  const leave = createLeave(tell);
  drain.ending.part = () => {
    sayLoad();
    return leave.ask();
  };
  const onDemand = createOnDemand(
    tell,
    inheritance?.listeners.some(({ mode }) =>
      mode === "handoff" || mode === "balanced"
    ) ?? false,
  );
  const passing = balancer?.passes === true
    ? createPassing({
      tell,
      send: (message, handle, onFailed) =>
        channel.sendHandle(encode(message), handle, onFailed),
      balancer,
    })
    : undefined;
  drain.signal.addEventListener("abort", () => {
    balancer?.leave();
    passing?.takeBack();
  });
  const standby = createStandby(inheritance?.standby === true, tell);
  const parking = createParking({
    attachments: drain.attachments,
    draining: drain.signal,
    tell,
    flush: handoff.flush,
    balancer,
    passing,
  });
  /** Connections are passed on to whoever can take those of all listeners. */
  const takeIfAll = (): void => {
    const served = [...balanced].flatMap((name) => attachments.get(name) ?? []);
    const all = served.every(({ take }) => take !== undefined);
    if (isReady && served.length > 0 && all) balancer?.takes();
  };
  const ready = (): void => {
    if (standby.waits) return standby.say();
    if (isReady) return;
    isReady = true;
    takeIfAll();
    balancer?.serve();
    tell({ type: "ready" });
  };
  /** What a standby could serve, which counts as served only when it is. */
  const held = new Set<string>();
  const probes: Core["probes"] = new Map();
  const takeOver = (as: number): void => {
    for (const name of held) missing.add(name);
    for (const listener of inheritance?.listeners ?? []) {
      // The only place where it changes, before anything accepts there.
      const own: { shard: number } = listener;
      if (listener.mode === "sharded") own.shard = as;
    }
    showSlot(slot, as);
    showTitle(String(as));
    slot = as;
    void standby.end().then((said) => said && ready());
  };
  const resume = (as: number): void => {
    if (drain.signal.aborted) return;
    if (standby.waits) takeOver(as);
    else parking.resume();
  };

  const worker: Worker = {
    supervised: inheritance !== undefined,
    get slot() {
      return slot;
    },
    generation: inheritance?.generation ?? 0,
    listeners: new Map(
      inheritance?.listeners.map((each) => [each.name, each] as const),
    ),
    draining: drain.signal,
    get deadline() {
      return drain.deadline();
    },
    ready,
    waitUntil: drain.waitUntil,
    send(message) {
      refuseForeign(message);
      return inheritance !== undefined && channel.send(message);
    },
    stick(id) {
      if (id.length > 0 && id.length <= MAX_ID) {
        return tell({ type: "stick", id });
      }
      throw new RangeError(
        `Cannot stick to the id: it has ${id.length} characters and may have 1 to ${MAX_ID}, pass a hash of it to the client instead`,
      );
    },
    metrics(text) {
      parseMetrics(text);
      return tell({ type: "metrics", text });
    },
    onMessage: messages.on,
    messages: messages.iterate,
  };

  const core: Core = {
    worker,
    attachments,
    probes,
    ending: drain.ending,
    balancer,
    passing,
    tell,
    requests,
    leave() {
      const begin = (): void =>
        drain.begin(DRAIN_MS, IDLE_MS, "The worker was asked to leave");
      if (drain.signal.aborted) return;
      // The supervisor answers by "drain". What it has sent before that, a
      // connection perhaps, is still this worker's.
      if (!tell({ type: "leaving" })) begin();
      else setTimeout(begin, LEAVE_ANSWER_MS).unref();
    },
    room: handoff.room,
    attach(attachment, listener) {
      if (listener !== undefined) {
        attachments.set(listener, attachment);
        if (former.delete(listener)) tell({ type: "serves", listener });
        if (attachment.http) tell({ type: "http", listener });
        takeIfAll();
        refChannel();
      }
      drain.add(attachment);
      parking.late(attachment);
    },
    served(listener) {
      missing.delete(listener);
      setImmediate(() => {
        if (missing.size === 0) ready();
      });
    },
    get standby() {
      return standby.waits;
    },
    hold(listener, accept, { ready = true, probe } = {}) {
      refChannel();
      standby.hold(accept);
      if (listener === undefined) return;
      held.add(listener);
      if (probe !== undefined) probes.set(listener, probe);
      if (ready) core.served(listener);
    },
    left(listener) {
      held.delete(listener);
      probes.delete(listener);
      const attachment = attachments.get(listener);
      attachments.delete(listener);
      if (worker.listeners.has(listener)) missing.add(listener);
      if (attachment !== undefined) former.set(listener, attachment);
      else if (worker.listeners.has(listener)) return;
      tell({ type: "left", listener });
    },
    detach: drain.remove,
    open: onDemand.open,
  };

  if (inheritance === undefined) {
    messages.end();
    trapStandalone(() =>
      drain.begin(DRAIN_MS, IDLE_MS, "A signal asked the process to leave")
    );
    return core;
  }
  trapSupervised(core.leave);
  channel.onMessage(
    handleMessages({
      core,
      drain,
      leave,
      parking,
      resume,
      handoff,
      messages,
      onDemand,
    }),
  );
  channel.onDisconnect(() => {
    leave.answer();
    messages.end();
    // Where the supervisor read the output, a line of log would now fail with
    // EPIPE and end the process in the middle of its requests.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", () => {});
    }
    drain.begin(ORPHAN_MS, IDLE_MS, "The supervisor is gone");
  });
  tell({ type: "hello", runtime: RUNTIME.name, pid: process.pid });
  watchStack(inheritance, tell);
  return core;
}
