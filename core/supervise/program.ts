/**
 * Workers that are programs in other languages. They have no word for "ready", so
 * it is looked what they do; and they may leave processes behind.
 *
 * @module
 */

import type { AcceptorsLook } from "../adapter/acceptors.ts";
import type { PoolContext } from "../context.ts";
import { isAcknowledgement } from "../inherited/einhorn.ts";
import { oneLine } from "../adapter/notify_socket.ts";
import type { PoolWorker } from "../worker.ts";

/** When a worker is looked at after its start, in ms, and then how often. */
const LOOKS = [20, 50, 100] as const;
const LOOK_MS = 200;

/**
 * How often what one says is read that is ready and says nothing, in ms: one that
 * says more waits for it, as its socket has room for 10 (net.unix.max_dgram_qlen).
 */
const HEAR_MS = 1000;

/**
 * After so long a worker counts as ready that has the sockets and listens nowhere
 * else, in ms: it may wait in a way that cannot be seen (io_uring, or a loop).
 */
export const TRUST_MS = 10_000;

/** What it needs of the pool. */
type ProgramContext = Pick<
  PoolContext,
  "adapter" | "config" | "habits" | "listeners" | "post" | "emit"
>;

/** What happens to a worker. */
export interface ProgramObserver {
  /** It accepts now. */
  ready(worker: PoolWorker): void;
  /** It can never accept: its `failure` says why. */
  hopeless(worker: PoolWorker): void;
}

/** Watches them. */
export class Programs {
  readonly #context: ProgramContext;
  readonly #observer: ProgramObserver;
  readonly #told = new Set<string>();
  readonly #hearing = new Map<PoolWorker, Disposable>();

  /** Watches nobody yet. */
  constructor(context: ProgramContext, observer: ProgramObserver) {
    this.#context = context;
    this.#observer = observer;
  }

  /** A worker has been started, by options of its own. */
  watch(worker: PoolWorker, { waitReady }: { waitReady: boolean }): void {
    const { config, habits, listeners } = this.#context;
    if (habits === undefined || worker.runtime !== "exec") return;
    const { readyLine, readyFd } = config;
    const { notify, ack } = worker.words ?? {};
    if (waitReady) return;
    // Of sockets that it binds itself nothing is held here: its word counts.
    const binds = listeners.some(({ mode }) => mode === "reuseport");
    if (habits.part !== undefined && binds) return;
    if (readyLine !== undefined) {
      worker.silence =
        `the program has not written a line with ${readyLine} ${this.#within}`;
    } else if (readyFd !== undefined) {
      worker.silence =
        `the program has not written a line to file descriptor ${readyFd} ${this.#within}`;
    } else {
      if (ack !== undefined) ack.onLine = (line) => this.#acked(worker, line);
      if (notify !== undefined) {
        const or = ack && " or acknowledged to EINHORN_SOCK_PATH";
        worker.silence = `the program has not said READY=1 to NOTIFY_SOCKET${
          or ?? ""
        } ${this.#within}`;
        this.#hear(worker, 0);
      } else if (this.#seen(worker) === undefined) this.#trust(worker);
      else this.#next(worker, 0);
    }
  }

  /** A worker has written a line. */
  read(worker: PoolWorker, line: string): void {
    if (this.#waits(worker) && this.#context.config.readyLine?.test(line)) {
      this.#observer.ready(worker);
    }
  }

  /**
   * A worker has written something to its channel; true where that is no message
   * but the line that says "ready".
   */
  notified(worker: PoolWorker): boolean {
    const { habits, config: { readyFd } } = this.#context;
    if (habits === undefined || readyFd === undefined) return false;
    if (worker.runtime !== "exec" || worker.attached) return false;
    if (this.#waits(worker)) this.#observer.ready(worker);
    return true;
  }

  /**
   * A worker's process has ended, and others of its group have not: those that
   * finish what it served have the time until its deadline. Nobody has asked
   * those for anything whose first process has ended by itself, and they would
   * keep the pool's sockets.
   */
  left(worker: PoolWorker): void {
    worker.left = true;
    if (worker.state !== "draining") worker.process.kill("SIGKILL");
  }

  /** A worker is gone. */
  end(worker: PoolWorker): void {
    this.#hearing.get(worker)?.[Symbol.dispose]();
    this.#hearing.delete(worker);
    worker.words?.close();
    worker.words = undefined;
  }

  /** Reads what a worker says to `NOTIFY_SOCKET` (sd_notify(3)), again and again. */
  #hear(worker: PoolWorker, nth: number): void {
    const { adapter, post } = this.#context;
    const wait = LOOKS[nth] ?? (this.#waits(worker) ? LOOK_MS : HEAR_MS);
    const read = (): void => {
      const said = worker.words?.notify?.read();
      if (said === undefined) return;
      for (const line of said.join("\n").split("\n")) {
        if (line.startsWith("STATUS=")) {
          worker.statusText = oneLine(line.slice(7)) || undefined;
        } else if (line === "READY=1" && this.#waits(worker)) {
          this.#observer.ready(worker);
        }
      }
      this.#hear(worker, said.length > 0 ? 0 : nth + 1);
    };
    this.#hearing.set(worker, adapter.clock.after(wait, () => post(read)));
  }

  /** A worker has written a line to what Einhorn's children write to. */
  #acked(worker: PoolWorker, line: string): void {
    if (!isAcknowledgement(line)) return;
    this.#context.post(() => {
      if (this.#waits(worker)) this.#observer.ready(worker);
    });
  }

