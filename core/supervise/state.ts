/**
 * The life of one worker as a table: (state, event) -> state and actions.
 *
 * @module
 */

/** Where a worker is in its life. "Started" is not "ready". */
export type WorkerState =
  /** The process runs and has not said that it accepts. */
  | "starting"
  /** A standby: its program has loaded, and it waits to take over a slot. */
  | "standby"
  /** It said that it accepts. */
  | "ready"
  /**
   * Another worker has taken over: it does not accept, finishes what it has and
   * stays, so that it can take over again.
   */
  | "parked"
  /** It does not accept because a user wants that: what it has goes on. */
  | "quiesced"
  /** It is to accept again, and has not said so yet. */
  | "resuming"
  /** It finishes what it has and leaves, by a deadline. */
  | "draining"
  /** SIGKILL was sent. */
  | "killed"
  /** The process has ended. */
  | "gone";

/** What can happen to a worker. */
export type WorkerEvent =
  /** It says that it accepts. */
  | "ready"
  /** A standby says that it could. */
  | "standby"
  /** It says that it wants to leave. */
  | "leaving"
  /** The pool wants it to stop accepting, finish and stay. */
  | "park"
  /** A user wants it to stop accepting and stay as it is. */
  | "quiesce"
  /** It says that it has finished what it had, or has stopped accepting. */
  | "parked"
  /** It says that it cannot stop accepting and stay. */
  | "unparkable"
  /** The pool wants it to accept again. */
  | "resume"
  /** The pool wants it to finish and leave. */
  | "drain"
  /** The deadline of its present state has passed. */
  | "overdue"
  /** The pool wants it gone now. */
  | "kill"
  /** The process has ended. */
  | "exit";

/** What the pool does about it. */
export type WorkerAction =
  /** Count it as accepting. */
  | "welcome"
  /** Count it as one that could accept. */
  | "hold"
  /** Ask it to stop accepting, finish and stay. */
  | "park"
  /** Ask it to stop accepting and stay as it is. */
  | "quiesce"
  /** Ask it to accept, or to accept again. */
  | "resume"
  /** Ask it to drain. */
  | "ask"
  /** It accepts no more: start the clock of the drain deadline. */
  | "watch"
  /** Start the clock of the start timeout. */
  | "await"
  /** Send SIGKILL. */
  | "kill"
  /** Clear up after the process. */
  | "reap";

/** A row's outcome. */
export interface Transition {
  /** The state from now on. */
  readonly next: WorkerState;
  /** What to do, in order. */
  readonly actions: readonly WorkerAction[];
}

const to = (next: WorkerState, ...actions: WorkerAction[]): Transition => ({
  next,
  actions,
});

/** Every pair of state and event, so that nothing that happens is a surprise. */
export const WORKER_TABLE: Readonly<
  Record<WorkerState, Readonly<Record<WorkerEvent, Transition>>>
> = {
  starting: {
    ready: to("ready", "welcome"),
    standby: to("standby", "hold"),
    leaving: to("draining", "ask", "watch"),
    park: to("starting"),
    quiesce: to("starting"),
    parked: to("starting"),
    unparkable: to("starting"),
    resume: to("starting"),
    drain: to("draining", "ask", "watch"),
    overdue: to("killed", "kill"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  standby: {
    ready: to("standby"),
    standby: to("standby"),
    leaving: to("draining", "ask", "watch"),
    park: to("standby"),
    quiesce: to("standby"),
    parked: to("standby"),
    unparkable: to("standby"),
    resume: to("resuming", "resume", "await"),
    drain: to("draining", "ask", "watch"),
    overdue: to("standby"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  ready: {
    ready: to("ready"),
    standby: to("ready"),
    leaving: to("draining", "ask", "watch"),
    park: to("parked", "park"),
    quiesce: to("quiesced", "quiesce"),
    parked: to("ready"),
    unparkable: to("ready"),
    resume: to("ready"),
    drain: to("draining", "ask", "watch"),
    overdue: to("ready"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  parked: {
    ready: to("parked"),
    standby: to("parked"),
    leaving: to("draining", "ask", "watch"),
    park: to("parked"),
    quiesce: to("parked"),
    parked: to("parked"),
    unparkable: to("draining", "ask", "watch"),
    resume: to("resuming", "resume", "await"),
    drain: to("draining", "ask", "watch"),
    overdue: to("parked"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  quiesced: {
    ready: to("quiesced"),
    standby: to("quiesced"),
    leaving: to("draining", "ask", "watch"),
    park: to("quiesced"),
    quiesce: to("quiesced"),
    parked: to("quiesced"),
    // It has never stopped: it is to say that it accepts.
    unparkable: to("resuming", "resume", "await"),
    resume: to("resuming", "resume", "await"),
    drain: to("draining", "ask", "watch"),
    overdue: to("quiesced"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  resuming: {
    ready: to("ready", "welcome"),
    standby: to("resuming"),
    leaving: to("draining", "ask", "watch"),
    park: to("resuming"),
    quiesce: to("resuming"),
    parked: to("resuming"),
    unparkable: to("resuming"),
    resume: to("resuming"),
    drain: to("draining", "ask", "watch"),
    overdue: to("killed", "kill"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  draining: {
    ready: to("draining"),
    standby: to("draining"),
    leaving: to("draining"),
    park: to("draining"),
    quiesce: to("draining"),
    parked: to("draining"),
    unparkable: to("draining"),
    resume: to("draining"),
    drain: to("draining"),
    overdue: to("killed", "kill"),
    kill: to("killed", "kill"),
    exit: to("gone", "reap"),
  },
  killed: {
    ready: to("killed"),
    standby: to("killed"),
    leaving: to("killed"),
    park: to("killed"),
    quiesce: to("killed"),
    parked: to("killed"),
    unparkable: to("killed"),
    resume: to("killed"),
    drain: to("killed"),
    overdue: to("killed"),
    kill: to("killed"),
    exit: to("gone", "reap"),
  },
  gone: {
    ready: to("gone"),
    standby: to("gone"),
    leaving: to("gone"),
    park: to("gone"),
    quiesce: to("gone"),
    parked: to("gone"),
    unparkable: to("gone"),
    resume: to("gone"),
    drain: to("gone"),
    overdue: to("gone"),
    kill: to("gone"),
    exit: to("gone"),
  },
};

/** Why a worker is no more. */
export type ExitReason =
  /** It ended before it was ready. */
  | "boot-failed"
  /** It was ready and ended badly by itself. */
  | "crashed"
  /** It was ready and ended by itself, as a program that is done: code 0. */
  | "ended"
  /** It was asked to leave, finished and left. */
  | "drained"
  /** The same, because it had served enough. */
  | "recycled"
  /** It was asked to leave and ended badly while it did. */
  | "crashed-draining"
  /** It ran out of memory: the kernel killed it, or its own runtime gave up. */
  | "oom"
  /** It was ready and accepted nothing: it was replaced, and asked to leave. */
  | "deaf"
  /** It was ready and did not answer: the pool killed it. */
  | "hung"
  /** The pool killed it. */
  | "killed";

/** Names the end of a worker from the state it was in and how it ended. */
export function exitReason(
  state: WorkerState,
  clean: boolean,
): ExitReason {
  switch (state) {
    case "starting":
      return "boot-failed";
    case "standby":
    case "ready":
    case "parked":
    case "quiesced":
    case "resuming":
      return clean ? "ended" : "crashed";
    case "draining":
      return clean ? "drained" : "crashed-draining";
    case "killed":
    case "gone":
      // It was done in the moment before the signal reached it.
      return clean ? "drained" : "killed";
  }
}
