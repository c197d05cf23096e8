/**
 * Whom a worker runs as. setpriv(1) of util-linux becomes that user and then the
 * program, in one process: uid and gid of spawn() leave a process without any
 * supplementary group on all three runtimes, and Deno cannot call setgroups(2).
 *
 * @module
 */

import { PreforkError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { UserConfig } from "../options/user.ts";

/** Whom workers run as. */
export interface Account {
  /** The user. */
  readonly uid: number;
  /** Variables that say who that is. */
  readonly variables: Readonly<Record<string, string>>;
  /** The words in front of the command of a worker. */
  readonly prefix: readonly string[];
}

/** What is asked of the machine. */
type Machine = Pick<Host, "which" | "real" | "text">;

/** What it takes to become somebody else, and to end what has: capabilities(7). */
const NEEDED = { KILL: 5n, SETGID: 6n, SETUID: 7n, SETPCAP: 8n };

/** For whoever is nobody else's any more. */
const BOUND = ["--no-new-privs", "--inh-caps=-all"];

/**
 * Whom workers run as; undefined where that is not said. Looked up anew each
 * time: a worker has the groups that its user has when it starts.
 *
 * @throws {TypeError} when there is no such user or group, or this process may
 * not become it
 * @throws {PreforkError} `ERR_SPAWN` when there is no setpriv(1)
 */
export function accountOf(
  { user, group }: UserConfig,
  host: Machine,
): Account | undefined {
  if (user === undefined) return undefined;
  const entry = entryOf("user", user, host);
  const [name = user, , uid = user, primary, , home = "/"] = entry ?? [];
  const gid = group === undefined
    ? primary
    : entryOf("group", group, host)?.[2] ?? group;
  if (gid === undefined) {
    throw new TypeError(
      `Cannot use "${user}" for "user": ${PASSWD} has no user with that number, so say the group too, by "group"`,
    );
  }
  const first = entryOf("user", uid, host)?.[0];
  if (first !== undefined && first !== name) {
    throw new TypeError(
      `Cannot use "${user}" for "user": "${first}" in ${PASSWD} has the same number ${uid}, and whose groups count cannot be told, use "${first}"`,
    );
  }
  const problem = problemOf(uid, gid, host);
  const setpriv = toolIn(host, user);
  const account = {
    uid: Number(uid),
    variables: { HOME: home, USER: name, LOGNAME: name },
  };
  // One who is that user already can give nothing up but what may come.
  if (problem === "same") return { ...account, prefix: [setpriv, ...BOUND] };
  if (problem !== undefined) {
    throw new TypeError(
      `Cannot use "${user}" for "user": ${problem}, or leave "user" out`,
    );
  }
  // Whoever is not in the file has no groups (initgroups(3)).
  const groups = entry === undefined ? "--clear-groups" : "--init-groups";
  const ids = ["--reuid", uid, "--regid", gid, groups];
  const prefix = [setpriv, ...ids, ...BOUND, "--bounding-set=-all"];
  return { ...account, prefix };
}

const PASSWD = "/etc/passwd";

const FILES = { user: PASSWD, group: "/etc/group" };

const NUMBER = /^\d+$/;

/** The highest number; the one above it means "leave it" (setreuid(2)). */
const MAX_ID = 2 ** 32 - 2;

/**
 * A line of passwd(5) or group(5), by name or number; undefined for a number
 * that is in none.
 */
function entryOf(
  kind: keyof typeof FILES,
  wanted: string,
  host: Machine,
): readonly string[] | undefined {
  const isNumber = NUMBER.test(wanted);
  const file = FILES[kind];
  const entry = host.text(file).split("\n").map((line) => line.split(":"))
    .find((fields) =>
      isNumber
        ? fields.length > 2 && Number(fields[2]) === Number(wanted)
        : fields[0] === wanted
    );
  if (entry !== undefined || isNumber && Number(wanted) <= MAX_ID) return entry;
  throw new TypeError(
    `Cannot use "${wanted}" for "${kind}": there is no ${kind} of that name in ${file}, write one from there or a number`,
  );
}

/**
 * Why this process cannot have workers run so, as the middle of a sentence; or
 * "same" where it runs so itself and cannot be anybody else.
 */
function problemOf(
  uid: string,
  gid: string,
  host: Machine,
): string | undefined {
  const status = statusOf(host);
  const capabilities = /^CapEff:\s+([\da-f]+)/m.exec(status)?.[1];
  // Where it cannot be seen setpriv(1) has the last word.
  if (capabilities === undefined) return undefined;
  const has = BigInt(`0x${capabilities}`);
  const missing = Object.entries(NEEDED)
    .filter(([, bit]) => (has >> bit & 1n) === 0n)
    .map(([name]) => `CAP_${name}`);
  if (missing.length === 0) return undefined;
  const effective = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s+\\d+\\s+(\\d+)`, "m").exec(status)?.[1];
  const [own, ownGroup] = [effective("Uid"), effective("Gid")];
  if (Number(own) === Number(uid) && Number(ownGroup) === Number(gid)) {
    return "same";
  }
  return own === "0"
    ? `root has no ${
      missing.join(", ")
    } here, which a container or unit has taken away: grant it`
    : `this process runs as user ${own}, and only root can start workers as somebody else: start it as root`;
}

function statusOf(host: Machine): string {
  try {
    return host.text("/proc/self/status");
  } catch {
    return "";
  }
}

/**
 * Where setpriv(1) of util-linux is. BusyBox has one of that name, which knows
 * neither users nor `--pdeathsig` (1.35).
 */
export function setprivIn(
  { which, real }: Pick<Host, "which" | "real">,
): string | undefined {
  const found = which("setpriv");
  const isOther = found !== undefined &&
    (real(found) ?? found).endsWith("/busybox");
  return isOther ? undefined : found;
}

function toolIn(host: Machine, user: string): string {
  const found = setprivIn(host);
  if (found !== undefined) return found;
  throw new PreforkError(
    "ERR_SPAWN",
    `Cannot use "${user}" for "user": there is no "setpriv" of util-linux in PATH, which starts workers with it, install it (util-linux; on Alpine "apk add setpriv"), or start the whole pool as that user and leave "user" out`,
  );
}
