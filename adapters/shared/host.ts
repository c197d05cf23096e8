/**
 * Facts about the machine and this process, by node: modules that all three
 * runtimes have.
 *
 * @module
 */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import type { Host } from "../../core/host.ts";
import { missingIn, PreforkError } from "../../core/errors.ts";
import { pairProblem } from "../../tls/pair.ts";
import { acceptors } from "./acceptors.ts";
import { withheldBits } from "./ambient.ts";
import { acceptQueues } from "./accept_queue.ts";
import { cacheDirectory } from "./cache_directory.ts";
import { memoryGroupOf } from "./cgroup.ts";
import { privateDirectory } from "./control_directory.ts";
import { executable } from "./executable.ts";
import { cpuList, grantedCpus } from "./cpus.ts";
import { byName, DIRECTORY } from "./directory.ts";
import { ownSockets } from "./inherited.ts";
import { lookAt, rssOf } from "./look.ts";
import { stackOf } from "./stack.ts";
import { PRELOAD } from "./preload.ts";
import { readProc, statOf } from "./proc.ts";
import { usageOf } from "./usage.ts";
import { files } from "./watch.ts";

/** The place where this process runs. */
export const host: Host = {
  platform: process.platform,
  // Read where nobody says how many workers there are.
  get cpus() {
    return grantedCpus(os.availableParallelism(), readProc);
  },
  cpuList: (which) => cpuList(which, readProc),
  // Not by process.stdin, which would begin to read. Asked for late, as other
  // modules here are: on Bun 1.4.4 `node:tty` and `node:net` cost more CPU than
  // all else that a supervisor loads.
  get terminal() {
    return process.getBuiltinModule("node:tty").isatty(0);
  },
  pid: process.pid,
  env: process.env,
  execPath: process.execPath,
  get preload() {
    return existsSync(PRELOAD) ? PRELOAD : byName(PRELOAD);
  },
  which: (name) =>
    (process.env["PATH"] ?? "").split(path.delimiter)
      .map((directory) => path.join(byName(directory || "."), name))
      .find(isExecutable),
  exists: existsSync,
  real: realPath,
  text: (file) => readFileSync(file, "utf8"),
  head,
  executable,
  programProblem,
  resolve: (file) => path.resolve(DIRECTORY.logical, file),
  certificateProblem: pairProblem,
  cacheDirectory,
  privateDirectory,
  hasRights: (pid) => {
    const own = rightsOf(readProc("/proc/self/status"));
    if (own === undefined) return true;
    const its = rightsOf(readProc(`/proc/${pid}/status`));
    return its !== undefined && its.uid === own.uid && its.gid === own.gid &&
      (own.capabilities & ~its.capabilities & ~withheldBits()) === 0n;
  },
  rss: rssOf,
  memoryGroup: (pid) => memoryGroupOf(readProc, pid),
  ...acceptors,
  ...acceptQueues,
  ...files,
  ...ownSockets,
  look: lookAt,
  state: (pid) => statOf(pid)?.state,
  usage: usageOf,
  stack: stackOf,
  sysctl: (name) => {
    const text = readProc(`/proc/sys/${name.replaceAll(".", "/")}`);
    return text === undefined ? undefined : Number(text);
  },
  random: Math.random,
};

/** More than the longest first line, and than the scripts of npm and pnpm. */
const HEAD = 16_384;

function head(file: string): string | undefined {
  try {
    const fd = openSync(file, "r");
    try {
      const bytes = new Uint8Array(HEAD);
      const length = readSync(fd, bytes, 0, HEAD, 0);
      return new TextDecoder().decode(bytes.subarray(0, length));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** The effective user, group and capabilities of /proc/PID/status (proc(5)). */
export function rightsOf(
  status = "",
): { uid: string; gid: string; capabilities: bigint } | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s+(?:\\d+\\s+)?(\\w+)`, "m").exec(status)?.[1];
  const [uid, gid] = [field("Uid"), field("Gid")];
  const capabilities = /^CapEff:\s+([\da-f]+)$/m.exec(status)?.[1];
  return uid === undefined || gid === undefined || capabilities === undefined
    ? undefined
    : { uid, gid, capabilities: BigInt(`0x${capabilities}`) };
}

/**
 * True when a path is a file that this user may execute.
 *
 * @throws {PreforkError} `ERR_SPAWN` where the runtime does not allow to look
 */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch (error) {
    const missing = missingIn(error);
    if (missing === undefined) return false;
    throw new PreforkError(
      "ERR_SPAWN",
      `Cannot start programs: ${missing.runtime} does not allow to look whether "${file}" can be executed, add "${missing.flag}"`,
      error,
    );
  }
}

/** See {@linkcode Host.programProblem}. */
export function programProblem(file: string): string | undefined {
  try {
    const found = statSync(file);
    if (!found.isFile()) {
      return `it is ${
        found.isDirectory() ? "a directory" : "no file"
      }, write the path of a program`;
    }
    // Whether this user may says nothing where workers have one of their own.
    return (found.mode & 0o111) === 0
      ? 'it is not executable, make it so with "chmod +x", or write the command that runs it in front of it'
      : undefined;
  } catch {
    return undefined;
  }
}

function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    // Nothing is there, or Deno may not look.
    return undefined;
  }
}
