/**
 * Files of variables, in the form that Node documents for `--env-file`
 * (https://nodejs.org/api/cli.html#--env-filefile).
 *
 * @module
 */

import { messageOf, PreforkError } from "../errors.ts";
import type { Host } from "../host.ts";

/**
 * One variable: its name, and a value in quotes, which may have many lines, or
 * up to a comment or the end of its line.
 */
const VARIABLE =
  /^[^\S\n]*(?:export[^\S\n]+)?([^\s=#](?:[^=\n]*[^\s=])?)[^\S\n]*=[^\S\n]*(?:"([^"]*)"|'([^']*)'|`([^`]*)`|(["'`][^\n]*|[^\n#]*))/gm;

/** Reads the text of such a file. What is no variable is left out. */
export function parseEnvFile(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const match of text.replaceAll("\r", "").matchAll(VARIABLE)) {
    const [, name = "", double, single, back, plain = ""] = match;
    // In double quotes alone, as a shell's $'..' has it.
    variables[name] = double?.replaceAll("\\n", "\n") ?? single ?? back ??
      plain.trim();
  }
  return variables;
}

/**
 * The variables of files, of which a later one goes before an earlier one.
 *
 * @throws {PreforkError} `ERR_BOOT` when one cannot be read
 */
export function readEnvFiles(
  files: readonly string[],
  host: Pick<Host, "text" | "resolve">,
): Record<string, string> {
  return Object.assign(
    {},
    ...files.map((file) => {
      const path = host.resolve(file);
      const text = textOf(path, host);
      if (!text.includes("\0")) return parseEnvFile(text);
      throw unusable(path, "it has a byte 0 in it, which no variable can");
    }),
  ) as Record<string, string>;
}

function textOf(path: string, host: Pick<Host, "text">): string {
  try {
    return host.text(path);
  } catch (error) {
    throw unusable(
      path,
      `${
        messageOf(error)
      }; write it, let this user read it, or leave "envFile" out`,
      error,
    );
  }
}

function unusable(path: string, why: string, cause?: unknown): PreforkError {
  return new PreforkError(
    "ERR_BOOT",
    `Cannot read the variables in "${path}": ${why}`,
    cause,
  );
}