  #waits(worker: PoolWorker): boolean {
    return worker.state === "starting" && !worker.attached;
  }

  #next(worker: PoolWorker, nth: number, closed = false): void {
    const { adapter, post } = this.#context;
    const wait = LOOKS[nth] ?? LOOK_MS;
    adapter.clock.after(wait, () =>
      post(() => {
        if (this.#waits(worker)) this.#look(worker, nth + 1, closed);
      }));
  }

  #seen(worker: PoolWorker): AcceptorsLook | undefined {
    const { adapter: { host }, listeners } = this.#context;
    const sockets = listeners.flatMap(({ sockets: [first] }) =>
      first === undefined ? [] : [first.fd]
    );
    return sockets.length === 0
      ? undefined
      : host.acceptors(sockets, worker.process.pid);
  }

  /**
   * Nothing is seen of a worker: it counts when it has lived for the soak time.
   * Its socket is held here, so to count it too early costs time and no
   * connection.
   */
  #trust(worker: PoolWorker): void {
    const { adapter, config: { trial }, listeners, post } = this.#context;
    adapter.clock.after(trial, () =>
      post(() => {
        if (!this.#waits(worker)) return;
        if (listeners.length > 0) {
          this.#tell(
            `it cannot be seen here whether ${this.#name} accepts: a worker is ready when it has lived for ${
              trial / 1000
            } s (--soak), unless "--ready-line", "--ready-fd" or "--ready-notify" says so`,
          );
        }
        this.#observer.ready(worker);
      }));
  }

  #look(worker: PoolWorker, nth: number, closed: boolean): void {
    const { adapter, config } = this.#context;
    const lived = adapter.clock.now() - worker.startedAt;
    const seen = this.#seen(worker);
    if (seen === undefined) return this.#trust(worker);
    if (seen.sockets.every((each) => each === "waits")) {
      return this.#observer.ready(worker);
    }
    if (seen.sockets.every((each) => each === "closed")) {
      // Once may be between two processes.
      if (!closed) return this.#next(worker, nth, true);
      worker.failure = this.#closes(seen);
      return this.#observer.hopeless(worker);
    }
    worker.silence = `the program has not waited for connections on ${
      this.#missing(seen)
    } ${this.#within}${elsewhere(seen)}`;
    if (lived >= config.trial) this.#judge(worker, seen, lived);
    if (this.#waits(worker)) this.#next(worker, nth);
  }

  /** A worker that does less than was expected, after some time. */
  #judge(worker: PoolWorker, seen: AcceptorsLook, lived: number): void {
    const own = this.#name;
    if (seen.sockets.includes("waits")) {
      this.#tell(
        `${own} does not wait for connections on ${
          this.#missing(seen)
        }, and is ready without: they reach nobody`,
      );
      return this.#observer.ready(worker);
    }
    if (seen.elsewhere.length > 0) {
      return this.#tell(
        `${own} is not ready: it does not wait for connections on ${
          this.#missing(seen)
        }${elsewhere(seen)}: ${this.#wayOut}`,
      );
    }
    if (lived < TRUST_MS) return;
    this.#tell(
      `it is not seen that ${own} waits for connections on ${
        this.#missing(seen)
      }: a worker is ready when it has lived for ${
        TRUST_MS / 1000
      } s, unless "--ready-line", "--ready-fd" or "--ready-notify" says so`,
    );
    this.#observer.ready(worker);
  }

  #closes(seen: AcceptorsLook): string {
    return `it has closed the pool's socket${elsewhere(seen)}: ${this.#wayOut}`;
  }

  #missing({ sockets }: AcceptorsLook): string {
    return this.#context.listeners.flatMap(({ address }, i) =>
      sockets[i] === "waits" ? [] : [address]
    ).join(" and ");
  }

  get #within(): string {
    return `in ${this.#context.config.startTimeout / 1000} s`;
  }

  get #name(): string {
    return `"${this.#context.config.program}"`;
  }

  get #wayOut(): string {
    const { settings } = this.#context.habits ?? {};
    return settings === undefined
      ? `have it use the socket that it inherits, by "--pass" or an option of its own, or a script that ends with exec (docs/NEIGHBOURS.md)`
      : `its configuration ${settings}`;
  }

  #tell(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#context.emit({ type: "warning", message });
  }
}

function elsewhere({ elsewhere: places }: AcceptorsLook): string {
  return places.length === 0 ? "" : `, it listens on ${places.join(" and ")}`;
}
