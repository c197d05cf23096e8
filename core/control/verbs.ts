/**
 * What a pool can be asked from outside, as requests of HTTP. `cli/control.ts`
 * asks.
 *
 * @module
 */

import type { PoolStatus, StopReport } from "../events.ts";
import { codeOf, messageOf, stateError } from "../errors.ts";
import type { Pass } from "../options/program.ts";
import type { SuccessorOptions, UpgradeReport } from "../upgrade/upgrades.ts";
import type { KeptLog } from "./log.ts";
import type {
  Answer,
  ControlAnswer,
  ControlRequest,
  LineSource,
} from "./socket.ts";

/** The version of what is said: raised when a verb changes its meaning. */
export const CONTROL_VERSION = 1;

/** How many of the last lines of the log are told, as tail(1) does. */
const USUAL_LINES = 10;

/** What is told whoever leaves a pool without workers, and its log. */
export const NOBODY =
  "it has no workers any more and serves nobody: scale it up, or reload it (SIGHUP), which brings its workers back";

/** What is asked and told, as far as a pool can be. */
export interface ControlledPool {
  /** What its supervisor has written last, where that is the command. */
  readonly log?: KeptLog;
  /** See {@linkcode PoolCore.status}. */
  status(): PoolStatus;
  /** See {@linkcode PoolCore.reload}. */
  reload(): Promise<void>;
  /** See {@linkcode PoolCore.upgrade}. */
  upgrade(
    options?: Pick<SuccessorOptions, "to">,
  ): Promise<UpgradeReport>;
  /** The same by another runtime's executable, where it has a command line. */
  upgradeOn?(runtime: string): Promise<UpgradeReport>;
  /** See {@linkcode PoolCore.scale}. */
  scale(workers: number): void;
  /** See {@linkcode PoolCore.restart}. */
  restart(slot: number): void;
  /** See {@linkcode PoolCore.quiesce}. */
  quiesce(slot: number, options?: { readonly force?: boolean }): Promise<void>;
  /** See {@linkcode PoolCore.resume}. */
  resume(slot: number): Promise<void>;
  /** See {@linkcode PoolCore.reopenLogs}. */
  reopenLogs(): void;
  /** See {@linkcode PoolCore.stop}. */
  stop(
    options?: { readonly quick?: boolean; readonly delay?: boolean },
  ): Promise<StopReport>;
}

/** Who a pool says that it is. */
export interface ControlIdentity {
  /** Its name. */
  readonly name: string;
  /** The supervisor's process id. */
  readonly pid: number;
  /** What runs the supervisor, as in "node 26.10.0". */
  readonly runtime: string;
}

type Verb = (
  pool: ControlledPool,
  query: URLSearchParams,
) => object | Promise<object>;

type Lines = (pool: ControlledPool, query: URLSearchParams) => LineSource;

/** What is answered by lines, by the last part of its path; asked by GET. */
const LINES: Readonly<Record<string, Lines>> = {
  logs({ log }, query) {
    const lines = query.has("lines") ? number(query, "lines") : USUAL_LINES;
    const follow = truth(query, "follow");
    if (log !== undefined) return log.read(Math.max(0, lines), follow);
    throw stateError(
      "read the log of",
      "a program runs it, which writes its own",
    );
  },
};

