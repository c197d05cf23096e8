/**
 * Says in words why a worker did not come up.
 *
 * @module
 */

import type { ExitStatus, RuntimeName } from "../adapter.ts";
import { formatAddress } from "../options/address.ts";
import type { PoolConfig } from "../options/options.ts";
import type { PoolWorker } from "../worker.ts";
import { fullIn } from "./oom.ts";
import type { ExitReason, WorkerState } from "./state.ts";

/** What is known of a worker. */
export type Diagnosed =
  & Pick<PoolWorker, "attached" | "runtime">
  & Partial<Pick<PoolWorker, "lastError" | "lastLine" | "silence" | "user">>
  & { readonly opened?: Pick<ReadonlyMap<string, unknown>, "size" | "keys"> };

const NONE = new Map<string, unknown>();

/** The longest part of a line that is told as a program's own error. */
const MAX_ERROR = 300;

/**
 * How a line begins that names an error: "SyntaxError: ..", "Error
 * [ERR_MODULE_NOT_FOUND]: ..", "error: .." (Deno, Bun), "panic: ..".
 */
const ERROR =
  /^(?:(?:Uncaught )?[\w.$]*(?:Error|Exception|Rejection)(?: \[\w+\])?|error|fatal error|panic): ./;

/** Colours and the like (ECMA-48, CSI), which Deno writes into pipes too. */
// deno-lint-ignore no-control-regex
const STYLE = /\x1b\[[\d;]*m/g;

/** The error that a line on stderr names, if it names one. */
export function errorIn(line: string): string | undefined {
  const text = plain(line);
  return ERROR.test(text) ? text : undefined;
}

function plain(line: string): string {
  const text = line.slice(0, MAX_ERROR + 100).replaceAll(STYLE, "").trimEnd();
  return text.length > MAX_ERROR ? `${text.slice(0, MAX_ERROR - 2)}..` : text;
}

/** What the runtimes write around an error, and says nothing of it. */
const AROUND = /^(?:\s|\W*$|Node\.js v|Bun v|\(Use `node )/;

/** Keeps what a line on stderr says of how a worker is about to end. */
export function noteError(worker: PoolWorker, line: string, now: number): void {
  worker.full ??= fullIn(line);
  const error = errorIn(line);
  if (error === undefined) {
    if (worker.readyAt === undefined && !AROUND.test(line)) {
      worker.lastLine = plain(line);
    }
    return;
  }
  worker.lastError = error;
  worker.lastErrorAt = now;
}

/** What a worker has not done whose time in a state has passed. */
export function diagnoseOverdue(
  worker: Diagnosed,
  from: WorkerState,
  config: PoolConfig,
): string {
  switch (from) {
    case "starting":
      return diagnoseSilence(worker, config);
    case "resuming":
      return `it did not accept again ${config.startTimeout} ms after it was asked to`;
    default:
      return `it was not done ${config.grace} ms after it began to drain`;
  }
}

/** What a worker has not done whose start timeout has passed. */
export function diagnoseSilence(
  { attached, runtime, opened = NONE, silence }: Diagnosed,
  { startTimeout, waitReady, listeners, learns }: Pick<
    PoolConfig,
    "startTimeout" | "waitReady" | "listeners" | "learns"
  >,
): string {
  const within = `in ${startTimeout / 1000} s`;
  if (waitReady) {
    return `the program has not said process.send("ready") ${within}`;
  }
  if (!attached && silence !== undefined) return silence;
  if (!attached && runtime === "exec") {
    return `the program has not loaded prefork's part ${within}: what starts it does not pass it on, start its file itself`;
  }
  if (!attached || (listeners.length === 0 && !learns)) {
    return `the program was not ready ${within}`;
  }
  const silent = (where: string, wayOut = ""): string =>
    `the program has not called listen()${where} ${within}${wayOut}`;
  if (listeners.length === 0) {
    return silent(
      "",
      ': one that never does is ready when it says process.send("ready"), with "--wait-ready"',
    );
  }
  if (opened.size > 0) {
    const names = listeners.map(({ address }) => formatAddress(address));
    return `the program listens on ${
      [...opened.keys()].join(", ")
    }, and has not called listen() for what the pool has, ${
      names.join(", ")
    }, ${within}: give the program's own address to "-l"`;
  }
  if (listeners.length === 1) return silent("");
  return silent(
    ` for each of the ${listeners.length} listeners`,
    learns
      ? ': on these it listened when it was started to see where, so name those that every worker serves by "-l"'
      : "",
  );
}

/**
 * Why a worker is gone that was not meant to go: what it said itself counts.
 *
 * @param lived how long it was ready, in milliseconds
 */
export function diagnose(
  worker: Diagnosed & Pick<PoolWorker, "failure" | "oom" | "readyAt">,
  reason: ExitReason,
  status: ExitStatus,
  lived = 0,
): string {
  const { failure, oom, readyAt } = worker;
  if (failure !== undefined) return failure;
  if (oom === undefined) return diagnoseExit(status, reason, worker, lived);
  const when = readyAt === undefined ? BEFORE : after(lived);
  return `it ran out of memory ${when}: ${oom}`;
}

/** Why a worker is to be replaced that wants to leave. */
export function diagnoseLeave(lived: number | undefined): string {
  return `it left by itself ${
    lived === undefined ? BEFORE : after(lived)
  }: it was sent SIGTERM, which its program may have done`;
}

const BEFORE = "before it was ready";

function after(lived: number): string {
  return lived < 1000
    ? "right after it was ready"
    : `${Math.floor(lived / 1000)} s after it was ready`;
}

/**
 * How a worker ended that was not meant to.
 *
 * @param lived for how many milliseconds it was ready
 */
export function diagnoseExit(
  { code, signal }: ExitStatus,
  reason: ExitReason,
  worker: Diagnosed,
  lived = 0,
): string {
  const when = reason === "boot-failed" ? BEFORE : after(lived);
  if (signal !== null) return `it was ended by ${signal} ${when}`;
  const { lastLine, runtime, attached, user } = worker;
  // Who ends before it was ready says why in words of its own, too.
  const last = reason === "boot-failed" && code !== 0 ? lastLine : undefined;
  const { lastError = last } = worker;
  const own = lastError === undefined ? "" : `: ${lastError}`;
  const exited = `it exited with code ${code} ${when}${own}`;
  if (runtime === "exec" && !attached && IN_USE.test(own)) {
    return `${exited}; it opens an address by itself that the pool has, without prefork's part: have it use the socket that it inherits (docs/NEIGHBOURS.md)`;
  }
  if (user !== undefined && when === BEFORE && UNREADABLE.test(own)) {
    return `${exited}; workers run as "${user}", who has to be able to read that and what it lies in`;
  }
  if (HANDED.test(own)) {
    return `${exited}; Node hands the permissions of the supervisor to all that it starts, and this one does not know them: run workers by the supervisor's own Node, or the supervisor without --permission`;
  }
  const missing = FORBIDDEN.exec(own)?.[0];
  if (missing !== undefined && runtime !== "exec") {
    return `${exited}; give it by "--runtime-arg ${missing}${
      missing.startsWith("--allow-fs-") ? "=PATH" : ""
    }"`;
  }
  const other = needs(own);
  if (other !== undefined && other !== runtime) {
    return `${exited}; only ${other} has that, run the program by "-r ${other}"`;
  }
  if (runtime === "bun" && /Module not found '.*\?/.test(own)) {
    return `${exited}; Bun finds no file with a "?" in its path (1.4.4), rename it`;
  }
  // A runtime that does not know our flag says so in its own words.
  const flag = attached || runtime === "exec" ? undefined : FLAG[runtime];
  return flag?.exit !== code || (own !== "" && !own.includes(flag.name))
    ? exited
    : `${exited}; if ${runtime} refuses "${flag.name}" above, install a version that has it`;
}

/** What programs say of bind(2), in whatever language. */
const IN_USE = /EADDRINUSE|address (?:is )?already in use/i;

/** What they say of a file that another user may not read, or even see. */
const UNREADABLE =
  /EACCES|permission denied|module.not.found|Import 'file:[^']*' failed/i;

