import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { run } from "./run.ts";

/** The root of the project, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

const PLACE = `${ROOT}.reports/package`;
const LOCK = `${ROOT}.reports/package.lock`;

/** What the tarball is made of. */
const SOURCES = [
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "mod.ts",
  "worker.ts",
  "cli.ts",
  "core",
  "handles",
  "libc",
  "tls",
  "adapters",
  "worker",
  "cli",
  "scripts/build.ts",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
];

/** Milliseconds after which a lock is taken for one of a dead process. */
const STALE = 60_000;

/**
 * The path of the tarball that `npm pack` makes of the sources as they are.
 * Made once and then used by all runners, also by those at the same time.
 */
export async function tarball(): Promise<string> {
  const unlock = await lock();
  try {
    const packed = existing();
    if (packed !== undefined && modified(packed) >= newestSource()) {
      return packed;
    }
    rmSync(PLACE, { recursive: true, force: true });
    mkdirSync(PLACE, { recursive: true });
    await run(["npm", "pack", "--silent", "--pack-destination", PLACE], ROOT);
    const made = existing();
    if (made === undefined) throw new Error("Cannot find what npm packed");
    return made;
  } finally {
    unlock();
  }
}

function existing(): string | undefined {
  try {
    const name = readdirSync(PLACE).find((file) => file.endsWith(".tgz"));
    return name === undefined ? undefined : `${PLACE}/${name}`;
  } catch {
    return undefined;
  }
}

function newestSource(): number {
  const times = (path: string): number[] => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    const inside = stat.isDirectory() ? readdirSync(path) : [];
    return [
      stat.mtimeMs,
      ...inside.flatMap((name) => times(`${path}/${name}`)),
    ];
  };
  return Math.max(...SOURCES.flatMap((source) => times(ROOT + source)));
}

function modified(path: string): number {
  return statSync(path).mtimeMs;
}

/** Waits until no other process packs; a directory is made by one alone. */
async function lock(): Promise<() => void> {
  mkdirSync(`${ROOT}.reports`, { recursive: true });
  while (true) {
    try {
      mkdirSync(LOCK);
      return () => rmSync(LOCK, { recursive: true, force: true });
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
    }
    if (isStale()) rmSync(LOCK, { recursive: true, force: true });
    await sleep(100);
  }
}

function isStale(): boolean {
  try {
    return Date.now() - modified(LOCK) > STALE;
  } catch {
    return false;
  }
}
