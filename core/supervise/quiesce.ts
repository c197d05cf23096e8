/**
 * A worker stops accepting because a user wants that, and accepts again: what is
 * asked of whom, and when it is done.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import { type PreforkError, stateError } from "../errors.ts";
import { given } from "../options/values.ts";
import type { PoolWorker } from "../worker.ts";
import type { Slot } from "./slot.ts";
import type { Supervisor } from "./supervisor.ts";

/** What is needed of a pool. */
export interface QuiescingPool extends Pick<PoolContext, "adapter"> {
  /** Its workers. */
  readonly supervisor: Pick<
    Supervisor,
    "slots" | "counts" | "wanted" | "transaction" | "processes" | "post"
  >;
}

/** How a worker is quiesced. */
export interface QuiesceOptions {
  /**
   * Also when no other one is ready: connections wait until one is.
   *
   * @default {false}
   */
  readonly force?: boolean;
}

/**
 * How long a worker may take to say that it has stopped accepting, in ms: it
 * does so in two turns of its event loop.
 */
const ANSWER_MS = 5_000;

/**
 * Has the worker of a slot stop accepting.
 *
 * @throws {RangeError} when the slot has none that is ready
 * @throws {PreforkError} `ERR_STATE` when this is not the moment for it
 */
export function quiesce(
  pool: QuiescingPool,
  slot: number,
  options: QuiesceOptions = {},
): Promise<void> {
  const { force = false } = given("quiesce", options);
  return inTurn(pool, slot, () => stopAccepting(pool, slot, force));
}

/**
 * Has the worker of a slot accept again; resolves when it does.
 *
 * @throws {RangeError} when the slot has none that is ready or quiesced
 * @throws {PreforkError} `ERR_STATE` when it has ended meanwhile
 */
export function resume(pool: QuiescingPool, slot: number): Promise<void> {
  return inTurn(pool, slot, () => acceptAgain(pool, slot));
}

/** What was asked of a slot last, while it has not been done. */
const turns = new WeakMap<Slot, Promise<void>>();

/** One after the other: what comes next is for the state that the last one left. */
function inTurn(
  { supervisor: { slots } }: QuiescingPool,
  number: number,
  action: () => Promise<void>,
): Promise<void> {
  const slot = slots.get(number);
  if (slot === undefined) return action();
  const turn = turns.get(slot)?.then(action, action) ?? action();
  turns.set(slot, turn);
  const end = (): void => {
    if (turns.get(slot) === turn) turns.delete(slot);
  };
  turn.then(end, end);
  return turn;
}

async function stopAccepting(
  pool: QuiescingPool,
  slot: number,
  force: boolean,
): Promise<void> {
  const { supervisor, adapter } = pool;
  const worker = workerOf(pool, "quiesce", slot, ["ready", "quiesced"]);
  if (worker.state === "quiesced") return;
  const refusal = refusalOf(pool, worker, force);
  if (refusal !== undefined) throw refusal;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = adapter.clock.after(
    ANSWER_MS,
    () => reject(unable("quiesce", slot, SILENT)),
  );
  worker.onStill = (problem) =>
    problem === undefined
      ? resolve()
      : reject(unable("quiesce", slot, problem));
  worker.onState = (state) => {
    if (state !== "quiesced") reject(unable("quiesce", slot, `it ${ENDS}`));
  };
  supervisor.post(() => supervisor.processes.step(worker, "quiesce"));
  try {
    await promise;
  } finally {
    timer[Symbol.dispose]();
    worker.onStill = worker.onState = undefined;
  }
}

async function acceptAgain(pool: QuiescingPool, slot: number): Promise<void> {
  const { supervisor } = pool;
  const worker = workerOf(pool, "resume", slot, ["ready", "quiesced"]);
  if (worker.state === "ready") return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.onState = (state) => {
    if (state === "ready") resolve();
    else if (state !== "resuming") {
      reject(unable("resume", slot, worker.failure ?? `it ${ENDS}`));
    }
  };
  supervisor.post(() => supervisor.processes.step(worker, "resume"));
  try {
    await promise;
  } finally {
    worker.onState = undefined;
  }
}

const SILENT = `it has not answered for ${
  ANSWER_MS / 1000
} s (it is stopped, or its event loop does not turn), and stops accepting when it does`;

const ENDS = "leaves or has ended";

function workerOf(
  { supervisor: { slots, wanted } }: QuiescingPool,
  action: string,
  slot: number,
  states: readonly PoolWorker["state"][],
): PoolWorker {
  const worker = slots.get(slot)?.current;
  if (worker !== undefined && states.includes(worker.state)) return worker;
  throw new RangeError(
    `Cannot ${action} slot ${slot}: it has no worker that is ready, those of the pool are 0 to ${
      wanted - 1
    }`,
  );
}

function refusalOf(
  { supervisor: { transaction, counts, slots } }: QuiescingPool,
  worker: PoolWorker,
  force: boolean,
): PreforkError | undefined {
  const { slot } = worker;
  const why = transaction.goesOn
    ? "a reload goes on, which replaces its worker: quiesce when that has ended"
    : worker.spent !== undefined || slots.get(slot)?.next !== undefined
    ? `its worker is about to be replaced (${worker.spent ?? "by another one"})`
    : !worker.attached
    ? "its program is in another language and cannot be told, restart it instead"
    : counts.ready <= 1 && !force
    ? `its worker is the only one that is ready; with "--force" connections wait until one is`
    : undefined;
  return why === undefined ? undefined : unable("quiesce", slot, why);
}

function unable(action: string, slot: number, why: string): PreforkError {
  return stateError(`${action} slot ${slot} of`, why);
}
