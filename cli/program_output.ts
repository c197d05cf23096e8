/**
 * What becomes of what programs write.
 *
 * @module
 */

import { codeOf, messageOf } from "../core/errors.ts";
import { LogFile } from "./log_file.ts";
import type { ProgramFiles, ProgramForm } from "./log_options.ts";
import { type ProgramLine, StackLines } from "./log_stack.ts";
import { asObject, objectIn, withWorker } from "./program_line.ts";

/** Where the lines of programs go. */
export interface ProgramOutput {
  /** Takes one. */
  write(line: ProgramLine): void;
  /** Holds back none any more. */
  flush(): void;
  /** Opens its files anew; returns how many there are. */
  reopen(): number;
}

/** What it writes to. */
export interface ProgramIO {
  /** An output, and what is kept of its lines. */
  readonly stdout: LineOutput;
  /** The same. */
  readonly stderr: LineOutput;
  /** Where the log goes. */
  readonly log: LineOutput;
  /** The name of the pool, where it is one of several. */
  readonly name: string | undefined;
  /** The name that it was given. */
  readonly given: string | undefined;
  /** Makes one of a file. */
  open(file: LogFile): LineOutput;
  /** Tells the operator something. */
  warn(message: string): void;
}

/** An output for lines. */
export interface LineOutput {
  /** Writes a line as it is. */
  line(text: string): void;
  /** Writes a line of a program with its worker in front. */
  program(worker: string, line: string): void;
  /** Writes a line of a program as it is. */
  raw(worker: string, line: string): void;
}

const NO_FILES = { flush: () => undefined, reopen: () => 0 } as const;

/**
 * Makes one.
 *
 * @param form undefined for what the form of the log is
 * @throws {PreforkError} `ERR_LOG_FILE` when a file cannot be opened
 */
export function programOutput(
  form: ProgramForm | undefined,
  isJson: boolean,
  io: ProgramIO,
): ProgramOutput {
  const workerOf = workerIn(io.name);
  switch (form ?? (isJson ? "json" : "prefix")) {
    case "prefix":
      return {
        ...NO_FILES,
        write: (line) => io[line.stream].program(workerOf(line), line.line),
      };
    case "raw":
      return {
        ...NO_FILES,
        write: (line) => io[line.stream].raw(workerOf(line), line.line),
      };
    case "json":
      return jsonOutput(
        (line) => form === undefined ? io.log : io[line.stream],
        io.name,
      );
    default:
      return new FileOutput(form as ProgramFiles, io);
  }
}

/** How a worker is named in front of a line. */
function workerIn(pool: string | undefined): (line: ProgramLine) => string {
  const before = pool === undefined ? "" : `${pool} `;
  return ({ slot }) => `${before}${slot}`;
}

/** One object of JSON for each line, and for lines that belong together. */
function jsonOutput(
  outputOf: (line: ProgramLine) => LineOutput,
  name: string | undefined,
): ProgramOutput {
  const own = name === undefined ? {} : { pool: name };
  const stacks = new StackLines((line, text) =>
    outputOf(line).line(asObject({ ...own, ...line }, text))
  );
  return {
    ...NO_FILES,
    write(line) {
      const object = objectIn(line.line);
      if (object === undefined) return stacks.push(line);
      stacks.end(line);
      outputOf(line).line(withWorker(object, { ...line, ...own }));
    },
    flush: () => stacks.flush(),
  };
}

/** A file, or one for each slot, of each stream that has one. */
class FileOutput implements ProgramOutput {
  readonly #templates: Readonly<
    Record<ProgramLine["stream"], string | undefined>
  >;
  readonly #makes: boolean;
  readonly #io: ProgramIO;
  readonly #workerOf: (line: ProgramLine) => string;
  /** By their paths; undefined where it cannot be opened. */
  readonly #files = new Map<
    string,
    readonly [LogFile, LineOutput] | undefined
  >();

  constructor(
    { file, errors = file, makes = false }: ProgramFiles,
    io: ProgramIO,
  ) {
    this.#makes = makes;
    this.#templates = { stdout: file, stderr: errors };
    this.#io = io;
    this.#workerOf = workerIn(io.name);
    for (const template of new Set([file, errors])) {
      if (template === undefined) continue;
      // That it can be written is known before a worker is started.
      this.#open(this.#pathOf(template, 0));
    }
  }

  write(line: ProgramLine): void {
    const template = this.#templates[line.stream];
    if (template === undefined) {
      return this.#io[line.stream].program(this.#workerOf(line), line.line);
    }
    const path = this.#pathOf(template, line.slot);
    if (!this.#files.has(path)) {
      try {
        this.#open(path);
      } catch (error) {
        this.#files.set(path, undefined);
        this.#io.warn(messageOf(error));
      }
    }
    const worker = this.#workerOf(line);
    const [, output] = this.#files.get(path) ?? [];
    // Where there is no file it is better in the log than nowhere.
    if (output === undefined) this.#io.log.program(worker, line.line);
    else output.raw(worker, line.line);
  }

  flush(): void {}

  reopen(): number {
    for (const [path, file] of this.#files) {
      if (file === undefined) this.#files.delete(path);
      else reopen(file[0], (message) => this.#io.warn(message));
    }
    return this.#files.size;
  }

  #open(path: string): void {
    const file = new LogFile(path, "--output", this.#makes);
    this.#files.set(path, [file, this.#io.open(file)]);
  }

  #pathOf(template: string, slot: number): string {
    return fileFor(template, slot, this.#io.given);
  }
}

/**
 * The file of a slot.
 *
 * @throws {TypeError} when it has the name of a pool that has none
 */
export function fileFor(
  template: string,
  slot: number,
  name: string | undefined,
): string {
  if (template.includes("{name}") && name === undefined) {
    throw new TypeError(
      `Cannot use "${template}" for "--output": the pool has no name, add --name`,
    );
  }
  return template
    .replaceAll("{slot}", String(slot))
    .replaceAll("{name}", name ?? "");
}

/** Opens a file anew, or tells why not: it goes on with the one that it has. */
export function reopen(file: LogFile, warn: (message: string) => void): void {
  try {
    file.reopen();
  } catch (error) {
    warn(
      `"${file.path}" cannot be opened anew (${
        codeOf(error) ?? messageOf(error)
      }), what was opened before is written on`,
    );
  }
}
