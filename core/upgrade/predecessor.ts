/**
 * The supervisor that has started this one to succeed it, as this one sees it.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { PidFile, Predecessor } from "../adapter/successor.ts";
import { decodeHandover, HANDOVER_VARIABLE } from "../listeners/handover.ts";
import type { PoolContext } from "../context.ts";
import type { Gate } from "../listeners/gate.ts";
import { UNUSED_MS } from "../listeners/on_demand.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import { Heritage } from "../listeners/heritage.ts";
import { givenUp, say, wordIn } from "./words.ts";

/** The pool that succeeds another one. */
export interface SucceedingPool
  extends Pick<PoolContext, "adapter" | "config" | "emit"> {
  /** Its workers. */
  readonly supervisor: Supervisor;
  /** Resolves when every worker is ready. */
  ready(): Promise<void>;
  /** Resolves when it has ended. */
  readonly stopped: Promise<unknown>;
}

/** What this supervisor has from another one, and its word to that. */
export class Succession {
  /** Its sockets. */
  readonly heritage: Heritage;
  readonly #predecessor: Predecessor;
  readonly #pidFile: PidFile | undefined;
  readonly #gate: Gate;
  readonly #owned = Promise.withResolvers<void>();
  /** True while a predecessor is there that stays. */
  #kept = false;
  /** True while that has workers again. */
  #serves = false;
  #supervisor: Supervisor | undefined;
  #unused: Disposable | undefined;

  private constructor(
    predecessor: Predecessor,
    heritage: Heritage,
    pidFile: PidFile | undefined,
    gate: Gate,
  ) {
    // Process 1 is who obeys whatever signal is sent to the pool.
    this.#pidFile = heritage.handover.init === true ? undefined : pidFile;
    this.#gate = gate;
    this.#predecessor = predecessor;
    this.heritage = heritage;
    predecessor.onMessage((message) => {
      const word = wordIn(message);
      if (word?.type === "yours") {
        this.#kept = word.kept ?? false;
        this.#own();
      }
      if (!this.#kept) return;
      // Another one serves in this one's place, or soon does.
      this.#share(word?.type === "serving" || word?.type === "leave");
      if (word?.type === "leave") this.onLeave(word.pid);
    });
    // It was killed, perhaps: who else is there to serve.
    predecessor.onGone(() => {
      this.#kept = false;
      this.#pidFile?.forget(heritage.handover.pid);
      this.#share(false);
      this.#own();
    });
  }

  /**
   * Takes over what there is from a predecessor.
   *
   * @throws {TypeError} when it is of another version
   * @throws {PreforkError} `ERR_BIND` when a socket is not there
   */
  static async begin(
    adapter: Adapter,
    pidFile: PidFile | undefined,
    gate: Gate,
  ): Promise<Succession | undefined> {
    const predecessor = adapter.predecessor(HANDOVER_VARIABLE);
    if (predecessor === undefined) return undefined;
    try {
      const handover = decodeHandover(predecessor.handover);
      const heritage = await Heritage.receive(handover, adapter);
      return new Succession(predecessor, heritage, pidFile, gate);
    } catch (error) {
      await predecessor.say(say(givenUp(error)));
      throw error;
    }
  }

  /** True once all is this supervisor's own. */
  isOwned = false;

  /** Called when the process `pid` takes the place of this one. */
  onLeave: (pid: number) => void = () => {};

  /** Why a predecessor that stays is in the way of a successor. */
  get kept(): string | undefined {
    const { handover: { pid, init = false } } = this.heritage;
    return !this.#kept
      ? undefined
      : init
      ? "process 1 stays, and it is that which starts another supervisor: send it SIGUSR2"
      : `the supervisor before it (pid ${pid}) stays to go back to: end that first, by SIGQUIT`;
  }

  /**
   * The pool is to stop. Where its predecessor serves again, that has all from
   * now on, and this returns its process id; one that has not been gone back to
   * ends too.
   */
  stop(): number | undefined {
    if (!this.#kept) return undefined;
    if (this.#serves) return this.heritage.handover.pid;
    void this.#predecessor.say(say({ type: "stopping" }));
    return undefined;
  }

  /**
   * Takes over, once every worker has been ready for the soak time. False when
   * the pool has been stopped before.
   */
  async complete(pool: SucceedingPool): Promise<boolean> {
    const { adapter: { clock }, supervisor, config: { soak }, emit } = pool;
    const { heritage } = this;
    this.#supervisor = supervisor;
    do {
      await pool.ready();
      await new Promise<void>((resolve) => clock.after(soak, resolve));
    } while (!supervisor.isReady && !supervisor.stopping);
    // Whatever waits on shards that have no slot here needs somebody, too.
    for (const shard of heritage.handover.shards) {
      supervisor.adoption.use(shard);
    }
    supervisor.post(() => {});
    if (!supervisor.stopping) {
      this.#pidFile?.claim(heritage.handover.pid);
      await this.#predecessor.say(say({ type: "ready" }));
    }
    await Promise.race([this.#owned.promise, pool.stopped]);
    if (!this.isOwned || supervisor.stopping) return false;
    emit({ type: "taken-over", from: heritage.handover.pid });
    const tell = (addresses: readonly string[], why: string): void => {
      for (const address of addresses) {
        emit({ type: "warning", message: `closed "${address}", ${why}` });
      }
    };
    const rest = heritage.closeRest();
    tell(rest, "which the supervisor before had and this one has not");
    this.#unused = clock.after(UNUSED_MS, () => {
      const why = `which no worker has served for ${UNUSED_MS / 1000} s`;
      tell(heritage.closeOpened(), why);
    });
    return true;
  }

  /** It gives up: the predecessor goes on. */
  async fail(error: unknown): Promise<void> {
    await this.#predecessor.say(say(givenUp(error)));
  }

  /** The pool has ended. */
  close(): void {
    this.#unused?.[Symbol.dispose]();
    this.heritage.closeRest();
    this.heritage.closeOpened();
    this.#predecessor.close();
  }

  /** The predecessor has workers, too, or none. */
  #share(on: boolean): void {
    this.#serves = on;
    if (this.#supervisor === undefined) return;
    this.#supervisor.shares = on;
    this.#supervisor.post(() => {});
  }

  #own(): void {
    this.isOwned = true;
    this.heritage.isAlone = !this.#kept;
    if (!this.#kept) this.#predecessor.close();
    this.#gate.open();
    this.#owned.resolve();
  }
}
