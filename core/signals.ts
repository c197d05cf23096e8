/**
 * What a signal to the supervisor means.
 *
 * @module
 */

import type { Adapter, Signal } from "./adapter.ts";
import type { PoolStatus } from "./events.ts";

/** What a pool does on a signal. */
export type SignalAction =
  /** Drain every worker and stop. */
  | "stop"
  /** Stop; a second time, stop at once. */
  | "interrupt"
  /** Replace the workers one slot at a time. */
  | "reload"
  /** Replace the supervisor too. */
  | "upgrade"
  /** Reopen log files. */
  | "reopen"
  /** Drain every worker, keep the supervisor and its sockets. */
  | "quiesce"
  /** Tell what each worker does. */
  | "report"
  /** One worker more. */
  | "more"
  /** One worker fewer. */
  | "fewer";

/** The signals of the default preset; `docs/DESIGN.md` has the reasons. */
export const SIGNAL_ACTIONS: Readonly<Partial<Record<Signal, SignalAction>>> = {
  SIGTERM: "stop",
  SIGQUIT: "stop",
  SIGINT: "interrupt",
  SIGHUP: "reload",
  SIGUSR2: "upgrade",
  SIGUSR1: "reopen",
  SIGWINCH: "quiesce",
  SIGCONT: "report",
  SIGTTIN: "more",
  SIGTTOU: "fewer",
};

/** What obeys signals: a pool, as far as they can ask anything of it. */
export interface SignalTarget {
  /** What it is doing. */
  status(): Pick<PoolStatus, "state" | "wanted" | "generation">;
  /** Ends it, at once if `quick`. */
  stop(options?: { readonly quick?: boolean }): unknown;
  /** Replaces its workers. */
  reload(): Promise<unknown>;
  /** Changes how many workers are wanted. */
  scale(workers: number): void;
  /** Tells what each worker does. */
  report(): void;
  /** Tells the operator something. */
  warn(message: string): void;
}

/** Makes a pool obey signals until the returned ones are disposed. */
export function trapSignals(
  pool: SignalTarget,
  adapter: Adapter,
  maxWorkers: number,
): readonly Disposable[] {
  let interrupted = false;

  function obey(action: SignalAction): void {
    const { state, wanted, generation } = pool.status();
    switch (action) {
      case "stop":
        pool.stop();
        return;
      case "interrupt":
        pool.stop({ quick: interrupted });
        if (!interrupted) {
          pool.warn(
            "SIGINT: workers finish what they serve, a second SIGINT (Ctrl-C) kills them at once",
          );
        }
        interrupted = true;
        return;
      // Also while it stops: what keeps it is what somebody may want to know.
      case "report":
        pool.report();
        return;
    }
    // Before the first worker there is none to replace, and none too many.
    if (state === "stopping" || generation === 0) return;
    switch (action) {
      case "reload":
        // What comes of it is told by events.
        pool.reload().catch(() => {});
        break;
      case "quiesce":
        // A terminal sends it whenever its window changes size (tty(4)).
        if (!adapter.host.terminal) pool.scale(0);
        break;
      case "more":
        if (wanted < maxWorkers) pool.scale(wanted + 1);
        else {pool.warn(
            `SIGTTIN: ${maxWorkers} workers are the most there can be`,
          );}
        break;
      case "fewer":
        if (wanted > 1) pool.scale(wanted - 1);
        else {pool.warn(
            "SIGTTOU: the last worker stays, SIGTERM stops the pool",
          );}
        break;
      case "upgrade":
        pool.warn(
          "SIGUSR2: this version cannot replace its supervisor, SIGHUP replaces the workers",
        );
        break;
      case "reopen":
        pool.warn(
          "SIGUSR1: there is no log file to reopen, the log goes to stderr",
        );
        break;
    }
  }

  return Object.entries(SIGNAL_ACTIONS).map(([signal, action]) =>
    adapter.onSignal(signal as Signal, () => obey(action))
  );
}
