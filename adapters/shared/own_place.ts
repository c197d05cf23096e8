/**
 * Where the command runs and by whom, and the files there.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { codeOf } from "../../core/errors.ts";
import { byName, DIRECTORY } from "./directory.ts";
import { host } from "./host.ts";
import { ownCommand } from "./own_command.ts";

/** What {@linkcode ownPlace} finds. */
export interface OwnPlace {
  /** Where this process was started, by the name that it was called then. */
  readonly directory: string;
  /** The user; undefined for root. */
  readonly user: string | undefined;
  /** What has started this process, without its arguments: an absolute path. */
  readonly command: readonly string[];
  /** True when a file is there. */
  exists(path: string): boolean;
  /** The text of a file; undefined when there is none. */
  read(path: string): string | undefined;
  /** Writes a file. */
  write(path: string, text: string): void;
}

/**
 * Looks.
 *
 * @param args the arguments of this process
 */
export function ownPlace(args: readonly string[]): OwnPlace {
  const words = ownCommand();
  const [file = process.execPath, ...rest] =
    words?.slice(0, words.length - args.length) ?? [];
  return {
    directory: DIRECTORY.logical,
    user: process.geteuid?.() === 0 ? undefined : os.userInfo().username,
    command: [
      file.includes("/") ? host.resolve(file) : host.which(file) ?? file,
      ...rest.map(byName),
    ],
    exists: host.exists,
    read(path) {
      try {
        return readFileSync(path, "utf8");
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      }
    },
    write: (path, text) => writeFileSync(path, text),
  };
}
