/**
 * What programs that start others say of the sockets that they pass on: one
 * table of the variables that each of them writes. Only text is read here.
 *
 * `docs/NEIGHBOURS.md` has the formats and where they are from.
 *
 * @module
 */

import { isNginxList } from "./names.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A socket that a parent says it has passed on. */
export interface Announced {
  /** Who says so, by its name. */
  readonly parent: string;
  /** Where: a variable. */
  readonly variable: string;
  /** The number of the descriptor. */
  readonly fd: number;
  /** Its name, where it has one. */
  readonly name?: string;
  /** Where it is bound, as the parent writes it. */
  readonly text?: string;
}

/** What is said by all of them. */
export interface Announcements {
  /** The sockets, each number once. */
  readonly sockets: readonly Announced[];
  /** What cannot be understood, a sentence each. */
  readonly problems: readonly string[];
  /** What is said to another process: why it is not this one, by parent. */
  readonly ignored: ReadonlyMap<string, string>;
}

/** This process, as others may name it. */
export interface Self {
  /** Its number. */
  readonly pid: number;
  /** That of whoever has started it. */
  readonly parentPid: number;
  /** What a process is called that this one descends from. */
  ancestor(pid: number): string | undefined;
  /** The inode of its pidfd (pidfd_open(2)), where the kernel gives it one. */
  pidfdId(): string | undefined;
}

type Found = Omit<Announced, "parent">;

/** What somebody writes, and how it is read. */
interface Format {
  /** Who. */
  readonly parent: string;
  /** The variables that are about the sockets of one process alone. */
  readonly own: RegExp;
  /** Undefined where nothing is said, a text where it is said to another. */
  read(env: Environment, self: Self): readonly Found[] | string | undefined;
}

/** systemd passes on no more, whatever a service asks for. */
const MOST = 65_536;

/** One number, as all of them write it. */
const NUMBER = /^\d{1,7}$/;

const FORMATS: readonly Format[] = [
  {
    parent: "systemd",
    own: /^LISTEN_(PID|PIDFDID|FDS|FDNAMES)$/,
    read: systemd,
  },
  {
    parent: "Server::Starter",
    own: /^SERVER_STARTER_/,
    // Empty where it was asked for none.
    read: (env) =>
      pairs(env, "SERVER_STARTER_PORT", ";", "127.0.0.1:8080=4;/run/web=5"),
  },
  { parent: "Einhorn", own: /^EINHORN_/, read: einhorn },
  {
    parent: "Unicorn",
    own: /^UNICORN_(FD|WORKER)$/,
    read: (env) => list(env, "UNICORN_FD", /,/, "7,8"),
  },
  {
    parent: "Gunicorn",
    own: /^GUNICORN_(FD|PID)$/,
    read: (env, { parentPid }) =>
      another(env, "GUNICORN_PID", parentPid, "the parent of this one") ??
        list(env, "GUNICORN_FD", /,/, "6,7"),
  },
  { parent: "Puma", own: /^PUMA_INHERIT_\d+$/, read: puma },
  {
    parent: "nginx",
    own: /^NGINX$/,
    read: (env) =>
      isNginxList(env["NGINX"] ?? "")
        ? list(
          { NGINX: env["NGINX"]!.slice(0, -1) },
          "NGINX",
          /[;:]/,
          "6;7;",
        )
        : undefined,
  },
  {
    parent: "PHP-FPM",
    own: /^FPM_SOCKETS$/,
    read: (env) => pairs(env, "FPM_SOCKETS", ",", "127.0.0.1:9000=8"),
  },
];

