/**
 * A path for the socket of one worker's program, in a directory of its own among
 * the temporary files. It has a path and no abstract name: the permissions of a
 * path are checked by the kernel, and the gem sd_notify (0.1.1) knows nothing
 * else.
 *
 * @module
 */

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { MAX_UNIX_PATH } from "../../core/options/address.ts";
import { requireAllowed } from "./control_directory.ts";
import { linkProc, listProc, statOf } from "./proc.ts";

/** Where a socket is to be bound. */
export interface SocketPlace {
  /** The path; nothing is there yet, and nobody else can enter its directory. */
  readonly path: string;
  /** The socket is bound: it is for one user alone, and root. */
  give(): void;
  /** Removes it all. Never throws. */
  remove(): void;
}

/** The socket in its directory. */
const SOCKET = "socket";

/** The name of a directory: its namespace of processes, the process, a rest. */
const NAME = /^prefork-notify-(\w+)-(\d+)-\w+$/;

let swept = false;

/**
 * Makes one.
 *
 * @param uid the user whose socket it is to be, unless this process' own
 * @throws {Error} when there can be none
 */
export function socketPlace(uid?: number): SocketPlace {
  const temporary = os.tmpdir();
  requireAllowed(temporary);
  const own = namespace();
  if (!swept) sweep(temporary, own);
  swept = true;
  const name = `prefork-notify-${own}-${process.pid}-`;
  const directory = mkdtempSync(path.join(temporary, name));
  const file = path.join(directory, SOCKET);
  const remove = (): void => removePlace(directory);
  if (Buffer.byteLength(file) > MAX_UNIX_PATH) {
    remove();
    throw new Error(
      `"${file}" is too long: a Unix socket's path has at most ${MAX_UNIX_PATH} bytes`,
    );
  }
  return {
    path: file,
    give() {
      chmodSync(file, 0o600);
      if (uid === undefined) return;
      chownSync(file, uid, -1);
      // It stays our own: nobody else puts another file at this path.
      chmodSync(directory, 0o711);
    },
    remove,
  };
}

/**
 * Removes what supervisors have left that were killed. The pids of another
 * container, which may have the same temporary files, say nothing here.
 *
 * @param own this process' namespace, as it is written in a name
 */
export function sweep(temporary: string, own: string = namespace()): void {
  // Where processes are not shown, or others are, all of them seem to be gone.
  if (linkProc("/proc/self") !== String(process.pid)) return;
  for (const name of listProc(temporary)) {
    const [, there, pid] = NAME.exec(name) ?? [];
    if (there === own && statOf(Number(pid)) === undefined) {
      const directory = path.join(temporary, name);
      // Whoever else made one of this name may do with it what he likes.
      if (isOwn(directory)) removePlace(directory);
    }
  }
}

function removePlace(directory: string): void {
  attempt(() => unlinkSync(path.join(directory, SOCKET)));
  attempt(() => rmdirSync(directory));
}

/** "pid:[4026531836]" of namespaces(7), in short. */
function namespace(): string {
  const [number = "0"] = /\d+/.exec(linkProc("/proc/self/ns/pid") ?? "") ?? [];
  return Number(number).toString(36);
}

function isOwn(directory: string): boolean {
  try {
    const found = lstatSync(directory);
    return found.isDirectory() && found.uid === process.geteuid?.();
  } catch {
    return false;
  }
}

function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // Who clears the temporary files may have been here before.
  }
}
