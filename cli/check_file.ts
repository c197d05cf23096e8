/**
 * Whether the files can be written that a pool and its log are given: by looking
 * at their directories, without making any of them.
 *
 * @module
 */

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Buffer } from "node:buffer";
import { codeOf, messageOf } from "../core/errors.ts";
import { MAX_UNIX_PATH } from "../core/options/address.ts";
import type { PoolConfig } from "../core/options/options.ts";
import type { StartFinding } from "../core/preflight_check.ts";
import { statusFileError } from "../core/status_file.ts";
import { logFileError } from "./log_file.ts";
import type { LogOptions } from "./log_options.ts";
import { fileFor } from "./program_output.ts";

/** Looks at the files of a pool. */
export function checkFiles(
  { statusFile, control, name }: Pick<
    PoolConfig,
    "statusFile" | "control" | "name"
  >,
  { file, programs }: LogOptions,
): readonly StartFinding[] {
  const findings: StartFinding[] = [];
  const add = (subject: string, path: string, error: unknown): void =>
    void findings.push(
      error === undefined
        ? { verdict: "ok", subject, text: `${resolve(path)} can be written` }
        : { verdict: "problem", subject, text: messageOf(error), error },
    );
  if (file !== undefined) {
    const why = whyUnopened(file);
    add("log", file, why && logFileError(file, "--log-file", why));
  }
  if (typeof programs === "object") {
    const { file: out, errors = out, makes = false } = programs;
    for (const template of new Set([out, errors])) {
      if (template === undefined) continue;
      try {
        const path = fileFor(template, 0, name);
        const why = whyUnopened(path, makes);
        add("output", path, why && logFileError(path, "--output", why));
      } catch (error) {
        add("output", template, error);
      }
    }
  }
  if (statusFile !== undefined) {
    // It is replaced, whatever is there.
    const why = whyUnmade(statusFile);
    const path = resolve(statusFile);
    add("status file", path, why && statusFileError(path, why));
  }
  if (control !== "auto" && control !== "off") {
    const path = resolve(control);
    const why = Buffer.byteLength(path) > MAX_UNIX_PATH
      ? `a Unix socket's path has at most ${MAX_UNIX_PATH} bytes`
      : messageOf(whyUnmade(path) ?? "");
    // It never keeps a pool from starting.
    findings.push(
      why === ""
        ? { verdict: "ok", subject: "control", text: `${path} can be made` }
        : {
          verdict: "note",
          subject: "control",
          text:
            `no verb reaches the pool, since "${path}" cannot be made: ${why}`,
          mend: "--control PATH, in a directory that this user may write into",
        },
    );
  }
  return findings;
}

/** Why a file cannot be appended to; undefined where it can. */
function whyUnopened(path: string, makes = false): Error | undefined {
  try {
    if (statSync(path).isDirectory()) {
      return Object.assign(new Error(), { code: "EISDIR" });
    }
  } catch (error) {
    return codeOf(error) === "ENOENT" ? whyUnmade(path, makes) : error as Error;
  }
  return whyNot(path, constants.W_OK);
}

/** Why a file cannot be made, where its directory is made too if `makes`. */
function whyUnmade(path: string, makes = false): Error | undefined {
  let directory = dirname(resolve(path));
  while (makes && !existsSync(directory)) directory = dirname(directory);
  return whyNot(directory, constants.W_OK | constants.X_OK);
}

function whyNot(path: string, mode: number): Error | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
