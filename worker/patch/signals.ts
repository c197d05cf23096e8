/**
 * The program's own handlers of SIGTERM, SIGINT and SIGQUIT. They run once, when
 * the worker leaves and they can break nothing any more (`drain/drain.ts`),
 * whether the supervisor asked by a message or somebody sent the signal. Its
 * handlers of messages get its own ones alone.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import os from "node:os";
import process from "node:process";
import { refChannel } from "../process/channel.ts";
import type { Core } from "../process/worker_core.ts";
import { ask, finishing } from "./exit.ts";

/** The signals that mean "leave" to programs. */
const LEAVE: readonly string[] = ["SIGTERM", "SIGINT", "SIGQUIT"];

/**
 * What of `process` is held: messages too, since prefork's own come the same way
 * and the program's handlers know nothing of them.
 */
const HELD: readonly string[] = [...LEAVE, "message"];

type Handler = (...args: unknown[]) => unknown;

/** Methods of `process` that take a handler. */
const WITH_HANDLER = [
  "on",
  "addListener",
  "once",
  "prependListener",
  "prependOnceListener",
  "off",
  "removeListener",
] as const;

/** Methods of `process` that tell of handlers. */
const WITHOUT_HANDLER = ["listeners", "rawListeners", "listenerCount"] as const;

/** Keeps the program's handlers until the worker leaves. */
export function holdSignals(core: Core): void {
  const held = new EventEmitter();
  holdOfProcess(held);
  holdOfDeno(held);
  held.on("newListener", (event) => {
    if (event === "message") refChannel();
  });
  core.worker.onMessage((message) => held.emit("message", message));
  heedKill(core, held);
  core.ending.tellProgram = () => {
    // Programs that shut down on several mean the same by them.
    const name = LEAVE.find((each) => held.listenerCount(each) > 0);
    if (name === undefined) return;
    const handlers = held.rawListeners(name) as Handler[];
    const number = os.constants.signals[name as NodeJS.Signals];
    finishing(
      core,
      handlers.map((each) => each.call(process, name, number)),
    );
  };
}

function holdOfProcess(held: EventEmitter): void {
  const patched: Record<string, unknown> = {};
  for (const name of WITH_HANDLER) {
    const real = process[name] as Handler;
    patched[name] = (event: string, handler: Handler): unknown => {
      if (HELD.includes(event)) held[name](event, handler);
      else real.call(process, event, handler);
      return process;
    };
  }
  for (const name of WITHOUT_HANDLER) {
    const real = process[name] as Handler;
    // Node itself counts before it gives a message to anybody.
    const counts = (event: string): boolean =>
      name === "listenerCount" && event === "message";
    patched[name] = (event: string, ...rest: [Handler?]): unknown =>
      HELD.includes(event) && !counts(event)
        ? (held[name] as Handler)(event, ...rest)
        : real.call(process, event, ...rest);
  }
  const real = process.removeAllListeners;
  patched["removeAllListeners"] = (event?: string): unknown => {
    if (event === undefined || HELD.includes(event)) {
      held.removeAllListeners(event);
    }
    // Without a name it would also take the channel's and our own handlers.
    if (event !== undefined && !HELD.includes(event)) {
      real.call(process, event);
    }
    return process;
  };
  for (const [name, value] of Object.entries(patched)) {
    Object.defineProperty(process, name, {
      value,
      configurable: true,
      enumerable: false,
      writable: true,
    });
  }
}

/** What is used of Deno; both have been there since 1.17. */
interface DenoSignals {
  addSignalListener(signal: string, handler: () => void): void;
  removeSignalListener(signal: string, handler: () => void): void;
}

function holdOfDeno(held: EventEmitter): void {
  const deno = (globalThis as { readonly Deno?: DenoSignals }).Deno;
  if (deno === undefined) return;
  const { addSignalListener, removeSignalListener } = deno;
  deno.addSignalListener = (signal, handler) => {
    if (LEAVE.includes(signal)) held.on(signal, handler);
    else addSignalListener(signal, handler);
  };
  deno.removeSignalListener = (signal, handler) => {
    if (LEAVE.includes(signal)) held.off(signal, handler);
    else removeSignalListener(signal, handler);
  };
}

/**
 * A handler that is done may remove itself and send the process its signal
 * again (NestJS and the package signal-exit do), to end as if there had been
 * no handler.
 */
function heedKill(core: Core, held: EventEmitter): void {
  const kill = process.kill;
  process.kill = (pid, signal = "SIGTERM") => {
    const ends = pid === process.pid && core.worker.draining.aborted &&
      LEAVE.includes(String(signal)) &&
      held.listenerCount(String(signal)) === 0;
    if (!ends) return kill.call(process, pid, signal);
    ask();
    return true;
  };
}
