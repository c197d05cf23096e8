/**
 * What a signal to the supervisor means.
 *
 * @module
 */

import type { Adapter, Signal } from "./adapter.ts";
import type { PoolStatus } from "./events.ts";
import { isEinhorns } from "./inherited/einhorn.ts";
import type { PoolConfig } from "./options/options.ts";
import { SIGNAL_PRESETS, type SignalPreset } from "./options/signals.ts";

/**
 * One press of Ctrl-C may come twice: from the terminal, which signals the
 * whole group, and from who started this and hands on what it gets (`deno task`
 * of Deno 2.9 4 ms later, seen; timeout(1)). Two within so many milliseconds
 * are one: a machine that is busy takes a hundred, and nobody presses twice in
 * less than this who means it. It counts from when the first one is obeyed: what
 * that takes is no pause of whoever presses.
 */
const ECHO_MS = 250;

/** What obeys signals: a pool, as far as they can ask anything of it. */
export interface SignalTarget {
  /** What it is doing. */
  status(): Pick<PoolStatus, "state" | "wanted" | "generation">;
  /** Ends it, at once if `quick`; `delay: false` does not wait before. */
  stop(
    options?: { readonly quick?: boolean; readonly delay?: boolean },
  ): unknown;
  /** Replaces its workers. */
  reload(): Promise<unknown>;
  /** Replaces the supervisor too. */
  upgrade(): Promise<unknown>;
  /** Changes how many workers are wanted. */
  scale(workers: number): void;
  /** Tells what each worker does. */
  report(): void;
  /** Has log files opened anew. */
  reopenLogs(): void;
  /** Tells the operator something. */
  warn(message: string): void;
}

/** How many workers it may have, once it runs. */
export interface RunningPool {
  /** The least are its range's. */
  readonly config: Pick<PoolConfig, "range">;
  /** The most. */
  readonly maxWorkers: number;
}

/** Who has to do with signals, too. */
export interface SignalWitness {
  /** True for a signal that another process obeys. */
  forward(signal: Signal): boolean;
  /** A signal was obeyed here; `reload` is what it has begun, if it has. */
  obeyed(signal: Signal, reload: Promise<unknown> | undefined): void;
}

/**
 * Makes a pool obey the signals of a preset until the returned ones are
 * disposed.
 */
function trapSignals(
  pool: SignalTarget,
  adapter: Adapter,
  preset: SignalPreset,
  running: () => RunningPool | undefined,
  others?: SignalWitness,
): readonly Disposable[] {
  const actions = SIGNAL_PRESETS[preset];
  const least = (): number => running()?.config.range?.min ?? 1;
  const most = (): number => running()?.maxWorkers ?? 0;
  const last = new Map<Signal, number>();
  let interrupted = false;

  /** Obeys a signal, unless it has just been obeyed. */
  function once(signal: Signal, obeyed: () => void): void {
    const { clock } = adapter;
    if (clock.now() - (last.get(signal) ?? -Infinity) < ECHO_MS) return;
    obeyed();
    last.set(signal, clock.now());
  }

  function obey(signal: Signal): void {
    if (others?.forward(signal) === true) return;
    const reload = act(signal);
    // What comes of it is told by events.
    reload?.catch(() => {});
    others?.obeyed(signal, reload);
  }

  function act(signal: Signal): Promise<unknown> | undefined {
    const action = actions[signal];
    const { state, wanted, generation } = pool.status();
    switch (action) {
      case "stop":
        // A second one waits no longer for those who send connections.
        once(signal, () => pool.stop({ delay: state !== "stopping" }));
        return undefined;
      case "quick":
        pool.stop({ quick: true });
        return undefined;
      case "interrupt":
        once(signal, () => {
          pool.stop({ quick: interrupted, delay: false });
          if (!interrupted) {
            pool.warn(
              "SIGINT: workers finish what they serve, a second SIGINT (Ctrl-C) kills them at once",
            );
          }
          interrupted = true;
        });
        return undefined;
      // What comes of it is told by events, also that it cannot be.
      case "upgrade":
        pool.upgrade().catch(() => {});
        return undefined;
      // Also while it stops: what keeps it is what somebody may want to know.
      case "report":
        pool.report();
        return undefined;
      case "reopen":
        pool.reopenLogs();
        return undefined;
    }
    // Before the first worker there is none to replace, and none too many.
    if (state === "stopping" || generation === 0) return undefined;
    if (state === "upgrading") {
      pool.warn(
        `the "${action}" that a signal asks for is left out: an upgrade goes on, ask again when it has ended`,
      );
      return undefined;
    }
    switch (action) {
      case "reload":
        return pool.reload();
      case "quiesce":
        // A terminal sends it whenever its window changes size (tty(4)).
        if (!adapter.host.terminal) pool.scale(0);
        break;
      case "more":
        if (wanted < most()) pool.scale(wanted + 1);
        else {
          pool.warn(
            `SIGTTIN: ${most()} workers are the most there can be`,
          );
        }
        break;
      case "fewer":
        if (wanted > least()) pool.scale(wanted - 1);
        else {
          pool.warn(
            least() > 1
              ? `SIGTTOU: ${least()} workers are the fewest there can be`
              : "SIGTTOU: the last worker stays, SIGTERM stops the pool",
          );
        }
        break;
    }
    return undefined;
  }

  return (Object.keys(actions) as Signal[]).map((signal) =>
    adapter.onSignal(signal, () => obey(signal))
  );
}

/** In milliseconds; timers reach 24 of them. */
const DAY = 86_400_000;

/**
 * Keeps this process from ending until disposed: without a worker nothing else
 * would.
 */
export function stayAlive({ after }: Adapter["clock"]): Disposable {
  let timer: Disposable;
  const wait = (): void => {
    timer = after(DAY, wait);
  };
  wait();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/**
 * Has this process stay alive, reap what it adopts and obey signals, until the
 * returned ones are disposed.
 */
export function attend(
  pool: SignalTarget,
  adapter: Adapter,
  preset: SignalPreset | undefined,
  running: () => RunningPool | undefined,
  others?: SignalWitness,
): readonly Disposable[] {
  const attending = [stayAlive(adapter.clock)];
  const reaping = adapter.reapOrphans();
  if (typeof reaping === "string") {
    pool.warn(
      `this is PID 1, which inherits what workers leave behind, and it cannot reap that, because ${reaping}: start it by an init (docker run --init, tini)`,
    );
  } else if (reaping !== undefined) attending.push(reaping);
  if (preset === undefined) return attending;
  const habits = preset === "default" && isEinhorns(adapter.host)
    ? "einhorn"
    : preset;
  return [
    ...attending,
    ...trapSignals(pool, adapter, habits, running, others),
  ];
}
