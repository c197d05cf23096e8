/**
 * Files of the world in memory.
 *
 * @module
 */

import type { SharedFile } from "../core/adapter.ts";
import type { Host } from "../core/host.ts";
import type { PidFile } from "../core/adapter/successor.ts";
import type { Entry, Files } from "../core/watch/file.ts";

/** A file that is an array. */
export function arrayFile(): SharedFile {
  let bytes = new Uint8Array();
  return {
    fd: 11,
    read: (into, at = 0) => {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
    write: (part, at) => {
      if (bytes.length < at + part.length) {
        const longer = new Uint8Array(at + part.length);
        longer.set(bytes);
        bytes = longer;
      }
      bytes.set(part, at);
    },
    close: () => {},
  };
}

/** A path as seen from the working directory. */
export function resolveHere(path: string): string {
  if (path.startsWith("/")) return path;
  return path === "." ? "/here" : `/here/${path}`;
}

/** Files by their paths, and whoever is told that they may have changed. */
export function filesOf(
  files: ReadonlyMap<string, string>,
  hints: Set<() => void>,
): Files & Pick<Host, "privateDirectory" | "text" | "executable"> {
  return {
    privateDirectory: () => "/run/prefork",
    // As a file of it begins here.
    executable: (path) =>
      ([undefined, "node", "bun"] as const).find((each) =>
        each && files.get(path)?.startsWith(`ELF ${each}`)
      ),
    text(path) {
      const text = files.get(path);
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
    entries: (directory) => entriesOf(files.keys(), directory),
    stamp: (path) => files.get(path),
    hint(_directory, onHint) {
      hints.add(onHint);
      return { [Symbol.dispose]: () => void hints.delete(onHint) };
    },
  };
}

/** Pid files, of which is written down what is done with them. */
export function pidFileOf(done: string[]): (path: string) => PidFile {
  return (path) => {
    const tell = (what: string) => (): void =>
      void done.push(`${what} ${path}`);
    return {
      claim: (before) => tell(`claim ${before ?? "new"}`)(),
      setAside: (alone) => tell(alone ? "move aside" : "set aside")(),
      leaveTo: (pid) => tell(`leave to ${pid}`)(),
      takeBack: tell("take back"),
      forget: (pid) => tell(`forget ${pid}`)(),
      remove: tell("remove"),
    };
  };
}

function entriesOf(
  paths: Iterable<string>,
  directory: string,
): readonly Entry[] | undefined {
  const place = directory === "/" ? "/" : `${directory}/`;
  const entries = new Map<string, Entry>();
  for (const path of paths) {
    if (!path.startsWith(place)) continue;
    const [name = "", ...rest] = path.slice(place.length).split("/");
    entries.set(name, { name, isDirectory: rest.length > 0 });
  }
  return entries.size > 0 ? [...entries.values()] : undefined;
}
