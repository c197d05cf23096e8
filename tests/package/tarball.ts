import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { locked } from "../lock.ts";
import { run } from "./run.ts";

/** The root of the project, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

const PLACE = `${ROOT}.reports/package`;

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
  "docs",
  "scripts/build.ts",
  "scripts/lib",
  "README.md",
  "LICENSE",
];

/**
 * The path of the tarball that `npm pack` makes of the sources as they are.
 * Made once and then used by all runners, also by those at the same time.
 */
export function tarball(): Promise<string> {
  return locked("package", async () => {
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
  });
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
