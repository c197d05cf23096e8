/**
 * Where the workers of an app of PM2's write (`lib/God.js`, `lib/Common.js` of
 * PM2 7.0.4).
 *
 * @module
 */

import type { ProgramFiles } from "./log_options.ts";

/** The files of an app, and what of its fields cannot be done, as sentences. */
export interface Pm2Files {
  /** The files; undefined where it names none. */
  readonly files: ProgramFiles | undefined;
  /** What is not written. */
  readonly ignored: readonly string[];
}

/** PM2 has a number in each name that ends so, unless they are merged. */
const NUMBERED = /(-\d+)?\.log$/;

/** Reads them; an app that names none writes into the log. */
export function outputOf(fields: Readonly<Record<string, unknown>>): Pm2Files {
  const { disable_logs: disabled, merge_logs: merges } = fields;
  if (disabled === true) {
    return { files: { file: "/dev/null", errors: "/dev/null" }, ignored: [] };
  }
  const merged = merges ??
    (!fields["instances"] && !/^cluster/.test(String(fields["exec_mode"])));
  const [out, errors, all] = ["out_file", "error_file", "log_file"].map(
    (field) => {
      const name = fields[field];
      // `log_file: true` is a place of PM2's own.
      if (name === undefined || typeof name === "boolean") return undefined;
      if (typeof name !== "string" || name === "") {
        throw new TypeError(
          `Cannot use ${
            JSON.stringify(name)
          } for "${field}": it must be a file`,
        );
      }
      if (name === "NULL") return "/dev/null";
      return merged === true ? name : name.replace(NUMBERED, "-{slot}.log");
    },
  );
  const files = {
    ...((out ?? all) !== undefined && { file: (out ?? all)! }),
    ...((errors ?? all) !== undefined && { errors: (errors ?? all)! }),
  };
  const left = all !== undefined && (out ?? errors) !== undefined;
  return {
    files: Object.keys(files).length > 0 ? files : undefined,
    ignored: left
      ? [`a line is written once: "log_file" has what goes into no other file`]
      : [],
  };
}
