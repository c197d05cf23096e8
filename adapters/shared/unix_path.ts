/**
 * Unix sockets at a path: bound under a temporary name beside it, given their
 * permissions, and then put into place, so that a client never sees half of it
 * and a dead predecessor is replaced in one step.
 *
 * @module
 */

import {
  type BigIntStats,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  renameSync,
  statSync,
  unlinkSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import { MAX_UNIX_PATH } from "../../core/options/address.ts";
import type { BindRequest } from "../../core/adapter.ts";
import type { PathFile } from "../../core/adapter/successor.ts";
import { codeOf } from "../../core/errors.ts";
import { groupId, userId } from "./owner.ts";
import type { RawSocket, RawSockets } from "./raw_socket.ts";
import { keepLink, type SpareLink } from "./spare_link.ts";

/** Why a path is left alone. */
export type Occupation = "live" | "file";

/** Thrown when the path belongs to something else. */
export interface Occupied extends Error {
  /** What is there. */
  readonly occupation: Occupation;
}

/** A socket in its place. */
export interface Placed extends SpareLink {
  /** The socket. */
  readonly raw: RawSocket;
  /** The file at the path. */
  readonly file: PathFile;
}

/** Binds a socket to a path. */
export async function placePath(
  request: BindRequest,
  target: string,
  sockets: RawSockets,
): Promise<Placed> {
  const { raw, name } = await bindBeside(target, sockets);
  try {
    const uid = request.owner === undefined ? -1 : userId(request.owner);
    const gid = request.group === undefined ? -1 : groupId(request.group);
    if (uid >= 0 || gid >= 0) chownSync(name, uid, gid);
    // After chown(2), which may clear bits.
    if (request.mode !== undefined) chmodSync(name, request.mode);
    // At once, and not with the first worker: a bound socket that does not
    // listen refuses connections, so the next pool would take it for dead.
    await raw.listen(request.backlog);
    const { dev, ino } = lstatSync(name, { bigint: true });
    await place(name, target);
    const file = {
      path: path.resolve(target),
      dev: String(dev),
      ino: String(ino),
    };
    return { raw, file, ...keepLink(target, file) };
  } catch (error) {
    raw.close();
    tryUnlink(name);
    throw error;
  }
}

/** Binds under a name that nobody else has, no longer than a path may be. */
async function bindBeside(
  target: string,
  sockets: RawSockets,
): Promise<{ raw: RawSocket; name: string }> {
  const directory = target.slice(0, target.lastIndexOf("/") + 1);
  const room = MAX_UNIX_PATH - new TextEncoder().encode(directory).length;
  // libuv says EACCES of a directory that is missing, so it is asked before.
  statSync(directory === "" ? "." : directory);
  for (let attempt = 1;; attempt++) {
    const name = directory + temporaryName(Math.min(room, 14));
    try {
      return { raw: await sockets.unix(name), name };
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE" || attempt === 20) throw error;
    }
  }
}

function temporaryName(length: number): string {
  let name = length > 4 ? ".pf-" : "";
  while (name.length < length) {
    name += Math.floor(Math.random() * 36).toString(36);
  }
  return name;
}

/**
 * Puts a socket that has another name into its place.
 *
 * @throws {Occupied} when something else is there
 */
export async function place(made: string, target: string): Promise<void> {
  for (;;) {
    try {
      // It replaces nothing: of two pools that come at once one has the path.
      linkSync(made, target);
      return tryUnlink(made);
    } catch {
      // It is taken, or such links are not to be had here.
    }
    const dead = await inTheWay(target);
    // The other one may have found it, too.
    if (isAs(lookAt(target), dead)) return renameSync(made, target);
  }
}

function lookAt(target: string): BigIntStats | undefined {
  return lstatSync(target, { bigint: true, throwIfNoEntry: false });
}

function isAs(
  now: BigIntStats | undefined,
  then: BigIntStats | undefined,
): boolean {
  return now?.ino === then?.ino && now?.ctimeNs === then?.ctimeNs;
}

/**
 * What is at a path and may be replaced: the socket of somebody who is gone.
 *
 * @throws {Occupied} when it is anything else
 */
async function inTheWay(target: string): Promise<BigIntStats | undefined> {
  const stats = lookAt(target);
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) throw occupied("file");
  if (await answers(path.resolve(target))) throw occupied("live");
  return stats;
}

/** True unless the kernel says that nobody listens there. */
function answers(target: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { connect } = process.getBuiltinModule("node:net");
    const socket = connect({ path: target });
    const settle = (live: boolean): void => {
      socket.destroy();
      resolve(live);
    };
    socket.once("connect", () => settle(true));
    // A full queue or missing permission also means that somebody is there.
    socket.once("error", (error) => {
      const code = codeOf(error);
      settle(code !== "ECONNREFUSED" && code !== "ENOENT");
    });
  });
}

function occupied(occupation: Occupation): Occupied {
  // The code that bind(2) gives, which a program looks for.
  return Object.assign(new Error(occupation), {
    occupation,
    code: "EADDRINUSE",
  });
}

/** Removes a file, if it is there. */
export function tryUnlink(name: string): void {
  try {
    unlinkSync(name);
  } catch {
    // It was renamed or never made.
  }
}
