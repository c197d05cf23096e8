/**
 * The Unix socket at which a pool can be asked: who may connect to it, and whose
 * its path is. What answers there is each runtime's own.
 *
 * @module
 */

import { chmodSync, lstatSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { MAX_UNIX_PATH } from "../../core/options/address.ts";
import type {
  Answer,
  ControlPlace,
  ControlSocket,
} from "../../core/control/socket.ts";
import { codeOf, forbiddenIn, messageOf } from "../../core/errors.ts";
import { ownDirectory } from "./cache_directory.ts";
import { controlDirectories, requireAllowed } from "./control_directory.ts";
import { place, tryUnlink } from "./unix_path.ts";

/**
 * Serves HTTP on a Unix socket that is made at a path, until the returned
 * function is called: from then on nobody can connect, and who waits for an
 * answer still gets it.
 */
export type ServeControl = (
  file: string,
  answer: Answer,
) => Promise<() => void>;

/** Opens it; see {@linkcode Adapter.control}. */
export async function controlSocket(
  place: ControlPlace,
  answer: Answer,
  serve: ServeControl,
): Promise<ControlSocket> {
  if ("path" in place) {
    return await openAt(place.path, answer, serve).catch((error) => {
      throw new Error(reasonIn(error), { cause: error });
    });
  }
  const reasons = new Set<string>();
  for (const directory of controlDirectories()) {
    for (const name of [place.name, `${place.name}-${process.pid}`]) {
      const file = path.join(directory, `${name}.sock`);
      try {
        requireAllowed(directory);
        ownDirectory(directory);
        return await openAt(file, answer, serve);
      } catch (error) {
        reasons.add(reasonIn(error));
        if (codeOf(error) !== "EADDRINUSE") break;
      }
    }
  }
  throw new Error([...reasons].join("; "));
}

function reasonIn(error: unknown): string {
  return forbiddenIn(error) ?? messageOf(error);
}

/**
 * The socket is made in a directory that only this user can enter, so that
 * nobody else connects before its permissions are set, and then gets its name,
 * unless somebody answers under that: what a pool has left that was killed is
 * replaced.
 */
async function openAt(
  file: string,
  answer: Answer,
  serve: ServeControl,
): Promise<ControlSocket> {
  requireAllowed(path.dirname(file));
  requireNet();
  const directory = mkdtempSync(path.join(path.dirname(file), ".pf-"));
  let close: (() => void) | undefined;
  try {
    const made = path.join(directory, "s");
    if (Buffer.byteLength(made) > MAX_UNIX_PATH) {
      throw new Error(
        `"${file}" is too long: a Unix socket's path has at most ${MAX_UNIX_PATH} bytes`,
      );
    }
    close = await serve(made, answer);
    chmodSync(made, 0o600);
    const { ino, dev } = lstatSync(made);
    await place(made, file).catch((error) => {
      const code = codeOf(error);
      if (code !== "EADDRINUSE") throw error;
      throw Object.assign(new Error(`"${file}" is taken`), { code });
    });
    const end = close;
    return {
      path: file,
      close() {
        if (isFile(file, ino, dev)) tryUnlink(file);
        end();
      },
    };
  } catch (error) {
    close?.();
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Deno 2.9.5 counts Unix sockets among the net, and would ask for that too. */
function requireNet(): void {
  if (process.versions["deno"] === undefined) return;
  if (Deno.permissions.querySync({ name: "net" }).state === "granted") return;
  throw new Error('Deno does not allow it, add "--allow-net"');
}

function isFile(file: string, ino: number, dev: number): boolean {
  try {
    const there = lstatSync(file);
    return there.ino === ino && there.dev === dev;
  } catch {
    return false;
  }
}
