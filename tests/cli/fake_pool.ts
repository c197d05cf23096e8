/** A pool that only tells what it is told to, and outputs that remember. */
import type { Output } from "../../cli/output.ts";
import { EventStream } from "../../core/event_stream.ts";
import type { PoolEvent } from "../../core/events.ts";
import type { PoolCore } from "../../core/pool.ts";
import type { PoolStatus, WorkerStatus } from "../../core/events.ts";

/** A worker as `status` has it. */
export function workerStatus(
  slot: number,
  more: Partial<WorkerStatus> = {},
): WorkerStatus {
  return {
    slot,
    generation: 1,
    pid: 1000 + slot,
    state: "ready",
    runtime: "node",
    age: 5,
    restarts: 0,
    connections: 0,
    accepted: 0,
    passedOn: 0,
    takenOver: 0,
    ...more,
  };
}

/** A running pool of two workers as `status` has it. */
export function poolStatus(more: Partial<PoolStatus> = {}): PoolStatus {
  return {
    state: "running",
    generation: 1,
    reload: undefined,
    wanted: 2,
    ready: 2,
    listeners: [{ name: ":80", address: ":80", share: "shared" }],
    workers: [workerStatus(0), workerStatus(1)],
    waiting: 0,
    ...more,
  };
}

/** A pool whose events and status are set by a test. */
export interface FakePool {
  readonly pool: PoolCore;
  now: PoolStatus;
  tell(event: PoolEvent): void;
  end(): void;
}

/** Makes one. */
export function fakePool(): FakePool {
  const stream = new EventStream<PoolEvent>();
  const used: Pick<PoolCore, "events" | "status"> = {
    events: () => stream.read(),
    status: () => fake.now,
  };
  const fake: FakePool = {
    pool: used as PoolCore,
    now: poolStatus(),
    tell: (event) => stream.push(event),
    end: () => stream.close(),
  };
  return fake;
}

/** An output that remembers. */
export interface FakeOutput extends Output {
  readonly written: string[];
}

/** Makes one, of a terminal or of a pipe. */
export function fakeOutput(isTTY?: boolean): FakeOutput {
  const written: string[] = [];
  return {
    ...(isTTY !== undefined && { isTTY }),
    written,
    write: (text) => written.push(text),
  };
}
