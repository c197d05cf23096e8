import assert from "node:assert/strict";
import {
  exitReason,
  WORKER_TABLE,
  type WorkerAction,
  type WorkerEvent,
  type WorkerState,
} from "../../core/supervise/state.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";
import { docsPage, tableBelow } from "./docs_page.ts";

// Each with its phase: between "ready" and "resuming" a worker may go round and
// round. A state or an event that is missing here, or in the table, is an error
// of the compiler.
const PHASES: Readonly<Record<WorkerState, number>> = {
  starting: 0,
  standby: 0,
  ready: 1,
  parked: 1,
  quiesced: 1,
  resuming: 1,
  draining: 2,
  killed: 3,
  gone: 4,
};
const STATES = Object.keys(PHASES) as readonly WorkerState[];
const HAPPENS: Readonly<Record<WorkerEvent, true>> = {
  ready: true,
  standby: true,
  leaving: true,
  park: true,
  quiesce: true,
  parked: true,
  unparkable: true,
  resume: true,
  drain: true,
  overdue: true,
  kill: true,
  exit: true,
};
const EVENTS = Object.keys(HAPPENS) as readonly WorkerEvent[];
const PAIRS = STATES.flatMap((state) =>
  EVENTS.map((event) => ({ state, event, ...WORKER_TABLE[state][event] }))
);

test("the table has a row for every pair of state and event, and no other", () => {
  assert.deepEqual(Object.keys(WORKER_TABLE).sort(), [...STATES].sort());
  for (const state of STATES) {
    assert.deepEqual(
      Object.keys(WORKER_TABLE[state]).sort(),
      [...EVENTS].sort(),
    );
  }
  for (const { next } of PAIRS) assert.ok(STATES.includes(next));
  assert.equal(PAIRS.length, STATES.length * EVENTS.length);
});

test("the whole table, row by row", () => {
  const rows = PAIRS.filter(({ state, next, actions }) =>
    next !== state || actions.length > 0
  );
  assert.deepEqual(
    rows.map(({ state, event, next, actions }) =>
      `${state} + ${event} -> ${[next, ...actions].join(" ")}`
    ),
    [
      "starting + ready -> ready welcome",
      "starting + standby -> standby hold",
      "starting + leaving -> draining ask watch",
      "starting + drain -> draining ask watch",
      "starting + overdue -> killed kill",
      "starting + kill -> killed kill",
      "starting + exit -> gone reap",
      "standby + leaving -> draining ask watch",
      "standby + resume -> resuming resume await",
      "standby + drain -> draining ask watch",
      "standby + kill -> killed kill",
      "standby + exit -> gone reap",
      "ready + leaving -> draining ask watch",
      "ready + park -> parked park",
      "ready + quiesce -> quiesced quiesce",
      "ready + drain -> draining ask watch",
      "ready + kill -> killed kill",
      "ready + exit -> gone reap",
      "parked + leaving -> draining ask watch",
      "parked + unparkable -> draining ask watch",
      "parked + resume -> resuming resume await",
      "parked + drain -> draining ask watch",
      "parked + kill -> killed kill",
      "parked + exit -> gone reap",
      "quiesced + leaving -> draining ask watch",
      "quiesced + unparkable -> resuming resume await",
      "quiesced + resume -> resuming resume await",
      "quiesced + drain -> draining ask watch",
      "quiesced + kill -> killed kill",
      "quiesced + exit -> gone reap",
      "resuming + ready -> ready welcome",
      "resuming + leaving -> draining ask watch",
      "resuming + drain -> draining ask watch",
      "resuming + overdue -> killed kill",
      "resuming + kill -> killed kill",
      "resuming + exit -> gone reap",
      "draining + overdue -> killed kill",
      "draining + kill -> killed kill",
      "draining + exit -> gone reap",
      "killed + exit -> gone reap",
    ],
  );
});

test("docs/DESIGN.md has the same table, without those that are gone", () => {
  const { head, rows } = tableBelow(
    docsPage("DESIGN.md"),
    "## The state of a worker",
  );
  assert.deepEqual(head, ["", ...EVENTS]);
  assert.deepEqual(
    rows,
    STATES.filter((state) => state !== "gone").map((state) => [
      state,
      ...EVENTS.map((event) => {
        const { next } = WORKER_TABLE[state][event];
        return next === state ? "-" : next;
      }),
    ]),
  );
});

describe("what holds for every row", () => {
  for (const { state, event, next, actions } of PAIRS) {
    test(`${state} + ${event}`, () => {
      const [from, to] = [PHASES[state], PHASES[next]];
      assert.ok(to >= from, "life goes one way only");
      if (state !== "starting") assert.notEqual(next, "starting");
      if (state === "gone") assert.equal(next, "gone");
      if (state === "killed" && event !== "exit") assert.equal(next, "killed");
      if (next === state) assert.deepEqual(actions, [], "nothing new to do");
      if (state !== "gone") assert.equal(next === "gone", event === "exit");
      const does = (action: WorkerAction): boolean => actions.includes(action);
      assert.equal(does("reap"), event === "exit" && state !== "gone");
      assert.equal(does("welcome"), state !== "ready" && next === "ready");
      assert.equal(does("park"), state !== "parked" && next === "parked");
      assert.equal(
        does("quiesce"),
        state !== "quiesced" && next === "quiesced",
      );
      assert.equal(does("resume"), state !== "resuming" && next === "resuming");
      assert.equal(does("hold"), state === "starting" && next === "standby");
      assert.equal(does("await"), does("resume"));
      assert.equal(does("kill"), next === "killed" && state !== "killed");
      assert.equal(does("ask"), next === "draining" && state !== "draining");
      assert.equal(does("watch"), does("ask"));
      assert.equal(new Set(actions).size, actions.length);
    });
  }
});

test("whatever happens to a worker in whatever order, it has one life", () => {
  forSeeds(2_000, (random) => {
    let state: WorkerState = "starting";
    const done: WorkerAction[] = [];
    const events = Array.from({ length: 20 }, () => random.pick(EVENTS));
    for (const event of [...events, "exit"] as const) {
      const { next, actions }: {
        next: WorkerState;
        actions: readonly WorkerAction[];
      } = WORKER_TABLE[state][event];
      state = next;
      done.push(...actions);
    }
    const times = (action: WorkerAction): number =>
      done.filter((one) => one === action).length;
    const seed = `seed ${random.seed}: ${events.join(" ")}: ${done.join(" ")}`;
    assert.equal(state, "gone", seed);
    assert.equal(times("reap"), 1, seed);
    assert.equal(done.at(-1), "reap", seed);
    for (const action of ["ask", "kill"] as const) {
      assert.ok(times(action) <= 1, seed);
    }
    const [first = ""] = done;
    if (times("welcome") > 0) assert.match(first, /^(welcome|hold)$/, seed);
    const stops = times("park") + times("quiesce") + times("hold");
    assert.ok(times("resume") <= stops, seed);
  });
});

test("the end has a name that follows from where it came", () => {
  const reasons = STATES.map((state) => [
    state,
    exitReason(state, true),
    exitReason(state, false),
  ]);
  assert.deepEqual(reasons, [
    ["starting", "boot-failed", "boot-failed"],
    ["standby", "ended", "crashed"],
    ["ready", "ended", "crashed"],
    ["parked", "ended", "crashed"],
    ["quiesced", "ended", "crashed"],
    ["resuming", "ended", "crashed"],
    ["draining", "drained", "crashed-draining"],
    // Done in the moment before the signal reached it.
    ["killed", "drained", "killed"],
    ["gone", "drained", "killed"],
  ]);
});
