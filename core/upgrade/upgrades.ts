/**
 * The replacement of this supervisor by another one: started beside it with all
 * its sockets, and trusted once every worker of its own is ready. Until then
 * nothing has changed here, so that giving up is no more than going on.
 *
 * @module
 */

import { checkCommand } from "../options/upgrade.ts";
import { given, record } from "../options/values.ts";
import type { PidFile } from "../adapter/successor.ts";
import type { Host } from "../host.ts";
import type { PoolContext } from "../context.ts";
import { messageOf, PreforkError, stateError } from "../errors.ts";
import {
  encodeHandover,
  handedListeners,
  handedSockets,
  HANDOVER_VARIABLE,
} from "../listeners/handover.ts";
import type { Listener } from "../listeners/listeners.ts";
import type { ServiceManager } from "../service/manager.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import { type ProgramOrder, programPlan } from "./program.ts";
import { Successor, type SuccessorPlan } from "./successor.ts";

/** The pool that is to be succeeded. */
export interface UpgradablePool
  extends
    Pick<PoolContext, "adapter" | "config" | "listeners" | "traffic" | "emit"> {
  /** Its workers. */
  readonly supervisor: Supervisor;
  /** How many workers it began with. */
  readonly workers: number;
  /** Where it answers by itself. */
  readonly monitor: { readonly listeners: readonly Listener[] };
  /** Its pid file, if it has one. */
  readonly pidFile: PidFile | undefined;
  /** Who has to know which process is the service. */
  readonly manager: ServiceManager;
  /** True where this is process 1: it cannot leave. */
  readonly init: boolean;
  /** Why it has a predecessor that is in the way of a successor. */
  keptBefore(): string | undefined;
  /** True where it can stop to accept, and has, so that it can stay. */
  rest(): boolean;
  /**
   * Leaves the sockets to the successor, and to none before that: drains, and
   * ends unless it `stays`.
   */
  handOver(
    successor: Successor,
    former: Successor | undefined,
    stays: boolean,
  ): void;
  /** The successor of a supervisor that has stayed has ended. */
  takeBack(): void;
}

/** What the supervisor is to be replaced by. */
export interface SuccessorOptions {
  /** Another command line of prefork; the pool's own unless given. */
  readonly command?: readonly string[];
  /** A server in another language, in place of prefork. */
  readonly to?: ProgramOrder;
}

/** What has come of an upgrade. */
export interface UpgradeReport {
  /** The process id of the new supervisor. */
  readonly pid: number;
}

function checkSuccessor(options: SuccessorOptions): SuccessorOptions {
  const { command, to } = given("upgrade", options);
  if (command !== undefined) checkCommand("command", command);
  if (to !== undefined) {
    const { command } = record("to", to, "an object with a command");
    checkCommand("to.command", command);
  }
  return options;
}

/** The upgrades of a pool, one at a time. */
export class Upgrades {
  readonly #pool: UpgradablePool;
  /** The one that is being started, or was and has not ended yet. */
  #next: Successor | undefined;
  /** The one that has the sockets. */
  #main: Successor | undefined;
  /** True until it is known what comes of the next one. */
  #underway = false;

  /** Nothing is started yet. */
  constructor(pool: UpgradablePool) {
    this.#pool = pool;
  }

  /** True while a successor is being started. */
  get active(): boolean {
    return this.#underway;
  }

  /**
   * Starts a successor and resolves when it serves and this pool drains.
   *
   * @throws {TypeError} when the options are none
   * @throws {PreforkError} `ERR_UPGRADE` when it does not become ready, or
   * `ERR_STATE` when this is not the moment
   */
  async request(options: SuccessorOptions = {}): Promise<UpgradeReport> {
    const { command = this.#pool.config.upgradeCommand, to } = checkSuccessor(
      options,
    );
    const { emit, adapter } = this.#pool;
    const { clock } = adapter;
    const since = clock.now();
    const refusal = this.#refusal() ??
      (to && this.#pool.init ? stateError("upgrade", PROCESS_1) : undefined);
    if (refusal !== undefined) {
      const reason = refusal.message;
      emit({ type: "warning", message: reason });
      throw refusal;
    }
    try {
      const { init, pidFile, supervisor, config: { keepOld } } = this.#pool;
      const plan = to === undefined ? this.#plan(command) : programPlan(to, {
        ...this.#pool,
        post: (run) => supervisor.post(run),
      });
      if (!init) pidFile?.setAside(to !== undefined);
      this.#underway = true;
      const successor = this.#start(plan);
      emit({ type: "upgrade-started", pid: successor.pid });
      await successor.ready;
      if (successor.gone || supervisor.stopping) {
        throw stateError("upgrade", "it is stopping");
      }
      const { manager } = this.#pool;
      const unheard = init
        ? undefined
        : manager.tellNow({ MAINPID: successor.pid });
      if (unheard !== undefined) {
        successor.end();
        throw stateError("upgrade", untold(unheard));
      }
      const former = this.#main;
      const stays = former !== undefined ||
        ((init || keepOld > 0) && this.#pool.rest());
      if (init && !stays) {
        successor.end();
        throw stateError("upgrade", PROCESS_1);
      }
      this.#underway = false;
      this.#main = successor;
      this.#next = undefined;
      if (to !== undefined) pidFile?.leaveTo(successor.pid);
      const ms = Math.round(clock.now() - since);
      emit({ type: "upgrade-finished", pid: successor.pid, ms });
      // Who listens leaves its place first: the name of the control socket would
      // be taken when the successor comes.
      await Promise.resolve();
      this.#pool.handOver(successor, former, stays);
      return { pid: successor.pid };
    } catch (error) {
      this.#underway = false;
      if (!this.#pool.init) this.#pool.pidFile?.takeBack();
      emit({ type: "upgrade-failed", reason: messageOf(error) });
      throw error;
    }
  }

  /** The pool stops: nobody is to succeed it any more. */
  stop(): void {
    if (this.active) this.#next?.end();
  }

  /** The pool has ended. */
  close(): void {
    this.#next?.release();
    this.#main?.release();
  }

  #refusal(): PreforkError | undefined {
    const { adapter, init, manager, supervisor, keptBefore } = this.#pool;
    const { transaction, wanted, isReady, counts } = supervisor;
    const other = this.#next ?? (init ? undefined : this.#main);
    const why = keeperOf(adapter.host, manager) ??
      (other !== undefined
        ? this.#underway
          ? `another upgrade goes on (pid ${other.pid})`
          : `the supervisor of the last upgrade (pid ${other.pid}) has not ended yet`
        : keptBefore() !== undefined
        ? keptBefore()
        : this.#main !== undefined
        ? undefined
        : transaction.goesOn
        ? "a reload goes on, upgrade when that has ended"
        : wanted === 0
        ? "its workers were drained, SIGHUP brings them back"
        : isReady
        ? undefined
        : counts.quiesced > 0
        ? "a worker is quiesced: resume it, or restart its slot, and upgrade then"
        : "not every worker is ready, upgrade when they are");
    return why === undefined ? undefined : stateError("upgrade", why);
  }

