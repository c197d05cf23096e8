/**
 * Where the program of each generation lies. A deploy may make a link point to
 * its next release at any time; a worker of an old generation is started from
 * where that one was all the same.
 *
 * @module
 */

import type { Host } from "../host.ts";
import { readEnvFiles } from "./environment_file.ts";
import type { PoolConfig } from "../options/options.ts";

/** A program, and the directory in which it runs. */
type Place = Pick<PoolConfig, "program" | "cwd">;

/** What is asked of the machine. */
type Machine = Pick<Host, "real" | "exists" | "text" | "resolve">;

/** A place without links; undefined is what cannot be seen. */
interface Release {
  readonly program: string | undefined;
  readonly cwd: string | undefined;
}

/** The places of generations, and what their files of variables said. */
export class Releases {
  readonly #place: Place;
  readonly #envFile: readonly string[];
  readonly #host: Machine;
  readonly #known = new Map<number, Release>();
  readonly #variables = new Map<number, Readonly<Record<string, string>>>();

  /** Makes one for a program. */
  constructor(
    { program, cwd, envFile }: Place & Pick<PoolConfig, "envFile">,
    host: Machine,
  ) {
    this.#place = { program, cwd };
    this.#envFile = envFile;
    this.#host = host;
  }

  /**
   * Where a worker of a generation is to be started: as the user has written it
   * while that leads to where it led the first worker of this generation.
   */
  placeOf(generation: number): Place {
    const now = this.#look();
    const then = this.#known.get(generation) ?? now;
    this.#known.set(generation, then);
    const same = then.program === now.program && then.cwd === now.cwd;
    const gone = [then.program, then.cwd].some((path) =>
      path !== undefined && !this.#host.exists(path)
    );
    if (same || gone) return this.#place;
    return {
      program: then.program ?? this.#place.program,
      cwd: then.cwd ?? this.#place.cwd,
    };
  }

  /**
   * The variables for workers of a generation: what the files said when its
   * first worker was started.
   *
   * @throws {PreforkError} `ERR_BOOT` when one cannot be read
   */
  variablesOf(generation: number): Readonly<Record<string, string>> {
    const known = this.#variables.get(generation);
    if (known !== undefined) return known;
    const read = readEnvFiles(this.#envFile, this.#host);
    this.#variables.set(generation, read);
    return read;
  }

  /** Knows no other generation any more. */
  keep(generation: number): void {
    for (const known of [this.#known, this.#variables]) {
      for (const each of known.keys()) {
        if (each !== generation) known.delete(each);
      }
    }
  }

  #look(): Release {
    const { program, cwd = "." } = this.#place;
    return {
      program: this.#host.real(
        program.startsWith("/") ? program : `${cwd}/${program}`,
      ),
      cwd: this.#place.cwd && this.#host.real(this.#place.cwd),
    };
  }
}
