/**
 * Has what a program starts by `Bun.spawn` inherit the environment without what
 * concerns this process alone: unless told another one, Bun gives its children
 * that with which it was itself started, whatever was taken out of `process.env`
 * (1.4.4).
 *
 * @module
 */

import process from "node:process";

interface SpawnOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** As its documentation has it: a list and options, or all in one. */
type Spawn = (
  command: SpawnOptions | readonly string[],
  options?: SpawnOptions,
) => unknown;

/** Replaces `Bun.spawn` and `Bun.spawnSync`, which can be assigned. */
export function patchBunSpawn(): void {
  const { Bun: bun } = globalThis as unknown as {
    readonly Bun: { spawn: Spawn; spawnSync: Spawn };
  };
  const env = { ...process.env };
  const added = <T extends SpawnOptions>(options: T): T =>
    options.env === undefined ? { ...options, env: { ...env } } : options;
  for (const name of ["spawn", "spawnSync"] as const) {
    const original = bun[name];
    bun[name] = (command, options = {}) =>
      Array.isArray(command)
        ? original(command, added(options))
        : original(added(command as SpawnOptions));
  }
}
