/**
 * The errors that callers are expected to catch, with a stable code each.
 *
 * Wrong arguments are plain `TypeError`s and `RangeError`s; everything that the
 * world can do to a correct call is a {@linkcode PreforkError}.
 *
 * @module
 */

/** What went wrong, as a stable name to compare with. */
export type PreforkErrorCode =
  /**
   * A listener cannot be bound: in use, privileged, a path that is not ours, a
   * certificate that cannot be used.
   */
  | "ERR_BIND"
  /** The program does not boot: missing, throws, exits or stays silent. */
  | "ERR_BOOT"
  /** The program of a worker cannot be executed at all. */
  | "ERR_SPAWN"
  /** This OS, runtime or permission cannot do the share mode that was asked. */
  | "ERR_SHARE_MODE"
  /** A reload was undone: the new generation did not become ready. */
  | "ERR_RELOAD"
  /** The pid file is another pool's, or cannot be written. */
  | "ERR_PID_FILE"
  /** A file for the log cannot be opened. */
  | "ERR_LOG_FILE"
  /** The status file cannot be written. */
  | "ERR_STATUS_FILE"
  /** An upgrade was given up: the supervisor that was to succeed is not there. */
  | "ERR_UPGRADE"
  /** The call does not fit the state of the pool. */
  | "ERR_STATE"
  /** A pool that runs cannot be asked, or does not do what it is asked. */
  | "ERR_CONTROL"
  /** A worker cannot use an inherited listener with this kind of server. */
  | "ERR_ATTACH";

/**
 * An error of a pool or of a worker.
 *
 * Compare {@linkcode PreforkError.code} rather than using `instanceof`: package
 * managers may install two copies of a package.
 *
 * @example
 * ```ts
 * import { Pool } from "@prefork/prefork";
 *
 * const pool = new Pool({ program: "server.js", listen: ":80" });
 * try {
 *   await pool.start();
 * } catch (error) {
 *   if ((error as { code?: string }).code === "ERR_BIND") process.exitCode = 4;
 * }
 * ```
 */
export class PreforkError extends Error {
  /** The stable code. */
  readonly code: PreforkErrorCode;

  /** Makes an error from its code, its sentence and what caused it. */
  constructor(code: PreforkErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "PreforkError";
    this.code = code;
  }
}

/** The error of a call that does not fit what the pool is doing. */
export function stateError(action: string, why: string): PreforkError {
  return new PreforkError("ERR_STATE", `Cannot ${action} the pool: ${why}`);
}

/** The exit codes of the command. */
export const EXIT = {
  /** Everything was stopped as asked. */
  done: 0,
  /** A defect of prefork itself. */
  internal: 1,
  /** The command line or the options are wrong. */
  usage: 2,
  /** The program does not boot. */
  boot: 3,
  /** A listener cannot be bound, or the pid or status file cannot be had. */
  bind: 4,
  /** The stop killed workers: at the drain deadline, or on a second SIGINT. */
  killed: 5,
} as const;

/** The exit code that belongs to an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof TypeError || error instanceof RangeError) {
    return EXIT.usage;
  }
  switch ((error as { code?: unknown } | null)?.code) {
    case "ERR_BIND":
    case "ERR_LOG_FILE":
    case "ERR_PID_FILE":
    case "ERR_STATUS_FILE":
      return EXIT.bind;
    case "ERR_BOOT":
    case "ERR_SPAWN":
      return EXIT.boot;
    case "ERR_SHARE_MODE":
      return EXIT.usage;
    default:
      return missingIn(error) === undefined ? EXIT.internal : EXIT.usage;
  }
}

/** The `code` of a system error, as in "EADDRINUSE". */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** A permission that a runtime was not given. */
export interface Missing {
  /** Whose permissions they are; Bun has none. */
  readonly runtime: "Node" | "Deno";
  /** The flag that gives it, as in "--allow-net" or "--allow-fs-write=/run". */
  readonly flag: string;
}

/**
 * The permission whose lack is an error of the runtime; undefined for any other
 * error. Deno 2.9 throws `NotCapable`, Node 26 an error with the code
 * `ERR_ACCESS_DENIED` (https://nodejs.org/api/permissions.html).
 */
export function missingIn(error: unknown): Missing | undefined {
  const { name, code, resource } = (error ?? {}) as {
    readonly name?: unknown;
    readonly code?: unknown;
    readonly resource?: unknown;
  };
  const isDeno = name === "NotCapable";
  if (!isDeno && code !== "ERR_ACCESS_DENIED") return undefined;
  const flag = /--allow-[a-z-]+/.exec(messageOf(error))?.[0];
  if (flag === undefined) return undefined;
  if (isDeno) return { runtime: "Deno", flag };
  // These want to know where; what we make there has a name of the moment.
  const where = /^--allow-fs-/.test(flag)
    ? `=${directoryOf(String(resource ?? ""))}`
    : "";
  return { runtime: "Node", flag: `${flag}${where}` };
}

function directoryOf(path: string): string {
  return path.startsWith("/proc/")
    ? "/proc"
    : path.slice(0, path.lastIndexOf("/")) || "*";
}

/** That a permission is missing, and which, as the end of a sentence. */
export function forbiddenIn(error: unknown): string | undefined {
  const missing = missingIn(error);
  return missing &&
    `${missing.runtime} does not allow it, add "${missing.flag}"`;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    // An object without a prototype has no text.
    return Object.prototype.toString.call(error);
  }
}

/** Why a file cannot be written, as the end of a sentence that names it. */
export function unwritable(error: unknown): string {
  const forbidden = forbiddenIn(error);
  return forbidden === undefined
    ? ` (${
      messageOf(error)
    }): choose a file in a directory that is there and that this user may write to`
    : `: ${forbidden}`;
}
