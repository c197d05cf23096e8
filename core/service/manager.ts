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

/** After so many ms what the manager had no room for is said again. */
const RETRY_MS = 20;

/** A word that waits, with the file descriptor that goes with it. */
interface Unsaid {
  readonly state: ServiceState;
  readonly fd: number | undefined;
}

/** The service manager, if there is one. */
export class ServiceManager implements Disposable {
  /** Why the last word to it could not be said. */
  problem: string | undefined;
  readonly #adapter: Pick<Adapter, "clock" | "host" | "notify">;
  /** What there was no room for, in order. */
  #unsaid: Unsaid[] = [];
  #retry: Disposable | undefined;

  /** Tells nothing yet. */
  constructor(adapter: Pick<Adapter, "clock" | "host" | "notify">) {
    this.#adapter = adapter;
  }

  /** Where it wants to hear something; undefined where it does not. */
  get socket(): string | undefined {
    return this.#adapter.host.env["NOTIFY_SOCKET"] || undefined;
  }

  /**
   * Tells it something, if it wants to hear anything: when it has room, after
   * all that waits for that. What is newer takes the place of what waits and
   * says the same of another moment.
   *
   * @param fd a file descriptor that goes with it
   * @returns why that cannot be, as the rest of a sentence that begins with
   * "because"
   */
  tell(state: ServiceState, fd?: number): string | undefined {
    this.#unsaid = [...this.#unsaid.flatMap(without(state)), { state, fd }];
    const problem = this.#flush();
    return isFull(problem) ? undefined : problem;
  }

  /** The same now, after all that waits, or not at all. */
  tellNow(state: ServiceState): string | undefined {
    return this.#flush() ?? this.#say(state);
  }

  /** Whether such a word can be said, which is said now whatever waits. */
  try(state: ServiceState): string | undefined {
    const problem = this.#say(state);
    return isFull(problem) ? undefined : problem;
  }

  /** What waits is never said. */
  [Symbol.dispose](): void {
    this.#retry?.[Symbol.dispose]();
    this.#unsaid = [];
  }

  #flush(): string | undefined {
    for (let next; (next = this.#unsaid[0]) !== undefined;) {
      const problem = this.#say(next.state, next.fd);
      if (isFull(problem)) {
        // It reads more slowly than is written here, and will have room.
        this.#retry ??= this.#adapter.clock.after(RETRY_MS, () => {
          this.#retry = undefined;
          this.#flush();
        });
        return problem;
      }
      this.#unsaid.shift();
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #say(state: ServiceState, fd?: number): string | undefined {
    const { socket } = this;
    if (socket === undefined) return undefined;
    const lines = Object.entries(state).map(([name, value]) =>
      `${name}=${value}`
    );
    return this.problem = this.#adapter.notify(socket, lines.join("\n"), fd);
  }
}

/** True where it has no room for more at this moment. */
function isFull(problem: string | undefined): boolean {
  return problem?.includes("EAGAIN") ?? false;
}

/** What is left of a word that waits when another one has been said. */
function without(newer: ServiceState): (word: Unsaid) => readonly Unsaid[] {
  return (word) => {
    // Each of these is about a socket of its own.
    if (word.state.FDNAME !== undefined) return [word];
    const left = Object.entries(word.state)
      .filter(([name]) => !Object.hasOwn(newer, name));
    return left.length === 0
      ? []
      : [{ ...word, state: Object.fromEntries(left) }];
  };
}
