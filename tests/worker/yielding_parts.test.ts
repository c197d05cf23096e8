/** When native servers yield. */
import assert from "node:assert/strict";
import type { Balancer } from "../../worker/process/balancing.ts";
import type { NativeLoad } from "../../worker/balance/native_load.ts";
import {
  createYielding,
  type Yielding,
  type YieldingServer,
} from "../../worker/balance/yielding.ts";
import { test } from "../harness.ts";

/** A worker in virtual time. */
interface World {
  readonly yielding: Yielding;
  /** What was done to the server. */
  readonly done: string[];
  /** When it was looked, in ms. */
  readonly looks: number[];
  readonly failures: unknown[];
  /** Connections that the balancer was told of. */
  accepted: number;
  /** How many connections there are. */
  open: number;
  limit: number;
  /** How many connections the others have taken. */
  taken: number;
  /** True when something waits in the queue. */
  waits: boolean;
  /** Lets time pass. */
  pass(ms: number): void;
  /** What the beat of the balancer does. */
  beat(): void;
}

function world(server: Partial<YieldingServer> = {}): World {
  const timers = new Set<{ at: number; run(): void }>();
  const done: string[] = [];
  let time = 0;
  let known = 0;
  let count: (() => number) | undefined;
  const load: NativeLoad = {
    add: () => ({ [Symbol.dispose]: () => {} }),
    open: () => self.open,
    renew: () => {},
    arrived() {
      const more = Math.max(0, self.open - known);
      known = self.open;
      return more;
    },
  };
  const balancer = {
    count(open: () => number) {
      count = open;
      return { [Symbol.dispose]: () => void (count = undefined) };
    },
    isOver() {
      self.looks.push(time);
      return self.open + 1 > self.limit;
    },
    get limit() {
      return self.limit;
    },
    get takenByOthers() {
      return self.taken;
    },
    accepted: (more: number) => void (self.accepted += more),
  } as Partial<Balancer> as Balancer;
  const yielding = createYielding({
    balancer,
    load,
    now: () => time,
    delay(run, ms) {
      const timer = { at: time + ms, run };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    failed: (error) => void self.failures.push(error),
  });
  const self: World = {
    yielding,
    done,
    looks: [],
    failures: [],
    accepted: 0,
    open: 0,
    limit: Infinity,
    taken: 0,
    waits: false,
    pass(ms) {
      for (const end = time + ms; time < end; time++) {
        for (const timer of [...timers]) {
          if (timer.at > time) continue;
          timers.delete(timer);
          timer.run();
        }
      }
    },
    beat: () => void count?.(),
  };
  yielding.join({
    quiesce: () => void done.push("quiesce"),
    resume: () => void done.push("resume"),
    waits: () => self.waits,
    ...server,
  });
  return self;
}

test("yielding: a worker with its part stops at the next request, and resumes when it has less", () => {
  const self = world();
  [self.open, self.limit] = [4, 4];
  self.yielding.touch();
  assert.deepEqual(self.done, ["quiesce"]);
  self.pass(50);
  assert.deepEqual(self.done, ["quiesce"]);
  self.limit = 5;
  self.pass(3);
  assert.deepEqual(self.done, ["quiesce", "resume"]);
  assert.equal(self.accepted, 4);
});

test("yielding: what came without a request is seen at the next beat", () => {
  const self = world();
  [self.open, self.limit] = [4, 4];
  self.pass(500);
  assert.deepEqual(self.done, []);
  self.beat();
  self.pass(2);
  assert.deepEqual(self.done, ["quiesce"]);
});

test("yielding: nothing waits for long, the more a worker has over the longer", () => {
  const waited = (over: number): number => {
    const self = world();
    [self.open, self.limit] = [9 + over, 10];
    self.yielding.touch();
    self.pass(10);
    self.waits = true;
    let ms = 0;
    while (self.done.length < 2) {
      self.pass(1);
      ms++;
    }
    assert.deepEqual(self.done, ["quiesce", "resume"]);
    // As long as something waits it accepts.
    self.pass(50);
    assert.equal(self.done.length, 2);
    self.waits = false;
    self.pass(3);
    assert.deepEqual(self.done, ["quiesce", "resume", "quiesce"]);
    return ms;
  };
  assert.equal(waited(1), 2);
  assert.equal(waited(3), 4);
  assert.equal(waited(100), 11);
});

test("yielding: as long as others take what waits it is theirs, but not for ever", () => {
  const self = world();
  [self.open, self.limit] = [10, 10];
  self.yielding.touch();
  self.waits = true;
  let ms = 0;
  while (self.done.length < 2) {
    self.taken++;
    self.pass(1);
    ms++;
  }
  assert.deepEqual(self.done, ["quiesce", "resume"]);
  assert.ok(ms > 15 && ms < 25, `${ms} ms`);
  // It has taken one, and goes on to yield.
  self.open++;
  self.taken++;
  self.pass(2);
  assert.deepEqual(self.done, ["quiesce", "resume", "quiesce"]);
});

test("yielding: looks are rare when nothing happens", () => {
  const self = world();
  self.yielding.touch();
  self.pass(1000);
  assert.ok(self.looks.length <= 2, `${self.looks.length} looks when idle`);
  [self.open, self.limit] = [4, 4];
  self.beat();
  self.pass(400);
  self.looks.length = 0;
  self.pass(1000);
  assert.ok(
    self.looks.length <= 21,
    `${self.looks.length} looks while yielding`,
  );
});

test("yielding: requests alone cause few looks", () => {
  const self = world();
  [self.open, self.limit] = [4, 5];
  self.yielding.touch();
  self.pass(20);
  self.looks.length = 0;
  for (let ms = 0; ms < 1000; ms++) {
    for (let i = 0; i < 100; i++) self.yielding.touch();
    self.pass(1);
  }
  assert.ok(self.looks.length <= 130, `${self.looks.length} looks`);
});

test("yielding: a server that cannot be stopped is left alone", () => {
  const failure = new Error("on purpose");
  const self = world({
    quiesce() {
      throw failure;
    },
  });
  [self.open, self.limit] = [4, 4];
  for (let i = 0; i < 3; i++) {
    self.yielding.touch();
    self.pass(5);
  }
  assert.deepEqual(self.failures, [failure]);
});

test("yielding: a server that cannot be resumed is tried again", () => {
  let tries = 0;
  const self = world({
    resume() {
      if (++tries < 4) throw new Error("on purpose");
    },
  });
  [self.open, self.limit] = [4, 4];
  self.yielding.touch();
  self.limit = 9;
  self.pass(20);
  assert.equal(tries, 4);
  assert.equal(self.failures.length, 1);
});

test("yielding: a server that ends is not touched any more", () => {
  const self = world();
  const done: string[] = [];
  const one = self.yielding.join({
    quiesce: () => void done.push("quiesce"),
    resume: () => void done.push("resume"),
    waits: () => false,
  });
  [self.open, self.limit] = [4, 4];
  self.yielding.touch();
  one[Symbol.dispose]();
  self.limit = 9;
  self.pass(5);
  assert.deepEqual(done, ["quiesce"]);
  assert.deepEqual(self.done, ["quiesce", "resume"]);
});
