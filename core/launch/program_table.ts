/**
 * Programs that are known by their names: how each of them takes the sockets that
 * it inherits, and which signal has it finish what it serves. Seen with the
 * versions of Debian 12 and those of `deploy/programs.ts`, which runs them.
 *
 * @module
 */

import type { Pass, StopSignal } from "../options/program.ts";

/** A socket as the program has it. */
export interface ProgramSocket {
  /** The real address: `127.0.0.1:80`, `[::]:80`, `unix:/path`, `unix:@name`. */
  readonly address: string;
  /** Its number. */
  readonly fd: number;
}

/** What the arguments of one worker depend on. */
export interface ProgramPlace {
  /** Its sockets. */
  readonly sockets: readonly ProgramSocket[];
  /**
   * A path for a file of its own, without an ending; left out for one that is
   * alone of its kind.
   */
  file?(): string;
}

/** A row of the table. */
export interface KnownProgram {
  /** What it is called. */
  readonly name: string;
  /** Names of its executable, or of its module in Python. */
  readonly is: RegExp;
  /** What its command line has besides, where several have the name. */
  readonly has?: RegExp;
  /** How sockets reach it. */
  readonly pass: Exclude<Pass, "auto">;
  /** What has it finish and leave; the others that it knows cut. */
  readonly stopSignal: StopSignal;
  /** True for one that fails where accept(2) does not wait. */
  readonly blocks?: true;
  /** What is added to its arguments. */
  arguments?(place: ProgramPlace): readonly string[];
  /** An argument of the user's that says the same: nothing is added then. */
  readonly unless?: RegExp;
  /** A file that may say the same: its option, its usual place, and the words. */
  readonly file?: {
    readonly option: string;
    readonly usual: string;
    readonly says: RegExp;
  };
  /** What its configuration has to say, as the rest of "its configuration". */
  readonly settings?: string;
}

/** As curl, Puma and others write it. */
const url = ({ address }: ProgramSocket): string =>
  address.startsWith("unix:")
    ? `unix://${address.slice(5)}`
    : `tcp://${address.replace(/^:/, "0.0.0.0:")}`;

/** The table. */
const PROGRAMS: readonly KnownProgram[] = [
  {
    name: "unicorn",
    is: /^unicorn(?:_rails)?$/,
    pass: "listen-fds",
    stopSignal: "SIGQUIT",
  },
  {
    name: "gunicorn",
    is: /^gunicorn3?$/,
    pass: "listen-fds",
    stopSignal: "SIGTERM",
  },
  {
    name: "puma",
    is: /^puma$/,
    pass: "listen-fds",
    stopSignal: "SIGTERM",
    // It closes what no "-b" names, and listens on 9292 (5.6).
    arguments: ({ sockets }) => sockets.flatMap((each) => ["-b", url(each)]),
    unless: /^(?:-b|--bind)/,
  },
  {
    name: "uvicorn",
    is: /^uvicorn$/,
    pass: "listen-fds",
    stopSignal: "SIGTERM",
    // It takes one (0.17).
    arguments: ({ sockets: [first] }) =>
      first === undefined ? [] : ["--fd", String(first.fd)],
    unless: /^--fd\b/,
  },
  {
    name: "hypercorn",
    is: /^hypercorn$/,
    pass: "listen-fds",
    stopSignal: "SIGTERM",
    arguments: ({ sockets }) =>
      sockets.flatMap(({ fd }) => ["--bind", `fd://${fd}`]),
    unless: /^(?:-b|--bind)/,
  },
  {
    name: "nginx",
    is: /^nginx$/,
    pass: "nginx",
    stopSignal: "SIGQUIT",
    // It writes over the pid file of another one that runs (1.22).
    arguments: ({ file }) => file ? ["-g", `pid ${file()}.pid;`] : [],
    unless: /^-g/,
    file: { option: "-c", usual: "/etc/nginx/nginx.conf", says: /^\s*pid\s/m },
    settings: `needs a "listen" of the very address, and no "pid" of its own`,
  },
  {
    name: "haproxy",
    is: /^haproxy$/,
    pass: "listen-fds",
    stopSignal: "SIGUSR1",
    arguments: () => ["-db"],
    unless: /^-db$/,
    settings: `needs "bind fd@3", the next listener is 4`,
  },
  {
    name: "starman",
    is: /^starman$/,
    pass: "server-starter",
    stopSignal: "SIGQUIT",
    blocks: true,
  },
  {
    name: "starman",
    is: /^plackup$/,
    has: /\bStarman\b/,
    pass: "server-starter",
    stopSignal: "SIGQUIT",
    blocks: true,
  },
  {
    name: "starlet",
    is: /^plackup$/,
    has: /\bStarlet\b/,
    pass: "server-starter",
    stopSignal: "SIGTERM",
    blocks: true,
  },
  {
    name: "php-fpm",
    is: /^php\d?(?:\.\d+)?-fpm[\d.]*$|^php-fpm[\d.]*$/,
    pass: "fpm",
    stopSignal: "SIGQUIT",
    blocks: true,
    arguments: () => ["--nodaemonize"],
    unless: /^(?:-F|--nodaemonize)$/,
    settings: `needs a "listen" of the very address`,
  },
];

/** What runs a program that follows it, and becomes it. */
const LEADS =
  /^(?:env|nice|ionice|chrt|taskset|nohup|setpriv|bundle|exec|python[\d.]*|ruby[\d.]*|perl)$/;

/** An option, a variable of env(1), or a number: "nice -n 5". */
const NO_COMMAND = /^-|^\w+=|^\d+$/;

/**
 * The row of a program, found by the first word of its command line that names
 * neither an option nor what runs another program.
 */
export function knownProgram(
  words: readonly string[],
): KnownProgram | undefined {
  const at = words.findIndex((word) =>
    !NO_COMMAND.test(word) && !LEADS.test(nameOf(word))
  );
  const name = nameOf(words[at] ?? "");
  const rest = words.slice(at + 1).join(" ");
  return PROGRAMS.find(({ is, has }) =>
    is.test(name) && (has === undefined || has.test(rest))
  );
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
