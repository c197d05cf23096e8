/**
 * Programs that are started by other programs: npm, npx, tsx, dotenv. A shell
 * or `env` leaves its child the sockets and the channel that it inherited. Node
 * does not: it closes what is not named in `stdio` and takes the channel for
 * itself. So a process that has not listened and starts a child in the
 * foreground gives it both, and stands between it and the supervisor.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import type { EventEmitter } from "node:events";
import { readlinkSync } from "node:fs";
import process from "node:process";
import type { Seat } from "../../core/balance/scoreboard.ts";
import {
  decodeInheritance,
  encodeInheritance,
  PRELOAD_VARIABLE,
} from "../../core/launch/environment.ts";
import { codeOf } from "../../core/errors.ts";
import { TAG } from "../../core/protocol.ts";
import type { Core } from "../process/worker_core.ts";
import { isServed } from "../match/claims.ts";
import type { Settings } from "../match/settings.ts";

/**
 * What `child_process` hands to the method that starts every child that is not
 * waited for (`ChildProcess.prototype.spawn`, seen in Node 22.12 to 26.10).
 */
interface SpawnOptions {
  readonly stdio?: unknown;
  readonly envPairs?: readonly string[];
}

/**
 * True when the sockets that the environment names are there: a process in
 * between may have closed them.
 */
export function areSocketsHere(): boolean {
  return decodeInheritance(process.env)?.listeners
    .every(({ fds }) => fds.every(isSocket)) ?? false;
}

function isSocket(fd: number): boolean {
  try {
    // Not by fstat(2), which Deno 2.9.5 calls for files only that it opened.
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
  } catch (error) {
    // Closed; where there is no such directory it is believed to be there.
    return codeOf(error) !== "ENOENT" || process.platform !== "linux";
  }
}

/** The seat that the environment names, which attaching takes out of it. */
export function seatHere(): Seat | undefined {
  return decodeInheritance(process.env)?.seat;
}

/**
 * Has children in the foreground take this process' place.
 *
 * @param seat its place on the scoreboard, where the pool has one
 */
export function handOver(
  core: Core,
  settings: Settings,
  seat: Seat | undefined,
): void {
  const { ChildProcess } = process.getBuiltinModule("node:child_process");
  const prototype = ChildProcess.prototype as {
    spawn?: (this: ChildProcess, options: SpawnOptions) => unknown;
  };
  const { spawn } = prototype;
  if (typeof spawn !== "function") return;
  const children = new Set<ChildProcess>();
  intercept(process, (message, handle) => {
    if (children.size === 0 || !isOurs(message)) return false;
    for (const child of children) pass(child, message, handle);
    return true;
  });
  prototype.spawn = function (options) {
    const stdio = foreground(options.stdio);
    if (
      stdio === undefined || !Array.isArray(options.envPairs) ||
      isServed(core) || core.worker.draining.aborted
    ) return spawn.call(this, options);
    const hasChannel = stdio.includes("ipc");
    const fds = new Map<number, number>();
    for (const { fds: own } of core.worker.listeners.values()) {
      for (const fd of own) {
        if (!fds.has(fd)) fds.set(fd, stdio.push(fd) - 1);
      }
    }
    // A seat is one process' alone.
    const own = core.balancer === undefined ? undefined : seat;
    const give = (fd: number): number => stdio.push(fd) - 1;
    const passed = own && {
      ...own,
      fd: give(own.fd),
      ...(own.steer && { steer: { ...own.steer, fd: give(own.steer.fd) } }),
    };
    if (!hasChannel) stdio.push("ipc");
    const place = placeVariables(core, settings, fds, passed);
    const result = spawn.call(this, {
      ...options,
      stdio,
      envPairs: withPlace(options.envPairs, place),
    });
    if (!this.connected) return result;
    core.balancer?.resign();
    children.add(this);
    this.once("exit", () => children.delete(this));
    // The wrapper ends when it wants to, and not when the channel does.
    if (!hasChannel) this.channel?.unref();
    // What the two have to say to each other is theirs.
    intercept(this, (message, handle) => {
      if (hasChannel && !isOurs(message)) return false;
      if (process.connected) pass(process, message, handle);
      else close(handle);
      return true;
    });
    return result;
  };
}

/**
 * Takes messages before anybody else hears of them: a wrapper that relays its
 * channel itself (tsx does) would say everything twice.
 */
function intercept(
  channel: EventEmitter,
  take: (message: unknown, handle: unknown) => boolean,
): void {
  // Node keeps messages that nobody listens for.
  channel.on("message", () => {});
  const { emit } = channel;
  channel.emit = function (event: string | symbol, ...args: unknown[]) {
    return event === "message" && take(args[0], args[1])
      ? true
      : emit.call(this, event, ...args);
  };
}

function placeVariables(
  { worker, standby }: Core,
  settings: Settings,
  fds: ReadonlyMap<number, number>,
  seat: Seat | undefined,
): Record<string, string> {
  const listeners = [...worker.listeners.values()].map((listener) => ({
    ...listener,
    fds: listener.fds.map((fd) => fds.get(fd)!),
  }));
  const { slot, generation } = worker;
  return {
    ...encodeInheritance(
      { slot, generation, listeners, standby, ...(seat && { seat }) },
    ),
    [PRELOAD_VARIABLE]: JSON.stringify(settings),
  };
}

function withPlace(
  pairs: readonly string[],
  place: Readonly<Record<string, string>>,
): string[] {
  return [
    ...pairs.filter((pair) => !Object.hasOwn(place, pair.split("=", 1)[0]!)),
    ...Object.entries(place).map(([name, value]) => `${name}=${value}`),
  ];
}

/**
 * The `stdio` of a child that writes where this process does, as a list; of
 * others undefined: their output is read, so they are tools and no servers.
 */
function foreground(stdio: unknown): unknown[] | undefined {
  if (stdio === "inherit") return ["inherit", "inherit", "inherit"];
  if (!Array.isArray(stdio)) return undefined;
  const [, out, err] = stdio;
  return isOwn(out, 1) && isOwn(err, 2) ? [...stdio] : undefined;
}

function isOwn(entry: unknown, fd: 1 | 2): boolean {
  return entry === "inherit" || entry === fd ||
    entry === (fd === 1 ? process.stdout : process.stderr);
}

function isOurs(message: unknown): boolean {
  return typeof message === "object" && message !== null && TAG in message;
}

/** The two ends that a wrapper stands between. */
interface Peer {
  readonly connected: boolean;
  send?: ChildProcess["send"];
}

/** Passes on a message, and the connection that came with it if one did. */
function pass(peer: Peer, message: unknown, handle: unknown): void {
  if (!peer.connected) return close(handle);
  // A connection arrives as a socket that reads; what it read here would be
  // lost. It has not yet: that takes another turn of the event loop.
  const { _handle: raw } = Object(handle) as {
    readonly _handle?: { readStop?(): void };
  };
  raw?.readStop?.();
  peer.send?.(
    message as object,
    handle as Parameters<ChildProcess["send"]>[1],
    // Node closes a socket that it has sent, but no raw handle.
    () => raw === undefined && close(handle),
  );
}

/** Closes a connection that came with a message: a socket or a raw handle. */
function close(handle: unknown): void {
  const { destroy, close } = Object(handle) as {
    destroy?(): void;
    close?(): void;
  };
  (destroy ?? close)?.call(handle);
}
