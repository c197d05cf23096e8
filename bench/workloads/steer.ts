/**
 * The rows of the kernel's choice (docs/STEERING.md): each server by each way to
 * share connections among workers.
 *
 * @module
 */

import type { Runtime } from "../../tests/runtimes.ts";
import { cluster, prefork, type Row } from "../rows.ts";

/** How connections are shared: by whom they are dealt, and who helps. */
export type Way =
  | "in turn"
  | "shared"
  | "one queue"
  | "hash"
  | "hash + help"
  | "picked"
  | "picked + help";

/** What the command is told for each; nothing where it is not prefork's. */
const WAYS: Readonly<Record<Way, readonly [string, ...string[]] | undefined>> =
  {
    "in turn": undefined,
    "shared": ["shared"],
    "one queue": ["balanced", "--steer", "off"],
    "hash": ["sharded", "--steer", "off", "--stuck-after", "0"],
    "hash + help": ["sharded", "--steer", "off"],
    "picked": ["sharded", "--steer", "ebpf", "--stuck-after", "0"],
    "picked + help": ["sharded", "--steer", "ebpf"],
  };

/** A row of this part. */
export interface SteerRow extends Row {
  /** How connections are shared. */
  readonly way: Way;
}

/** The servers of a runtime, by the program among `servers/`. */
const SERVERS: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  node: { "node:http": "prefork.ts" },
  deno: { "node:http": "prefork.ts", "Deno.serve": "native/plain.ts" },
  bun: { "node:http": "prefork.ts", "Bun.serve": "native/plain.ts" },
};

/**
 * All of them.
 *
 * @param host where they listen; those of `node:cluster` know one place only
 */
export function steerRows(runtime: Runtime, host?: string): SteerRow[] {
  return Object.entries(SERVERS[runtime]).flatMap(([server, file]) =>
    Object.entries(WAYS).flatMap(([way, flags]) => {
      if (flags === undefined && file !== "prefork.ts") return [];
      const start = flags === undefined
        ? cluster("rr", runtime === "bun" ? { BENCH_FED: "1" } : {})
        : prefork(flags[0], file, undefined, flags.slice(1), host);
      return [{
        id: `${runtime} ${server}, ${way}`,
        runtime,
        server,
        way: way as Way,
        alone: false,
        start: start(runtime),
      }];
    })
  );
}
