/**
 * The cgroups that a process belongs to, as far as this one may see them:
 * cgroups(7), and cgroup-v1/memory.rst and cgroup-v2.rst of the kernel.
 *
 * @module
 */

import type { MemoryGroup } from "../../core/adapter/look.ts";

/** Reads a file, or nothing. */
export type ReadText = (file: string) => string | undefined;

/** Where a process is in one of the hierarchies. */
export interface Membership {
  /** The first version has a hierarchy for each of several controllers. */
  readonly version: 1 | 2;
  /** What is controlled there; none in version 2. */
  readonly controllers: readonly string[];
  /** Where, from the top that the process sees. */
  readonly path: string;
}

/** Where the hierarchies of version 2 are, also beside those of version 1. */
export const V2_ROOTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] as const;

/**
 * A limit of version 1 from here on is none: that of who has none is the most
 * that a page counter takes, and differs by the size of a page.
 */
const NO_LIMIT = 2 ** 60;

/** How many processes of a group were killed for memory. */
const KILLS = /^oom_kill (\d+)$/m;

/** The groups of a process: this one unless told which. */
export function membershipsOf(
  read: ReadText,
  pid: number | "self" = "self",
): readonly Membership[] {
  // hierarchy-ID:controller-list:path
  return (read(`/proc/${pid}/cgroup`) ?? "").split("\n").flatMap((line) => {
    const [id = "", controllers, ...rest] = line.split(":");
    if (controllers === undefined) return [];
    const version = id === "0" && controllers === "" ? 2 : 1;
    const path = rest.join(":");
    return [{ version, controllers: controllers.split(","), path }];
  });
}

/** "/a/b" gives "/a/b", "/a" and "". */
export function ancestors(path: string): string[] {
  // A path with ".." lies outside of what this process can see: begin at top.
  if (path.includes("..")) return [""];
  const parts = path.split("/").filter((part) => part !== "");
  return [...parts.keys(), parts.length].reverse()
    .map((count) => parts.slice(0, count).map((part) => `/${part}`).join(""));
}

/** Where the memory of a process counts; undefined where none is counted. */
export function memoryGroupOf(
  read: ReadText,
  pid?: number,
): MemoryGroup | undefined {
  const all = membershipsOf(read, pid);
  const first = all.find(({ controllers }) => controllers.includes("memory"));
  const roots = first === undefined ? V2_ROOTS : ["/sys/fs/cgroup/memory"];
  const { path } = first ?? all.find(({ version }) => version === 2) ?? {};
  if (path === undefined) return undefined;
  const [limit, kills] = first === undefined
    ? ["memory.max", "memory.events"]
    : ["memory.limit_in_bytes", "memory.oom_control"];
  const places = roots.flatMap((root) =>
    ancestors(path).map((each) => root + each)
  );
  const countIn = (place: string): number | undefined => {
    const count = KILLS.exec(read(`${place}/${kills}`) ?? "")?.[1];
    return count === undefined ? undefined : Number(count);
  };
  // A container may see its own group as the top, by the path that it has
  // outside: the nearest one that is there is the one. The top of all has none.
  const place = places.find((each) => countIn(each) !== undefined);
  const least = Math.min(
    ...places.map((each) => limitIn(read(`${each}/${limit}`))),
  );
  if (place === undefined && least === Infinity) return undefined;
  return {
    path: place ?? roots[0] + path,
    limit: least === Infinity ? undefined : least,
    kills: () => place === undefined ? undefined : countIn(place),
  };
}

/** "max" in version 2, and a number beyond any memory in version 1, is none. */
function limitIn(text: string | undefined): number {
  const bytes = /^\d+$/.test(text?.trim() ?? "") ? Number(text) : Infinity;
  return bytes < NO_LIMIT ? bytes : Infinity;
}
