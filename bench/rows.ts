/**
 * The rows of the bench: which servers are measured, and against what.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandOn, type Runtime } from "../tests/runtimes.ts";

/** How a row is started. */
export interface RowStart {
  /** The command. It listens on BENCH_PORT with BENCH_WORKERS workers. */
  readonly command: readonly string[];
  /** Variables of this row. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it is started, unless where the bench is. */
  readonly cwd?: string;
}

/** A row that runs. */
export interface RowProcess {
  /** The process that was started. */
  readonly supervisor: number;
  /** The row's own. */
  readonly directory: string;
}

/** A way to replace what runs while it serves. */
export interface Reload {
  /** What somebody would do. */
  readonly by: string;
  /** False where the workers stay, and something else is replaced. */
  readonly renews: boolean;
  /** Does it, or begins it. */
  run(process: RowProcess): Promise<void>;
}

/** One row. */
export interface Row {
  /** `runtime/name`, unique. */
  readonly id: string;
  /** The runtime of the workers, and of the supervisor unless hand-written. */
  readonly runtime: Runtime;
  /** What accepts and who answers. */
  readonly server: string;
  /** True for one process that serves. */
  readonly alone: boolean;
  /** The row with the same servers without prefork, by name. */
  readonly control?: string;
  /** True where workers are threads of one process. */
  readonly threads?: boolean;
  /** What is no part of prefork: the row of prefork beside it, by name. */
  readonly rival?: string;
  /** How it is started, as its documentation says. */
  readonly by?: string;
  /** How it is reloaded; empty where that is to stop it and to start it again. */
  readonly reloads?: readonly Reload[];
  /**
   * Says how to start it.
   *
   * @param directory a directory of its own, removed when it has ended
   */
  start(port: number, workers: number, directory: string): RowStart;
  /** The same pool by a supervisor that tells what `status()` says. */
  watched?(port: number, workers: number, directory: string): RowStart;
}

type Variables = Readonly<Record<string, string>>;

const FED: Variables = { BENCH_FED: "1" };
/** What a mode is where the kernel may not be asked to pick. */
const UNSTEERED = ["--steer", "off"];
const REUSEPORT: Variables = { BENCH_REUSEPORT: "1" };

const HANGUP: Reload = {
  by: "SIGHUP",
  renews: true,
  run({ supervisor }) {
    process.kill(supervisor, "SIGHUP");
    return Promise.resolve();
  },
};

/** The rows of a runtime, each next to what it is compared with. */
export function rowsOf(runtime: Runtime): readonly Row[] {
  const fed = runtime === "bun" ? FED : {};
  const server = runtime === "bun" ? "http fed by net" : "http";
  const plain = (extra: Variables) => alone("plain.ts", { ...fed, ...extra });
  const hand = (extra: Variables) => byHand("plain.ts", { ...fed, ...extra });
  const row = (
    name: string,
    start: (runtime: Runtime) => Row["start"],
    more: Partial<Row> = {},
  ): Row => ({
    id: `${runtime}/${name}`,
    runtime,
    server,
    alone: name.startsWith("one-"),
    start: start(runtime),
    ...more,
  });
  const balanced = (file: string): Partial<Row> => ({
    watched: prefork("balanced", file, "watched.ts")(runtime),
    reloads: [HANGUP],
  });
  const control = (name: string): Partial<Row> => ({ control: name });
  const http = { server: "http" };
  // Bun's node:http is grafted where there is a socket to inherit.
  const own = runtime === "bun" ? http : {};
  const native = {
    server: runtime === "bun" ? "Bun.serve" : "Deno.serve",
  };
  const nativeControl = { ...native, control: "hand-native-reuseport" };
  return [
    row("one-process", plain({})),
    ...(runtime === "bun"
      ? [row("one-own-http", alone("plain.ts", {}), http)]
      : []),
    row("hand-shared", hand({})),
    row("shared", prefork("shared"), { ...control("hand-shared"), ...own }),
    row("balanced", prefork("balanced"), {
      ...control("hand-shared"),
      ...own,
      ...balanced("prefork.ts"),
    }),
    row(
      "balanced-queue",
      prefork("balanced", undefined, undefined, UNSTEERED),
      {
        ...control("hand-shared"),
        ...own,
      },
    ),
    row("handoff", prefork("handoff"), control("hand-shared")),
    row("cluster-rr", cluster("rr", fed)),
    row("cluster-none", cluster("none", fed)),
    ...(runtime === "bun"
      ? [
        row("cluster-own-http", cluster("rr", {}), {
          ...http,
          rival: "balanced",
          by: "bun cluster.ts",
          reloads: [],
        }),
      ]
      : []),
    row("hand-sharded", hand({ BENCH_SHARDED: "1" })),
    row("sharded", prefork("sharded", undefined, undefined, UNSTEERED), {
      ...control("hand-sharded"),
      ...own,
    }),
    row("hand-reuseport", hand(REUSEPORT)),
    row("reuseport", prefork("reuseport"), control("hand-reuseport")),
    ...(runtime === "node" ? [] : [
      row("one-native", alone("native/plain.ts", {}), native),
      row(
        "hand-native-reuseport",
        byHand("native/plain.ts", REUSEPORT),
        native,
      ),
      row(
        "native-reuseport",
        prefork("reuseport", "native/prefork.ts"),
        nativeControl,
      ),
      row(
        "one-grafted",
        prefork("shared", "native/plain.ts"),
        { ...native, control: "one-native" },
      ),
      row(
        "grafted-shared",
        prefork("shared", "native/plain.ts"),
        native,
      ),
      row(
        "grafted-balanced",
        prefork("balanced", "native/plain.ts"),
        { ...native, ...balanced("native/plain.ts") },
      ),
      row(
        "grafted-sharded",
        prefork("sharded", "native/plain.ts", undefined, UNSTEERED),
        nativeControl,
      ),
    ]),
  ];
}

function alone(file: string, env: Variables) {
  return (runtime: Runtime): Row["start"] => () => ({
    command: run(runtime, file),
    env,
  });
}

function byHand(file: string, env: Variables) {
  return (runtime: Runtime): Row["start"] => () => ({
    command: [...run("node", "inherited.ts"), ...run(runtime, file)],
    env,
  });
}

/**
 * Starts a program by prefork's command.
 *
 * @param file among `servers/`
 * @param supervisor who starts it
 * @param flags more for the command
 * @param host where it listens
 */
export function prefork(
  mode: string,
  file = "prefork.ts",
  supervisor = "../../cli.ts",
  flags: readonly string[] = [],
  host = "127.0.0.1",
) {
  return (runtime: Runtime): Row["start"] => (port, workers) => ({
    command: [
      ...run(runtime, supervisor),
      ...["-w", String(workers), "-l", `${host}:${port}`, "-s", mode],
      ...["--log-time", "off", ...flags],
      server(file),
    ],
    env: {},
  });
}

/** Starts the program of `node:cluster`. */
export function cluster(policy: "rr" | "none", env: Variables) {
  return (runtime: Runtime): Row["start"] => () => ({
    command: run(runtime, "cluster.ts"),
    env: { ...env, BENCH_POLICY: policy },
  });
}

function run(runtime: Runtime, file: string): string[] {
  return commandOn(runtime, server(file));
}

function server(file: string): string {
  return fileURLToPath(new URL(`./servers/${file}`, import.meta.url));
}