  /** How another supervisor is started. */
  #plan(command: readonly string[] = []): SuccessorPlan {
    const [file, ...args] = command;
    if (file === undefined) throw noCommand();
    const { adapter, config, init, supervisor, traffic, workers } = this.#pool;
    const listeners = this.#pool.listeners.map((each) =>
      traffic.steering.handed(each)
    );
    const monitors = this.#pool.monitor.listeners;
    const { wanted, processes: { onDemand } } = supervisor;
    const opened = onDemand.listeners;
    return {
      command: [file, ...args],
      inherits: [listeners, opened, monitors].flatMap(handedSockets),
      env: (fds) => {
        let at = 0;
        const take = (): number => fds[at++]!;
        return {
          [HANDOVER_VARIABLE]: encodeHandover({
            pid: adapter.host.pid,
            ...(wanted > 0 && wanted !== workers && { workers: wanted }),
            ...(init && { init }),
            listeners: handedListeners(listeners, take),
            opened: handedListeners(opened, take),
            ...(monitors.length > 0 && {
              monitors: handedListeners(monitors, take),
            }),
            shards: [...supervisor.adoption.used],
          }),
        };
      },
      // Its workers have as long as ours, and it has to come to start them.
      limit: 2 * config.startTimeout,
      grace: config.grace,
    };
  }

  #start(plan: SuccessorPlan): Successor {
    const { adapter, supervisor, traffic } = this.#pool;
    const successor = new Successor(plan, adapter);
    this.#next = successor;
    supervisor.shares = true;
    void successor.ended.then(() => {
      const isMain = this.#main === successor;
      if (isMain) this.#main = undefined;
      if (this.#next === successor) this.#next = undefined;
      supervisor.shares = (this.#main ?? this.#next) !== undefined;
      // Its program may choose by a table that nobody writes any more.
      if (!supervisor.shares) traffic.steering.attach();
      if (isMain) this.#pool.takeBack();
    });
    return successor;
  }
}

/**
 * Why what has started this process would end all with it, its successor too.
 *
 * `SYSTEMD_EXEC_PID` is the main process of a service (systemd.exec(5), since
 * version 248); a successor inherits it with the pid of somebody else.
 */
function keeperOf(
  { pid, env }: Host,
  manager: ServiceManager,
): string | undefined {
  if (pid === 1) return undefined;
  if (manager.socket !== undefined) {
    // What has been said already is said again, in case it hears by now.
    const problem = manager.problem && manager.tellNow({ READY: 1 });
    return problem && untold(problem);
  }
  if (env["SYSTEMD_EXEC_PID"] === String(pid)) {
    return `systemd ends the service when its main process ends, and has no ear for which one that is from then on: set Type=notify (or NotifyAccess=main) in the unit; ${OTHERWISE}`;
  }
  return undefined;
}

const PROCESS_1 =
  "its supervisor is process 1, with which all others of the container end (pid_namespaces(7)), and could not stay without accepting; SIGHUP replaces the workers, a new container the rest";

const OTHERWISE = "SIGHUP replaces the workers, systemctl restart the rest";

/** Why the service would end with the old supervisor. */
function untold(why: string): string {
  return `the service manager (NOTIFY_SOCKET) cannot be told which process the service is, because ${why}; ${OTHERWISE}`;
}

function noCommand(): PreforkError {
  return new PreforkError(
    "ERR_UPGRADE",
    `Cannot upgrade the pool: it does not know by which command its program was started (the command "prefork" sees that itself, on Deno with --allow-ffi), give it "upgradeCommand"`,
  );
}
