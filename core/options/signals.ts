/**
 * What each signal to the supervisor means, as presets: its own, and the habits
 * of those who come from another server. `docs/SIGNALS.md` has the reasons.
 *
 * @module
 */

import type { Signal } from "../adapter.ts";

/** What a pool does on a signal. */
export type SignalAction =
  /** Drain every worker and stop. */
  | "stop"
  /** Kill every worker and stop. */
  | "quick"
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

/** The names of the presets; `"default"` is prefork's own. */
export type SignalPreset =
  | "default"
  | "unicorn"
  | "gunicorn"
  | "nginx"
  | "einhorn";

/** What signals do. */
export type SignalActions = Readonly<Partial<Record<Signal, SignalAction>>>;

/** The signals that mean the same everywhere, or nothing elsewhere. */
const COMMON = {
  SIGHUP: "reload",
  SIGUSR2: "upgrade",
  SIGUSR1: "reopen",
  SIGWINCH: "quiesce",
  SIGCONT: "report",
  SIGTTIN: "more",
  SIGTTOU: "fewer",
} as const;

/** Every preset. They differ in what stops a pool, and how. */
export const SIGNAL_PRESETS: Readonly<Record<SignalPreset, SignalActions>> = {
  default: {
    SIGTERM: "stop",
    SIGQUIT: "stop",
    SIGINT: "interrupt",
    ...COMMON,
  },
  unicorn: { SIGTERM: "quick", SIGQUIT: "stop", SIGINT: "quick", ...COMMON },
  gunicorn: { SIGTERM: "stop", SIGQUIT: "quick", SIGINT: "quick", ...COMMON },
  nginx: { SIGTERM: "quick", SIGQUIT: "stop", SIGINT: "quick", ...COMMON },
  // It has its workers drain by USR2, and starts others itself.
  einhorn: {
    SIGTERM: "stop",
    SIGQUIT: "quick",
    SIGINT: "interrupt",
    ...COMMON,
    SIGUSR2: "stop",
  },
};

/** Every signal that any of them obeys. */
export const SIGNALS = Object.keys(
  SIGNAL_PRESETS.default,
) as readonly Signal[];

/** The names of {@linkcode SIGNAL_PRESETS}. */
export const PRESET_NAMES = Object.keys(
  SIGNAL_PRESETS,
) as readonly SignalPreset[];
