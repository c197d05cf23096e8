/**
 * Which files of an app of PM2's are watched (`lib/Watcher.js` of PM2 7.0.4).
 *
 * @module
 */

import type { PoolEntry } from "../core/options/config.ts";

/** What only an expression of chokidar's or JavaScript's can have. */
const EXPRESSION = /[[\]\\^$()|+]/;

/** What is watched, and what of the fields cannot be done, as sentences. */
export interface Pm2Watch {
  /** The option. */
  readonly entry: Pick<PoolEntry, "watch">;
  /** What is not left out. */
  readonly ignored: readonly string[];
}

/**
 * Reads it: `true` is every file below `cwd`, which `**` is here too; both leave
 * out `node_modules` and what begins with a dot.
 *
 * @throws {TypeError} when it is no path
 */
export function watchOf(fields: Readonly<Record<string, unknown>>): Pm2Watch {
  const { watch = false, ignore_watch: ignore = [] } = fields;
  if (watch === false) return { entry: {}, ignored: [] };
  const given = watch === true ? [] : [watch].flat();
  const wrong = given.find((path) => typeof path !== "string" || path === "");
  if (wrong !== undefined) {
    throw new TypeError(
      `Cannot use ${
        JSON.stringify(wrong)
      } for "watch": it must be true, a path, or an array of paths`,
    );
  }
  const left = [ignore].flat();
  const names = left.filter((path): path is string =>
    typeof path === "string" && path !== "" && !EXPRESSION.test(path)
  ).map((path) => path.replace(/(?<=.)\/+$/, ""));
  return {
    entry: {
      watch: [
        ...(given.length > 0 ? given as string[] : ["**"]),
        // It may be a directory that is not there yet.
        ...names.flatMap((name) => [`!${name}`, `!${name}/**`]),
      ],
    },
    ignored: left.filter((path) =>
      !names.includes(String(path).replace(/(?<=.)\/+$/, ""))
    )
      .map((path) =>
        `"ignore_watch" leaves ${
          String(path)
        } in: it is an expression, write it as a path or as a glob such as "logs/**"`
      ),
  };
}
