/**
 * A server in another language that is to succeed this supervisor: it gets the
 * pool's sockets as a worker of that kind would, and is seen to accept as one.
 *
 * @module
 */

import type { WorkerProcess } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { type PreforkError, stateError } from "../errors.ts";
import { ownSockets, socketVariables } from "../launch/inherited.ts";
import {
  commandOf,
  isScript,
  learnsPid,
  startsJavaScript,
} from "../launch/program.ts";
import { habitsOf } from "../launch/program_habits.ts";
import { PLACE_VARIABLE } from "../launch/wrapper.ts";
import type { Listener } from "../listeners/listeners.ts";
import { checkProgram, type Pass } from "../options/program.ts";
import { Programs } from "../supervise/program.ts";
import { programEvent } from "../warnings.ts";
import { PoolWorker } from "../worker.ts";
import type { SuccessorPlan } from "./successor.ts";

/** What is to take the pool's place. */
export interface ProgramOrder {
  /** Its command line. */
  readonly command: readonly string[];
  /**
   * The directory in which it runs, an absolute path.
   *
   * @default the supervisor's own
   */
  readonly cwd?: string;
  /**
   * How the sockets reach it, as the option of the pool.
   *
   * @default {"auto"}
   */
  readonly pass?: Pass;
}

/** The pool that it succeeds. */
type ProgramPool = Pick<
  PoolContext,
  "adapter" | "config" | "listeners" | "emit" | "post"
>;

/**
 * How it is started.
 *
 * @throws {PreforkError} `ERR_BOOT` or `ERR_SPAWN` when there is no such program,
 * `ERR_STATE` when it cannot have what the pool has
 */
export function programPlan(
  { command: [program = "", ...args], ...order }: ProgramOrder,
  pool: ProgramPool,
): SuccessorPlan {
  const { adapter, listeners, emit, post } = pool;
  const { host } = adapter;
  const { pass } = checkProgram({ pass: order.pass ?? "auto" });
  const cwd = order.cwd ?? host.resolve(".");
  const config = {
    ...pool.config,
    ...{ program, args, cwd, pass },
    ...{ stopSignal: undefined, readyLine: undefined, readyFd: undefined },
  };
  if (isScript(program) || startsJavaScript(config, adapter)) {
    throw refused(
      `"${program}" runs JavaScript, which takes no socket by a variable: have prefork run it`,
    );
  }
  const habits = habitsOf(config, adapter);
  for (const each of listeners) {
    const problem = listenerProblem(
      each,
      habits.blocks && habits.name !== undefined,
    );
    if (problem !== undefined) throw refused(`"${each.name}" ${problem}`);
  }
  const sockets = listeners.map(({ address }, i) => ({ address, fd: 3 + i }));
  const added = habits.argumentsFor({ sockets });
  const plan = { ...config, args: [...args, ...added], habits, outlives: true };
  const command = commandOf({ ...plan, runtime: "exec" }, adapter);
  emit(programEvent(habits, { sockets }));
  return {
    command,
    cwd,
    inherits: listeners.flatMap(({ sockets }) => sockets),
    env(given) {
      const passed = listeners.map(({ name, address }, i) => ({
        ...{ name, address, shard: 0 },
        fds: [habits.places ? 3 + i : given[i]!],
      }));
      return {
        ...socketVariables(habits.pass, ownSockets(passed), {
          slot: 0,
          generation: 1,
          parent: host.pid,
          pidToo: learnsPid("exec", adapter, habits),
        }),
        ...(habits.places && { [PLACE_VARIABLE]: given.join(" ") }),
      };
    },
    limit: config.startTimeout,
    grace: config.grace,
    program: {
      stopSignal: habits.stopSignal,
      watch(process, ready, fail) {
        const worker = asWorker(process, adapter.clock.now());
        const context = { adapter, config, habits, listeners, emit, post };
        new Programs(context, {
          ready,
          hopeless: () => fail(worker.failure!),
        }).watch(worker, { waitReady: false });
        return {
          silence: () => worker.silence,
          // Nobody looks at one that is not starting.
          [Symbol.dispose]: () => void (worker.state = "ready"),
        };
      },
    },
  };
}

/** As what it is looked at. */
function asWorker(process: WorkerProcess, now: number): PoolWorker {
  const worker = new PoolWorker(0, 1, "exec", now, new Set());
  worker.process = process;
  return worker;
}

/** Why a listener cannot be another server's, as the rest of a sentence. */
function listenerProblem(
  { mode, certificates, proxy, blocks = false }: Listener,
  waits: boolean,
): string | undefined {
  if (mode === "sharded" || mode === "reuseport") {
    return `is ${mode}, so that it has a queue for each worker and none for another server: start the pool with one queue, "--steer off" ("--share shared" on every version)`;
  }
  if ((certificates ?? proxy) !== undefined) {
    return `has "${
      certificates ? "cert" : "proxy"
    }", which only prefork's workers understand`;
  }
  return waits && !blocks
    ? "has O_NONBLOCK for the sake of this pool's workers, and that server fails where accept(2) does not wait"
    : undefined;
}

function refused(why: string): PreforkError {
  return stateError("upgrade", why);
}
