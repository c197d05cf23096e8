/**
 * `prefork init`: writes what a program needs to be deployed, by its options.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { EXIT, messageOf, PreforkError } from "../core/errors.ts";
import { isScript } from "../core/launch/program.ts";
import { checkOptions } from "../core/options/check.ts";
import { WHERE_PROGRAM } from "../core/options/options.ts";
import type { InitRequest } from "./arguments.ts";
import type { Output } from "./output.ts";
import {
  composeFile,
  dockerfile,
  dockerignore,
} from "./templates/container.ts";
import { type Deployment, labelOf, notesOn } from "./templates/deployment.ts";
import { kubernetesManifests } from "./templates/kubernetes.ts";
import { systemdUnit } from "./templates/systemd.ts";

/** What to write. */
export interface InitOrder
  extends Pick<Deployment, "options" | "words">, Omit<InitRequest, "line"> {}

/** What is to be known of the machine, and its files. */
export interface InitPlace
  extends Omit<Deployment, "name" | "options" | "words" | "manifest"> {
  /** True when a file is there. */
  exists(path: string): boolean;
  /** The text of a file; undefined when there is none. */
  read(path: string): string | undefined;
  /**
   * Writes a file.
   *
   * @throws {Error} what the system says
   */
  write(path: string, text: string): void;
}

/** Where is said what was done, and what has to be known. */
export interface InitOutputs {
  /** Where the files are told or printed. */
  readonly stdout: Output;
  /** Where is said what was not done, and what has to be known. */
  readonly stderr: Output;
}

/** The files that tell what a program needs. */
const MANIFEST = ["package.json", "package-lock.json", "bun.lock"];

/**
 * Does it.
 *
 * @returns the exit code: 1 when a file that is there was left as it is, or one
 * could not be written
 * @throws {TypeError | RangeError} when an option cannot be used
 * @throws {PreforkError} `ERR_BOOT` when the program is a script and not there
 */
export function init(
  { options, words, print, force }: InitOrder,
  place: InitPlace,
  { stdout, stderr }: InitOutputs,
): number {
  const { directory } = place;
  checkOptions({ ...options, listen: options.listen ?? WHERE_PROGRAM });
  if (options.user !== undefined) {
    throw new TypeError(
      `Cannot use "${options.user}" for "--user" here: what is written starts the whole pool without root, leave it out and say the user there`,
    );
  }
  const { program, cwd = "." } = options;
  // What is no script may be where it is deployed alone.
  if (isScript(program) && !place.exists(resolve(directory, cwd, program))) {
    throw new PreforkError(
      "ERR_BOOT",
      `Cannot write files for "${program}": there is no such file`,
    );
  }
  const deployment: Deployment = {
    ...place,
    name: labelOf(options.name ?? basename(directory)),
    manifest: MANIFEST.filter((file) => place.read(join(directory, file))),
    options,
    words,
  };
  let left = 0;
  for (const [file, text] of Object.entries(filesOf(deployment))) {
    if (print) {
      stdout.write(`==> ${file} <==\n${text}\n`);
      continue;
    }
    const path = join(directory, file);
    const old = place.read(path);
    if (old === text) stdout.write(`prefork unchanged file=${file}\n`);
    else if (old !== undefined && !force) {
      left++;
      stderr.write(
        `prefork: ${file} is there and was left as it is; --force replaces it, --print shows what it would be\n`,
      );
    } else {
      try {
        place.write(path, text);
        stdout.write(`prefork wrote file=${file}\n`);
      } catch (error) {
        left++;
        stderr.write(`prefork: Cannot write ${path}: ${messageOf(error)}\n`);
      }
    }
  }
  for (const note of notesOn(deployment)) {
    stderr.write(`prefork: note: ${note}\n`);
  }
  return left > 0 ? EXIT.internal : EXIT.done;
}

/** The files, by their names. */
export function filesOf(
  deployment: Deployment,
): Readonly<Record<string, string>> {
  return {
    [`${deployment.name}.service`]: systemdUnit(deployment),
    Dockerfile: dockerfile(deployment),
    ".dockerignore": dockerignore(),
    "compose.yaml": composeFile(deployment),
    "kubernetes.yaml": kubernetesManifests(deployment),
  };
}
