/**
 * The file that names the process of a supervisor: it appears and is replaced in
 * one step, and a process that only has the number of a former one does not
 * count.
 *
 * @module
 */

import {
  linkSync,
  lstatSync,
  readFileSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import type { PidFile } from "../../core/adapter/successor.ts";
import {
  codeOf,
  messageOf,
  PreforkError,
  unwritable,
} from "../../core/errors.ts";
import { readProc, statOf } from "./proc.ts";

/** How exact is known when a process began and when a file was written, in ms. */
const TOLERANCE = 2_000;

/** How long a tick of /proc/PID/stat is, in ms: USER_HZ is 100 (proc(5)). */
const TICK = 10;

/** See {@linkcode Adapter.pidFile}. */
export function pidFile(path: string): PidFile {
  const old = `${path}.old`;
  const mine = `${path}.${process.pid}`;
  const isOwn = (file: string): boolean => pidIn(file) === process.pid;
  const write = (pid = process.pid): void => writeFileSync(mine, `${pid}\n`);
  const unusable = (why: string, cause?: unknown): PreforkError =>
    new PreforkError(
      "ERR_PID_FILE",
      `Cannot use the pid file "${path}": ${why}`,
      cause,
    );
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch {
      // It is not there, or somebody else's by now.
    }
  };
  const claim = (before: number | undefined): void => {
    write();
    for (;;) {
      try {
        linkSync(mine, path);
        return unlinkSync(mine);
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.isFile() === false) {
        throw unusable(`it is ${kindOf(found)}, choose a path for a file`);
      }
      const there = holderOf(path);
      if (there === before && before !== undefined) {
        return renameSync(mine, path);
      }
      if (there !== undefined && there !== process.pid) {
        throw unusable(
          `the pool of process ${there} has it, stop that or choose another file`,
        );
      }
      try {
        unlinkSync(path);
      } catch (error) {
        // In a directory as /tmp is, one of another user stays.
        if (codeOf(error) !== "ENOENT") {
          throw unusable(
            `what is there cannot be replaced (${
              messageOf(error)
            }), remove it or choose another file`,
            error,
          );
        }
      }
    }
  };
  return {
    claim(before) {
      try {
        claim(before);
      } catch (error) {
        attempt(() => unlinkFile(mine));
        throw error instanceof PreforkError ? error : new PreforkError(
          "ERR_PID_FILE",
          `Cannot write the pid file "${path}"${unwritable(error)}`,
          error,
        );
      }
    },
    setAside(alone = false) {
      attempt(() => unlinkFile(old));
      attempt(() => (alone ? renameSync : linkSync)(path, old));
    },
    leaveTo(pid) {
      attempt(() => {
        write(pid);
        linkSync(mine, path);
      });
      attempt(() => unlinkFile(mine));
    },
    takeBack() {
      if (isOwn(path)) attempt(() => unlinkFile(old));
      else if (isOwn(old)) attempt(() => renameSync(old, path));
    },
    forget(pid) {
      if (pidIn(old) === pid) attempt(() => unlinkSync(old));
    },
    remove() {
      for (const file of [path, old]) {
        if (isOwn(file)) attempt(() => unlinkSync(file));
      }
    },
  };
}

/** What is no file, in words. */
function kindOf(found: Stats): string {
  return found.isDirectory()
    ? "a directory"
    : found.isSocket()
    ? "a socket"
    : found.isFIFO()
    ? "a named pipe"
    : "a device";
}

/** Deno 2.9 removes an empty directory by unlink, too. */
function unlinkFile(path: string): void {
  if (!lstatSync(path).isDirectory()) unlinkSync(path);
}

/** The number in a pid file; undefined where there is none. */
function pidIn(path: string): number | undefined {
  try {
    // Who opens a named pipe waits for its writer.
    if (!statSync(path).isFile()) return undefined;
    const text = readFileSync(path, "utf8").trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The process that a pid file names, if it is there: one that began after the
 * file was written has only the same number.
 */
export function holderOf(path: string): number | undefined {
  const pid = pidIn(path);
  if (pid === undefined || !isThere(pid)) return undefined;
  const { start } = statOf(pid) ?? {};
  const up = Number(readProc("/proc/uptime")?.split(" ")[0] ?? NaN);
  if (start === undefined || Number.isNaN(up)) return pid;
  const began = Date.now() - up * 1000 + Number(start) * TICK;
  return began > statSync(path).mtimeMs + TOLERANCE ? undefined : pid;
}

/**
 * True while a process runs, whoever it belongs to. One that has ended keeps its
 * number until who has started it looks how (wait(2)), which not all do.
 */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return statOf(pid)?.state !== "Z";
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
