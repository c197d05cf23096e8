/**
 * What the service manager that has started this supervisor hears of it, where
 * it wants to (sd_notify(3)).
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";

/** What is said, by the names of sd_notify(3). */
export interface ServiceState {
  /** 1 once the service serves, and again after each reload. */
  readonly READY?: 1;
  /** 1 when a reload begins; the adapter adds the time that goes with it. */
  readonly RELOADING?: 1;
  /** 1 when the service begins to end. */
  readonly STOPPING?: 1;
  /** How it is, as one line for people. */
  readonly STATUS?: string;
  /** The process that is the service from now on. */
  readonly MAINPID?: number;
  /** 1 while it is well, often enough. */
  readonly WATCHDOG?: 1;
  /** 1 to have the file descriptor kept that goes with it. */
  readonly FDSTORE?: 1;
  /** 1 to have it not kept any more. */
  readonly FDSTOREREMOVE?: 1;
  /** Its name. */
  readonly FDNAME?: string;
  /** 0 where it is kept whatever poll(2) says of it. */
  readonly FDPOLL?: 0;
  /** For so many microseconds it is not to be timed out. */
  readonly EXTEND_TIMEOUT_USEC?: number;
}

/** The service manager, if there is one. */
export class ServiceManager {
  /** Why the last word to it could not be said. */
  problem: string | undefined;
  readonly #adapter: Pick<Adapter, "host" | "notify">;

  /** Tells nothing yet. */
  constructor(adapter: Pick<Adapter, "host" | "notify">) {
    this.#adapter = adapter;
  }

  /** Where it wants to hear something; undefined where it does not. */
  get socket(): string | undefined {
    return this.#adapter.host.env["NOTIFY_SOCKET"] || undefined;
  }

  /**
   * Tells it something, if it wants to hear anything.
   *
   * @param fd a file descriptor that goes with it
   * @returns why that cannot be, as the rest of a sentence that begins with
   * "because"
   */
  tell(state: ServiceState, fd?: number): string | undefined {
    const { socket } = this;
    if (socket === undefined) return undefined;
    const lines = Object.entries(state).map(([name, value]) =>
      `${name}=${value}`
    );
    return this.problem = this.#adapter.notify(socket, lines.join("\n"), fd);
  }
}