/** What an older Node says of what a newer one puts there (22.12 by 26.10). */
const HANDED =
  /--(?:permission|allow-[a-z-]+)\S* is not allowed in NODE_OPTIONS/;

/** What Deno and Node say of a permission (Deno 2.9.5, Node 26.10). */
const FORBIDDEN =
  /(?<=Requires .* access.* the |has been restricted\. Use )--allow-[a-z-]+/;

/**
 * What the other runtimes say of something that one alone has (Node 22.12 and
 * 26.10, Deno 2.9.5, Bun 1.4.4).
 */
const FOREIGN = [
  [
    "bun",
    /\bBun is not defined|Received protocol 'bun:'|scheme "bun"|package 'bun'|Import "bun" not/,
  ],
  [
    "deno",
    /\bDeno is not defined|Received protocol '(jsr|npm|https?):'|(module|package) '(jsr|npm):|ENOENT reading "https?:/,
  ],
] as const;

/** The runtime without which a program ends with this error. */
function needs(error: string): RuntimeName | undefined {
  return FOREIGN.find(([, says]) => says.test(error))?.[0];
}

/**
 * By which flag each runtime loads our part, and how it exits when it does not
 * know a flag (Node 26.10, Deno 2.9.5, Bun 1.4.4).
 */
const FLAG = {
  node: { name: "--import", exit: 9 },
  deno: { name: "--preload", exit: 1 },
  bun: { name: "--preload", exit: 1 },
} as const;