/** Reads all that is said. */
export function announcements(env: Environment, self: Self): Announcements {
  const sockets = new Map<number, Announced>();
  const problems: string[] = [];
  const ignored = new Map<string, string>();
  for (const { parent, read } of FORMATS) {
    try {
      const found = read(env, self) ?? [];
      if (typeof found === "string") ignored.set(parent, found);
      else {
        for (const each of found) {
          if (!sockets.has(each.fd)) {
            sockets.set(each.fd, { parent, ...each });
          }
        }
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.push(error.message);
    }
  }
  return { sockets: [...sockets.values()], problems, ignored };
}

/**
 * What stands between systemd and this process, as a sentence; undefined where
 * nothing does. npm, npx and the shells that they start keep the sockets that
 * they are passed, or close them.
 */
export function inBetween(
  { LISTEN_FDS, LISTEN_PID = "" }: Environment,
  { pid, ancestor }: Pick<Self, "pid" | "ancestor">,
): string | undefined {
  if (LISTEN_FDS === undefined || !NUMBER.test(LISTEN_PID)) return undefined;
  const between = Number(LISTEN_PID) === pid
    ? undefined
    : ancestor(Number(LISTEN_PID));
  return between &&
    `the sockets of LISTEN_FDS were passed to ${between}, which stands between systemd and this process: have systemd start node_modules/.bin/prefork itself`;
}

/** True for a variable that is about the sockets of one process alone. */
export function isParentVariable(name: string, value = ""): boolean {
  if (name === "NGINX") return isNginxList(value);
  return FORMATS.some(({ own }) => own.test(name));
}

/** LISTEN_FDS of sd_listen_fds(3). */
function systemd(
  env: Environment,
  { pid, pidfdId }: Self,
): readonly Found[] | string | undefined {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_PIDFDID, LISTEN_FDNAMES } = env;
  if (LISTEN_FDS === undefined) return undefined;
  if (LISTEN_PID === undefined) return "LISTEN_PID is not set";
  if (!NUMBER.test(LISTEN_PID)) {
    throw junk("LISTEN_PID", LISTEN_PID, "a process id", String(pid));
  }
  const other = another(env, "LISTEN_PID", pid, "this process");
  if (other !== undefined) return other;
  const id = LISTEN_PIDFDID === undefined ? undefined : pidfdId();
  if (id !== undefined && id !== LISTEN_PIDFDID) {
    return `LISTEN_PIDFDID is ${LISTEN_PIDFDID} and this process is ${id}`;
  }
  const count = countOf("LISTEN_FDS", LISTEN_FDS);
  const names = LISTEN_FDNAMES === undefined
    ? undefined
    : LISTEN_FDNAMES === ""
    ? []
    : LISTEN_FDNAMES.split(":");
  if (names !== undefined && names.length !== count) {
    throw junk(
      "LISTEN_FDNAMES",
      LISTEN_FDNAMES!,
      `a name for each of ${count} sockets`,
      Array.from({ length: Math.max(1, Math.min(count, 3)) }, () => "web")
        .join(":"),
    );
  }
  return Array.from({ length: count }, (_, i) => ({
    variable: "LISTEN_FDS",
    fd: 3 + i,
    name: names?.[i] ?? "unknown",
  }));
}

/** Its numbers have gaps: the README of Einhorn 1.1. */
function einhorn(
  env: Environment,
  { parentPid }: Self,
): readonly Found[] | string | undefined {
  const { EINHORN_FD_COUNT } = env;
  if (EINHORN_FD_COUNT === undefined) return undefined;
  const other = another(
    env,
    "EINHORN_MASTER_PID",
    parentPid,
    "the parent of this one",
  );
  if (other !== undefined) return other;
  const count = countOf("EINHORN_FD_COUNT", EINHORN_FD_COUNT);
  return Array.from({ length: count }, (_, i) => {
    const variable = `EINHORN_FD_${i}`;
    return { variable, fd: numberIn(variable, env[variable] ?? "", "7") };
  });
}

/** "FD:URL" each: lib/puma/binder.rb of Puma 5.6. */
function puma(env: Environment): readonly Found[] {
  return Object.keys(env).filter((name) => /^PUMA_INHERIT_\d+$/.test(name))
    .map((variable) => {
      const given = env[variable] ?? "";
      const [, fd, text] = /^(\d{1,7}):(.+)$/s.exec(given) ?? [];
      if (fd !== undefined) return { variable, fd: Number(fd), text: text! };
      throw junk(
        variable,
        given,
        "a descriptor and its address",
        "7:tcp://0.0.0.0:9292",
      );
    });
}

/** Numbers with something in between. */
function list(
  env: Environment,
  variable: string,
  between: RegExp,
  example: string,
): readonly Found[] | undefined {
  const given = env[variable];
  if (given === undefined) return undefined;
  return given.split(between).map((each) => ({
    variable,
    fd: numberIn(variable, each.trim(), example, given),
  }));
}

/** "ADDRESS=NUMBER" each; a path may have a "=" of its own. */
function pairs(
  env: Environment,
  variable: string,
  between: string,
  example: string,
): readonly Found[] | undefined {
  const given = env[variable];
  if (given === undefined || given === "") return undefined;
  return given.split(between).map((each) => {
    const at = each.lastIndexOf("=");
    const fd = each.slice(at + 1).trim();
    const text = each.slice(0, at);
    if (at > 0 && NUMBER.test(fd)) return { variable, fd: Number(fd), text };
    throw junk(variable, given, "addresses with their descriptors", example);
  });
}

/** Why something is said to another process, if it is. */
function another(
  env: Environment,
  variable: string,
  pid: number,
  who: string,
): string | undefined {
  const given = env[variable];
  return given === undefined || Number(given) === pid
    ? undefined
    : `${variable} is ${given} and ${who} is ${pid}`;
}

function countOf(variable: string, given: string): number {
  const count = numberIn(variable, given, "2");
  if (count <= MOST) return count;
  throw junk(variable, given, `at most ${MOST} sockets`, "2");
}

function numberIn(
  variable: string,
  text: string,
  example: string,
  given: string = text,
): number {
  if (NUMBER.test(text)) return Number(text);
  throw junk(variable, given, "numbers of descriptors", example);
}

function junk(
  variable: string,
  given: string,
  wanted: string,
  example: string,
): RangeError {
  const said = given.length > 60 ? `${given.slice(0, 60)}..` : given;
  return new RangeError(
    `${variable} is ${
      JSON.stringify(said)
    } and should name ${wanted} as in "${example}": unset it where no parent has set it`,
  );
}
