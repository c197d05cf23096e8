/**
 * The stack of a Node process whose event loop does not turn. SIGUSR1 opens the
 * debugger's port from a thread of Node's own, whatever the loop does; there the
 * code can be paused between two of its steps. The port is on 127.0.0.1 and
 * stays open: whoever asks for this kills the process right after it.
 *
 * @module
 */

import process from "node:process";
import { inodeIn, tcpSockets } from "../../libc/proc_net.ts";
import { type InspectorMessage, openSession } from "./inspector.ts";
import { signaller } from "./kill.ts";
import { linkProc, listProc, readProc } from "./proc.ts";

/** How often is looked for the port, in milliseconds. */
const LOOK_MS = 20;

/** The most that is told of a stack. */
const MAX_FRAMES = 8;
const MAX_TEXT = 800;

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
 * native code, does not trap SIGUSR1, or has its debugger open already.
 */
export async function stackOf(
  pid: number,
  ms: number,
): Promise<string | undefined> {
  const end = performance.now() + ms;
  const left = (): number => end - performance.now();
  const before = new Set(portsOf(pid));
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
      stack.resolve(textOf(callFrames, urls));
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

/** Calls of Node itself are left out where there are others. */
function textOf(
  frames: readonly Frame[],
  urls: ReadonlyMap<string, string>,
): string {
  const texts = frames.map(({ functionName, location }) => {
    const { scriptId, lineNumber, columnNumber } = location;
    const file = (urls.get(scriptId) ?? "").replace(/^file:\/\//, "");
    const name = functionName === "" ? "(anonymous)" : functionName;
    return `${name} (${file}:${lineNumber + 1}:${columnNumber + 1})`;
  });
  const programs = texts.filter((text) => !text.includes(" (node:"));
  const told = programs.length > 0 ? programs : texts;
  const text = told.slice(0, MAX_FRAMES).join(" < ");
  const cut = told.length > MAX_FRAMES || text.length > MAX_TEXT;
  return cut ? `${text.slice(0, MAX_TEXT)} < ..` : text;
}
