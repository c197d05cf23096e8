/**
 * Which files are watched: globs as shells know them, and what is assumed.
 *
 * @module
 */

import type { Host } from "../host.ts";
import { isScript } from "../launch/program.ts";
import type { PoolConfig } from "../options/options.ts";

/** What is watched. */
export interface Watched {
  /** Directories, as absolute paths, which are looked through with all below. */
  readonly roots: readonly string[];
  /** Directories of which only the files in them are looked at. */
  readonly flat: readonly string[];
  /** True for a path of one of the files. */
  matches(path: string): boolean;
}

/** Files that programs are made of, beside scripts. */
const PARTS = /\.(json|wasm)$/;

/** A glob that is more than a name. */
const WILD = /[*?{]/;

/** The options that say so. */
type Wanted = Pick<
  PoolConfig,
  "watch" | "program" | "args" | "cwd" | "envFile"
>;

/** Finds out what is watched; undefined where nothing is. */
export function watchedBy(
  { watch, program, args, cwd = ".", envFile }: Wanted,
  host: Pick<Host, "exists" | "resolve" | "stamp">,
): Watched | undefined {
  if (watch === undefined) return undefined;
  const place = host.resolve(cwd);
  const at = (path: string): string =>
    path.startsWith("/") ? path : `${place}/${path.replace(/^\.\//, "")}`;
  const isFile = (path: string): boolean => host.stamp(path) !== undefined;
  // A directory stands for all that is in it.
  const glob = (text: string): string => {
    const path = at(text).replace(/(?<=.)\/+$/, "");
    const directory = !WILD.test(path) && !isFile(path) && host.exists(path);
    return directory ? `${path}/**` : path;
  };
  const given = watch.filter((each) => each !== true);
  const yes = given.filter((text) => !text.startsWith("!")).map(glob);
  const no = given.filter((text) => text.startsWith("!"))
    .map((text) => globToRegExp(glob(text.slice(1))));
  const own = watch.includes(true) || yes.length === 0
    ? ownFiles([program, ...args].map(at), isFile, place)
    : undefined;
  const files = [
    ...own?.mains ?? [],
    ...own === undefined ? [] : envFile.map((file) => host.resolve(file)),
    ...yes.filter((text) => !WILD.test(text)),
  ];
  const wild = yes.filter((text) => WILD.test(text));
  const globs = wild.map(globToRegExp);
  return {
    roots: [...own?.bases ?? [], ...wild.map(rootOf)],
    flat: files.map(directoryOf),
    matches: (path) =>
      (files.includes(path) || globs.some((each) => each.test(path)) ||
        own?.matches(path) === true) && !no.some((each) => each.test(path)),
  };
}

/**
 * What is watched without a glob: the files beside the program, and below it. Of
 * a command in another language that is what it is given to run, as in
 * "python3 app.py".
 */
function ownFiles(
  [program = "", ...args]: readonly string[],
  isFile: (path: string) => boolean,
  place: string,
): {
  readonly mains: readonly string[];
  readonly bases: readonly string[];
  matches(path: string): boolean;
} {
  const found = isScript(program) ? [] : args.filter(isFile);
  const mains = found.length > 0 || !isFile(program) ? found : [program];
  const bases = mains.length > 0 ? mains.map(directoryOf) : [place];
  const endings = mains.flatMap((main) => /\.\w+$/.exec(main) ?? []);
  return {
    mains,
    bases,
    matches: (path) =>
      bases.some((base) => path.startsWith(`${base}/`)) &&
      (isScript(path) || PARTS.test(path) ||
        endings.some((ending) => path.endsWith(ending))),
  };
}

/** The directory above the first part of a glob that is no plain name. */
function rootOf(glob: string): string {
  return directoryOf(/^[^*?{]*/.exec(glob)![0]);
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/**
 * A glob as an expression for whole paths: `*` and `?` stay in one directory,
 * `**` does not, and `{a,b}` is one of some.
 */
export function globToRegExp(glob: string): RegExp {
  let depth = 0;
  const source = glob.replaceAll(
    /\/\*\*\/|\*\*|[*?{},.+^$()|[\]\\]/g,
    (part) => {
      switch (part) {
        case "/**/":
          return "/(?:.*/)?";
        case "**":
          return ".*";
        case "*":
          return "[^/]*";
        case "?":
          return "[^/]";
        case "{":
          depth++;
          return "(?:";
        case "}":
          if (depth === 0) return "\\}";
          depth--;
          return ")";
        case ",":
          return depth > 0 ? "|" : ",";
        default:
          return `\\${part}`;
      }
    },
  );
  return new RegExp(`^${source}${")".repeat(depth)}$`);
}