/** What changes something, by the last part of its path. */
const POST: Readonly<Record<string, Verb>> = {
  async reload(pool) {
    await pool.reload();
    return { reload: pool.status().reload };
  },
  async upgrade(pool, query) {
    const command = query.getAll("program");
    if (command.length > 0) {
      const cwd = query.get("cwd");
      const pass = query.get("pass");
      const to = {
        command,
        ...(cwd !== null && { cwd }),
        // Checked with the rest of it.
        ...(pass !== null && { pass: pass as Pass }),
      };
      return { upgrade: await pool.upgrade({ to }) };
    }
    const runtime = query.get("runtime");
    if (runtime === null) return { upgrade: await pool.upgrade() };
    if (pool.upgradeOn !== undefined) {
      return { upgrade: await pool.upgradeOn(runtime) };
    }
    throw stateError(
      "choose the runtime of",
      "a program runs it, which says by upgradeCommand what follows",
    );
  },
  scale(pool, query) {
    const { wanted: from } = pool.status();
    const by = query.has("by");
    const to = by ? from + number(query, "by") : number(query, "to");
    pool.scale(to);
    return { scale: { from, to } };
  },
  restart(pool, query) {
    pool.restart(number(query, "slot"));
    return {};
  },
  async quiesce(pool, query) {
    await pool.quiesce(number(query, "slot"), { force: truth(query, "force") });
    return {};
  },
  async resume(pool, query) {
    await pool.resume(number(query, "slot"));
    return {};
  },
  reopen(pool) {
    pool.reopenLogs();
    return {};
  },
  stop(pool, query) {
    // Whoever has asked sees the end by the end of the process.
    void pool.stop({
      quick: truth(query, "quick"),
      ...(truth(query, "now") && { delay: false }),
    });
    return {};
  },
};

const GET: Readonly<Record<string, Verb>> = { status: () => ({}) };

/**
 * Answers for a pool: `{"prefork": 1, "pool": .., ..}` with what the verb has to
 * tell and then the status, or with an `error` of a `code` and a `message`.
 */
export function answerFor(
  pool: ControlledPool,
  identity: ControlIdentity,
): Answer {
  const whole = (status: number, more: object): ControlAnswer => ({
    status,
    body: { prefork: CONTROL_VERSION, pool: identity, ...more },
  });
  const wrong = (status: number, code: string, message: string) =>
    whole(status, { error: { code, message } });
  return async ({ method, path, query }: ControlRequest) => {
    const [, version, name = ""] = /^\/v(\d+)\/([\w-]+)\/?$/.exec(path) ?? [];
    const verb = verbOf(name);
    if (Number(version) !== CONTROL_VERSION || verb === undefined) {
      const known = [GET, POST, LINES].flatMap((verbs) => Object.keys(verbs));
      return wrong(
        404,
        "ERR_CONTROL",
        `Cannot answer "${path}": there are ${
          known.map((each) => `/v${CONTROL_VERSION}/${each}`).join(", ")
        }`,
      );
    }
    if (method !== verb.method) {
      return wrong(
        405,
        "ERR_CONTROL",
        `Cannot answer ${method} "${path}": it is asked by ${verb.method}`,
      );
    }
    try {
      if (verb.lines !== undefined) {
        return { status: 200, lines: verb.lines(pool, query) };
      }
      const told = await verb.run(pool, query);
      return whole(200, { ...told, status: pool.status() });
    } catch (error) {
      const isWrong = error instanceof TypeError || error instanceof RangeError;
      const code = codeOf(error) ?? (isWrong ? "ERR_CONTROL" : "ERR_INTERNAL");
      const status = isWrong ? 400 : code === "ERR_STATE" ? 409 : 500;
      return wrong(status, code, messageOf(error));
    }
  };
}

/** How a verb is asked, and what it does: it answers with an object, or lines. */
type Known =
  | { readonly method: string; readonly run: Verb; readonly lines?: undefined }
  | { readonly method: "GET"; readonly lines: Lines };

function verbOf(name: string): Known | undefined {
  for (const [method, verbs] of Object.entries({ GET, POST })) {
    const run = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (run !== undefined) return { method, run };
  }
  const lines = Object.hasOwn(LINES, name) ? LINES[name] : undefined;
  return lines && { method: "GET", lines };
}

function number(query: URLSearchParams, name: string): number {
  const value = query.get(name);
  if (value !== null && /^-?\d+$/.test(value)) return Number(value);
  throw new TypeError(
    value === null
      ? `Cannot do that without "${name}": write ?${name}=N`
      : `Cannot use "${value}" for "${name}": it must be a whole number`,
  );
}

function truth(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null || value === "false" || value === "0") return false;
  if (value === "" || value === "true" || value === "1") return true;
  throw new TypeError(
    `Cannot use "${value}" for "${name}": it must be true or false`,
  );
}
