/**
 * The stack of a process whose event loop does not turn. Node and Deno serve a
 * debugger's port from a thread of their own, whatever the loop does; there the
 * code can be paused between two of its steps. Node opens it at SIGUSR1, on
 * 127.0.0.1, and leaves it open: whoever asks for this kills the process right
 * after it. Deno has it where it was started with it alone (2.9.5): SIGUSR1
 * would end one that has just begun.
 *
 * @module
 */

import process from "node:process";
import { stackLine } from "../../core/supervise/stack.ts";
import { inodeIn, tcpSockets } from "../../libc/proc_net.ts";
import { type InspectorMessage, openSession } from "./inspector.ts";
import { signaller } from "./kill.ts";
import { linkProc, listProc, readProc } from "./proc.ts";

/** How often is looked for the port, in milliseconds. */
const LOOK_MS = 20;

/** What has a runtime open its debugger's port from the start. */
const INSPECT = /(^|[\0\s=])--inspect(-brk|-wait)?([=\0\s]|$)/;

/** 127.0.0.1 in /proc/net/tcp, on little-endian machines. */
const LOOPBACK = "0100007F";

/** SIGUSR1 in the masks of /proc/PID/status: bit 9 of the last three digits. */
const SIGUSR1_BIT = 0x200;

/** One call of a stack, as V8 tells it. */
interface Frame {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
}

/**
 * Takes the stack as one line, the innermost call first, as in
 * `parse (/srv/app.js:12:5) < handler (/srv/app.js:30:3)`; undefined where it
 * cannot be had in so many milliseconds: the process is in the kernel or in
 * native code, or has no debugger.
 */
export async function stackOf(
  pid: number,
  ms: number,
  runtime: "node" | "deno",
): Promise<string | undefined> {
  const end = performance.now() + ms;
  const left = (): number => end - performance.now();
  const before = new Set(portsOf(pid));
  if (isInspected(pid)) {
    // It does not say which of them is the debugger's. The pool's are not.
    for (const port of portsOf(process.pid)) before.delete(port);
    const asking = [...before].filter(mayConnect).map(async (port) =>
      await ask(port, left()) ?? Promise.reject(new Error("there is none"))
    );
    return await Promise.any(asking).catch(() => undefined);
  }
  if (runtime !== "node") return undefined;
  const send = signaller(pid, (signal) => process.kill(pid, signal));
  if (!traps(pid) || !send("SIGUSR1")) return undefined;
  for (; left() > 0; await sleep(LOOK_MS)) {
    const port = portsOf(pid).find((each) => !before.has(each));
    if (port !== undefined && mayConnect(port)) return await ask(port, left());
  }
  return undefined;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** True for a process that was started with its debugger. */
function isInspected(pid: number): boolean {
  const command = readProc(`/proc/${pid}/cmdline`) ?? "";
  const options = (readProc(`/proc/${pid}/environ`) ?? "").split("\0")
    .find((variable) => variable.startsWith("NODE_OPTIONS="));
  return INSPECT.test(command) || INSPECT.test(options ?? "");
}

/** True for a process that SIGUSR1 does not end. */
function traps(pid: number): boolean {
  const status = readProc(`/proc/${pid}/status`) ?? "";
  const low = /^SigCgt:\s+\w*(\w{3})$/m.exec(status)?.[1] ?? "0";
  return (parseInt(low, 16) & SIGUSR1_BIT) !== 0;
}

/** The ports of 127.0.0.1 on which a process listens. */
function portsOf(pid: number): number[] {
  const directory = `/proc/${pid}/fd`;
  const own = new Set(
    listProc(directory).map((fd) => inodeIn(linkProc(`${directory}/${fd}`))),
  );
  return tcpSockets(readProc).filter(({ listens, host, inode }) =>
    listens && host === LOOPBACK && own.has(inode)
  ).map(({ port }) => port);
}

/** What is used of Deno. */
interface DenoPermissions {
  readonly permissions: {
    querySync(what: { name: "net"; host: string }): { readonly state: string };
  };
}

/** Deno would ask the operator, or throw, for what it does not allow. */
function mayConnect(port: number): boolean {
  const { Deno } = globalThis as { readonly Deno?: DenoPermissions };
  const host = `127.0.0.1:${port}`;
  return Deno === undefined ||
    Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

async function ask(port: number, ms: number): Promise<string | undefined> {
  const urls = new Map<string, string>();
  const stack = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => stack.resolve(undefined), ms);
  const hear = ({ method, params }: InspectorMessage): void => {
    if (method === "Debugger.scriptParsed") {
      const { scriptId, url } = params as { scriptId: string; url: string };
      urls.set(scriptId, url);
    } else if (method === "Debugger.paused") {
      const { callFrames } = params as { callFrames: readonly Frame[] };
      stack.resolve(stackLine(callsOf(callFrames, urls)));
    }
  };
  try {
    const opening = openSession(port, hear);
    // One that comes too late is closed all the same.
    opening.then((session) => {
      session.call("Debugger.enable");
      session.call("Debugger.pause");
      return stack.promise.finally(() => session[Symbol.dispose]());
    }).catch(() => stack.resolve(undefined));
    return await stack.promise;
  } finally {
    clearTimeout(timer);
  }
}

/** Each call as text, the innermost first. */
function callsOf(
  frames: readonly Frame[],
  urls: ReadonlyMap<string, string>,
): readonly string[] {
  return frames.map(({ functionName, location }) => {
    const { scriptId, lineNumber, columnNumber } = location;
    const name = functionName === "" ? "(anonymous)" : functionName;
    const url = urls.get(scriptId) ?? "";
    return `${name} (${url}:${lineNumber + 1}:${columnNumber + 1})`;
  });
}
