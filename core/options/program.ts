/**
 * Programs in other languages as workers: how they get their sockets, how they
 * are asked to leave, and what shows that they accept.
 *
 * @module
 */

import { flag, oneOf, show, text, whole } from "./values.ts";

/** The ways by which a program finds the sockets that it inherits. */
export type Pass =
  | "auto"
  | "listen-fds"
  | "server-starter"
  | "einhorn"
  | "fpm"
  | "nginx"
  | "stdin";

const PASSES: readonly Pass[] = [
  "auto",
  "listen-fds",
  "server-starter",
  "einhorn",
  "fpm",
  "nginx",
  "stdin",
];

/** The signals that can ask a program to leave. */
export type StopSignal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGHUP"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGWINCH";

const STOP_SIGNALS: readonly StopSignal[] = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
];

/** The options that say so. They are for programs in other languages alone. */
export interface ProgramOptions {
  /**
   * How sockets reach a program: by `LISTEN_FDS` of systemd (`"listen-fds"`),
   * `SERVER_STARTER_PORT`, `EINHORN_FD_0` and so on, `FPM_SOCKETS` of php-fpm,
   * `NGINX`, or as its standard input (`"stdin"`, the first listener alone, as
   * inetd's "wait"). `"auto"` knows some programs by their names
   * (docs/NEIGHBOURS.md) and gives others the first two.
   *
   * @default {"auto"}
   */
  readonly pass?: Pass;
  /**
   * The signal that asks a program to finish and leave, as in `"SIGQUIT"`.
   *
   * @default SIGQUIT for unicorn, nginx, php-fpm and starman, SIGUSR1 for
   * haproxy, else SIGTERM
   */
  readonly stopSignal?: StopSignal;
  /**
   * A regular expression: a program is ready when it has written a line to
   * stdout or stderr in which that is found. In the library it takes
   * `output: "lines"`.
   *
   * @default what can be seen of it: it waits for connections on the pool's
   * sockets
   */
  readonly readyLine?: string;
  /**
   * The number of a file descriptor, from 3 to 9: a program is ready when it has
   * written a line to that, as services of s6 do
   * (https://skarnet.org/software/s6/notifywhenup.html). It must be beyond the
   * sockets that the program inherits, which begin at 3.
   *
   * @default as for `readyLine`
   */
  readonly readyFd?: number;
  /**
   * True when a program is ready once it has said `READY=1` as a service of
   * systemd does (sd_notify(3), `Type=notify`): it finds a socket of its own in
   * `NOTIFY_SOCKET`. What it says of itself by `STATUS=` is the `statusText` of
   * its worker. With `pass: "einhorn"` an ACK (`worker:ack`) counts as well. It
   * takes libc: a supervisor on Node 26.9, on Deno with `--allow-ffi`, or on Bun.
   *
   * @default {false}
   */
  readonly readyNotify?: boolean;
}

/** The same, checked. */
export interface ProgramConfig {
  /** How sockets reach a program. */
  readonly pass: Pass;
  /** The signal that asks it to leave; undefined by the program. */
  readonly stopSignal: StopSignal | undefined;
  /** What a line has that says "ready". */
  readonly readyLine: RegExp | undefined;
  /** Where a program writes when it is ready. */
  readonly readyFd: number | undefined;
  /** True for one that says it by sd_notify(3). */
  readonly readyNotify: boolean;
}

/** The options' names. */
const NAMES = [
  "pass",
  "stopSignal",
  "readyLine",
  "readyFd",
  "readyNotify",
] as const;

/**
 * Checks them.
 *
 * @throws {TypeError} when they cannot be used
 * @throws {RangeError} when a number is out of range
 */
export function checkProgram(
  {
    pass = "auto",
    stopSignal,
    readyLine,
    readyFd,
    readyNotify = false,
    waitReady = false,
    output = "inherit",
  }:
    & ProgramOptions
    & { readonly output?: string; readonly waitReady?: boolean },
): ProgramConfig {
  const words = { readyLine, readyFd, readyNotify, waitReady };
  const [one, other] = Object.entries(words).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [name]
  );
  if (other !== undefined) {
    throw new TypeError(
      `Cannot use "${one}" with "${other}": one of them says that a program is ready, leave the other one out`,
    );
  }
  if (readyLine !== undefined && output === "inherit") {
    throw new TypeError(
      `Cannot use "readyLine": what programs write is not read here with "output": "inherit", use "lines"`,
    );
  }
  return {
    pass: oneOf("pass", pass, PASSES),
    stopSignal: stopSignal === undefined ? undefined : signalOf(stopSignal),
    readyLine: readyLine === undefined ? undefined : pattern(readyLine),
    readyFd: readyFd === undefined
      ? undefined
      : whole("readyFd", readyFd, 3, 9),
    readyNotify: flag("readyNotify", readyNotify),
  };
}

/**
 * Which of the options say something, for whom there are no such programs.
 *
 * @returns the name of the first one
 */
export function programOption(config: ProgramConfig): string | undefined {
  return NAMES.find((name) =>
    ![undefined, false, "auto"].includes(config[name] as string)
  );
}

function signalOf(value: unknown): StopSignal {
  const name = typeof value === "string" && !value.startsWith("SIG")
    ? `SIG${value.toUpperCase()}`
    : value;
  const found = STOP_SIGNALS.find((each) => each === name);
  if (found !== undefined) return found;
  throw new TypeError(
    `Cannot use ${show(value)} for "stopSignal": it must be one of ${
      STOP_SIGNALS.join(", ")
    }${name === "SIGKILL" ? "; SIGKILL comes at the deadline (grace)" : ""}`,
  );
}

function pattern(value: unknown): RegExp {
  const source = text("readyLine", value);
  try {
    return new RegExp(source, "u");
  } catch (error) {
    throw new TypeError(
      `Cannot use ${
        show(value)
      } for "readyLine": it must be a regular expression as in "listening on"`,
      { cause: error },
    );
  }
}
