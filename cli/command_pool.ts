/**
 * A pool as the command runs it: it reads its configuration file again, and is
 * asked for an upgrade by a file too.
 *
 * @module
 */

import type { Adapter } from "../core/adapter.ts";
import { KeptLog } from "../core/control/log.ts";
import { messageOf, PreforkError } from "../core/errors.ts";
import type { StopReport } from "../core/events.ts";
import type { PoolOptions } from "../core/options/options.ts";
import { PoolCore } from "../core/pool.ts";
import { refused } from "../core/renewal.ts";
import type {
  SuccessorOptions,
  UpgradeReport,
} from "../core/upgrade/upgrades.ts";
import { commandOn, type UpgradeDesk } from "./upgrade.ts";

/** How long who follows the log has for its last lines, in ms. */
const LAST_WAIT = 1000;

/** What a pool of the command has around it. */
export interface PoolPlace {
  /** The command line; undefined where it is that of several pools. */
  readonly args: readonly string[] | undefined;
  /** Tells beside the pid file of upgrades, where there is one. */
  readonly desk: UpgradeDesk | undefined;
  /** Loads what is the runtime's. */
  readonly load: () => Promise<Adapter>;
  /** Reads again what a file says; undefined where there is none. */
  readonly renewed: ((pool: PoolCore) => Promise<PoolOptions>) | undefined;
  /** Called when it begins to stop. */
  readonly leave: () => void;
}

/** A pool of the command. */
export class CommandPool extends PoolCore {
  readonly #args: readonly string[] | undefined;
  readonly #own: readonly string[] | undefined;
  readonly #desk: UpgradeDesk | undefined;
  readonly #leave: () => void;
  readonly #renewed: PoolPlace["renewed"];
  /** Resolves when the file that is read now has been. */
  #reading: Promise<unknown> = Promise.resolve();
  /** What was written last, for whoever asks. */
  readonly log: KeptLog = new KeptLog();

  /** Checks the options; nothing is opened or started yet. */
  constructor(options: PoolOptions, place: PoolPlace) {
    super(options, place.load);
    this.#args = place.args;
    this.#desk = place.desk;
    this.#renewed = place.renewed;
    this.#leave = place.leave;
    this.#own = options.upgradeCommand;
  }

  /** Ends the log when all of it is told, and those have it who follow it. */
  async told(all: Promise<void>): Promise<void> {
    await all;
    await within(this.log.close(), LAST_WAIT);
  }

  /** Stops as any pool does. */
  override stop(
    options?: Parameters<PoolCore["stop"]>[0],
  ): Promise<StopReport> {
    this.#leave();
    return super.stop(options);
  }

  /** Replaces the workers, by what the file says now. */
  override async reload(): Promise<void> {
    const renewed = this.#renewed;
    if (renewed === undefined || this.status().state === "stopping") {
      return await super.reload();
    }
    // One after the other: what counts is what the file says last.
    const reading = this.#reading.then(() => renewed(this));
    this.#reading = reading.catch(() => {});
    const options = await reading.catch((error) => {
      throw refused(this, error);
    });
    await super.reload({ options });
  }

  /** Replaces the supervisor too; tells of it beside the pid file. */
  override upgrade(
    { to }: Pick<SuccessorOptions, "to"> = {},
  ): Promise<UpgradeReport> {
    return this.#upgrade(to && { to });
  }

  /** The same by the executable of another runtime. */
  async upgradeOn(runtime: string): Promise<UpgradeReport> {
    const [args, own] = [this.#args, this.#own];
    const command = own && args && commandOn(runtime, own, args);
    return await this.#upgrade(command && { command });
  }

  async #upgrade(options?: SuccessorOptions): Promise<UpgradeReport> {
    if (this.#args === undefined) {
      const reason =
        "Cannot upgrade the pool: its supervisor has other pools too, start each by a command of its own for that (--only NAME)";
      this.warn(reason);
      throw new PreforkError("ERR_UPGRADE", reason);
    }
    // A second signal is no news of the upgrade that goes on.
    const goesOn = this.status().state === "upgrading";
    try {
      const report = await super.upgrade(options);
      this.#desk?.tell(report);
      return report;
    } catch (error) {
      if (!goesOn) this.#desk?.tell({ reason: messageOf(error) });
      throw error;
    }
  }
}

/** Waits for a promise, but no longer than so many ms. */
async function within(done: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([done, late.promise]);
  clearTimeout(timer);
}
