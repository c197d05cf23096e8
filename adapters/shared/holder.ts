/**
 * Who holds an address, as far as this user may see it (proc(5), Linux).
 *
 * @module
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process that listens on a TCP port, as in `process 12 ("nginx")`. */
export function holderOfPort(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const columns of table(file)) {
      // sl local remote state .. inode; 0A is TCP_LISTEN
      if (columns[3] === "0A" && columns[1]?.endsWith(suffix)) {
        const holder = ownerOf(columns[9]);
        if (holder !== undefined) return holder;
      }
    }
  }
  return undefined;
}

/** The process with a Unix socket; an abstract name begins with `@`. */
export function holderOfPath(path: string): string | undefined {
  // Num RefCount Protocol Flags Type St Inode Path
  const row = table("/proc/net/unix").find((columns) =>
    columns.slice(7).join(" ") === path
  );
  return ownerOf(row?.[6]);
}

/** A table of the kernel without its heading; empty where there is none. */
export function table(file: string): string[][] {
  return (read(file) ?? "").split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > 1);
}

function ownerOf(inode: string | undefined): string | undefined {
  // 0 in /proc/net: the socket has no file any more.
  if (inode === undefined || inode === "0") return undefined;
  const wanted = `socket:[${inode}]`;
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const directory = `/proc/${pid}/fd`;
    if (list(directory).some((fd) => link(`${directory}/${fd}`) === wanted)) {
      const name = read(`/proc/${pid}/comm`)?.trim();
      return `process ${pid}${name === undefined ? "" : ` ("${name}")`}`;
    }
  }
  return undefined;
}

/** Reads a text file, or nothing. */
export function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** What a symbolic link points at, or nothing. */
export function link(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
