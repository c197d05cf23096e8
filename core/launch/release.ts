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
import type { Renewal } from "../options/renewal.ts";

/** A program, and the directory in which it runs. */
type Place = Pick<PoolConfig, "program" | "cwd">;

/** What is asked of the machine. */
type Machine = Pick<Host, "real" | "exists" | "text" | "resolve">;

/** A place without links; undefined is what cannot be seen. */
interface Release {
  readonly program: string | undefined;
  readonly cwd: string | undefined;
}

/**
 * The options of generations, their places, and what their files of variables
 * said.
 */
export class Releases {
  readonly #config: PoolConfig;
  readonly #host: Machine;
  readonly #renewals = new Map<number, Renewal["config"]>();
  readonly #known = new Map<number, Release>();
  readonly #variables = new Map<number, Readonly<Record<string, string>>>();

  /** @param config the options of the pool, which a reload may change */
  constructor(config: PoolConfig, host: Machine) {
    this.#config = config;
    this.#host = host;
  }

  /** A generation is to have other options than the pool. */
  begin(generation: number, { config }: Renewal): void {
    this.#renewals.set(generation, config);
  }

  /** The options for workers of a generation. */
  configOf(generation: number): PoolConfig {
    const renewal = this.#renewals.get(generation);
    return renewal === undefined
      ? this.#config
      : { ...this.#config, ...renewal };
  }

  /** The same, and where a worker of it is to be started. */
  launchOf(generation: number): PoolConfig {
    return { ...this.configOf(generation), ...this.placeOf(generation) };
  }

  /**
   * Where a worker of a generation is to be started: as the user has written it
   * while that leads to where it led the first worker of this generation.
   */
  placeOf(generation: number): Place {
    const place = this.configOf(generation);
    const now = this.#look(place);
    const then = this.#known.get(generation) ?? now;
    this.#known.set(generation, then);
    const same = then.program === now.program && then.cwd === now.cwd;
    const gone = [then.program, then.cwd].some((path) =>
      path !== undefined && !this.#host.exists(path)
    );
    if (same || gone) return { program: place.program, cwd: place.cwd };
    return {
      program: then.program ?? place.program,
      cwd: then.cwd ?? place.cwd,
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
    const read = readEnvFiles(
      this.configOf(generation).envFile,
      this.#host,
    );
    this.#variables.set(generation, read);
    return read;
  }

  /** A generation is the good one: its options are the pool's, others are forgotten. */
  keep(generation: number): void {
    Object.assign(this.#config, this.#renewals.get(generation));
    this.#renewals.clear();
    for (const known of [this.#known, this.#variables]) {
      for (const each of known.keys()) {
        if (each !== generation) known.delete(each);
      }
    }
  }

  /** Nobody is there: whoever comes next has these options, and looks anew. */
  renew(config: Partial<PoolConfig> | undefined): void {
    Object.assign(this.#config, config);
    this.#known.clear();
    this.#variables.clear();
  }

  #look({ program, cwd: given }: Place): Release {
    const cwd = given ?? ".";
    return {
      program: this.#host.real(
        program.startsWith("/") ? program : `${cwd}/${program}`,
      ),
      cwd: given && this.#host.real(given),
    };
  }
}
