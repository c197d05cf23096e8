/**
 * What holds of a pool whatever happens to it, as docs/SUPERVISION.md promises
 * it, told by somebody who sees no more of it than its processes: what each is
 * told, what it says, and when it ends. Nothing here asks the pool's own rules.
 */
import assert from "node:assert/strict";
import type { MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { ExitStatus } from "../../core/adapter.ts";
import type { PoolEvent } from "../../core/events.ts";
import type { Portion } from "../../core/options/budget.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import type { FromWorker } from "../../core/protocol.ts";
import type { Stage } from "./world.ts";

/** What a process does, seen from outside. */
type Phase =
  | "booting"
  | "waiting"
  | "serving"
  | "parked"
  | "quiesced"
  | "resuming"
  | "leaving"
  | "gone";

/** The same in the words of `status()`. */
const STATES: Readonly<Record<Exclude<Phase, "gone">, string>> = {
  booting: "starting",
  waiting: "standby",
  serving: "ready",
  parked: "parked",
  quiesced: "quiesced",
  resuming: "resuming",
  leaving: "draining",
};

/** Those that fill a slot. */
const ACTIVE: readonly Phase[] = [
  ...["booting", "serving", "quiesced", "resuming"] as const,
];

/** One process. */
export interface Seen {
  readonly process: MemoryProcess;
  readonly generation: number;
  readonly standby: boolean;
  /** True for a standby that has not taken over a slot. */
  aside: boolean;
  slot: number;
  phase: Phase;
  /** Since when. */
  since: number;
  /** True once it has said that it understands. */
  attached: boolean;
  /** Since when it has answered nothing, if it hangs. */
  mute: number | undefined;
  /** True once it was parked: it counts in no budget until it takes over. */
  beyond: boolean;
  /** True once it has served enough. */
  spent: boolean;
  /** True once it said that it leaves, or cannot be parked. */
  willing: boolean;
}

/** A reload that goes on, as of the last look. */
interface Going {
  readonly generation: number;
  readonly phase: string;
}

/** Who fails a reload for sure, and who may have. */
type Blame = "surely" | "perhaps";

export type ReferenceOptions =
  & Required<
    Pick<
      PoolOptions,
      | "maxWorkers"
      | "maxSurge"
      | "maxUnavailable"
      | "standby"
      | "hangTimeout"
      | "rollback"
    >
  >
  & Partial<PoolOptions>
  & { readonly workers: number };

const GRACE_MS = 30_000;
const START_MS = 60_000;

/** Sees the processes of a pool and says what must hold. */
export class Reference {
  readonly seen: Map<number, Seen> = new Map();
  wanted: number;
  /** What is wanted again after nothing was. */
  usual: number;
  stopping = false;
  /** How many of the next starts fail. */
  failures = 0;
  /** In the next generation the worker of this slot does not boot. */
  broken: number | undefined;
  readonly #stage: Stage;
  readonly #options: ReferenceOptions;
  /** How a slot has lost the last worker that filled it. */
  readonly #lost = new Map<number, "by itself" | "by the pool">();
  /** Those of them that were not wanted since then. */
  readonly #away = new Set<number>();
  /** Until when a slot waits before its next worker. */
  readonly #due = new Map<number, number>();
  readonly #blamed = new Map<number, Blame>();
  /** Those whose rollback may have failed, too. */
  readonly #stuck = new Set<number>();
  #going: Going | undefined;
  /** The last generation that a reload was seen to bring. */
  #newest = 1;
  /** Those that the pool has had stop serving since the last look. */
  readonly #stopped = new Set<Seen>();
  /** How it goes when nobody was wanted, and all are to come back. */
  #revival: "begun" | "failed" | undefined;
  /** True when a reload was asked for since then. */
  #asked = false;
  /** The last generation that was good. */
  #good = 1;
  #read = 0;
  /** What did not hold first, in the midst of what the pool does. */
  #broken: Error | undefined;

  constructor(stage: Stage, options: ReferenceOptions) {
    this.#stage = stage;
    this.#options = options;
    this.wanted = this.usual = options.workers;
  }

  get #world(): MemoryWorld {
    return this.#stage.world;
  }

  get #now(): number {
    return this.#world.adapter.clock.now();
  }

  /** Those that are there. */
  get alive(): readonly Seen[] {
    return [...this.seen.values()];
  }

  /** True for one that is to fail now, as the release is broken in its slot. */
  isBroken({ generation, slot }: Seen): boolean {
    return this.broken === slot && generation > this.#good;
  }

  /** A process is started, in place of {@linkcode MemoryWorld.onSpawn}. */
  begin(process: MemoryProcess): void {
    const slot = Number(process.env["PREFORK_SLOT"]);
    const generation = Number(process.env["PREFORK_GENERATION"]);
    const standby = process.env["PREFORK_STANDBY"] === "1";
    const one: Seen = {
      ...{ process, generation, standby, slot, since: this.#now },
      ...{ phase: "booting", attached: false, mute: undefined },
      ...{ aside: standby, beyond: false, spent: false, willing: false },
    };
    const fills = this.#fills(slot);
    if (!standby) this.#mayStart(slot, one);
    if (this.failures > 0) {
      this.failures--;
      process.alive = false;
      if (!standby) {
        // The reload may be over, and a recycled worker's turn have come.
        const recycles = this.#of(slot).some(({ spent }) => spent);
        this.#blame(one, recycles ? "perhaps" : "surely");
        if (!fills) this.#lost.set(slot, "by itself");
      }
      throw new Error("Cannot start it: EAGAIN");
    }
    this.seen.set(process.pid, one);
    this.#watch(one);
  }

  /** A slot is wanted, or not any more, or all of them. */
  scale(workers: number): void {
    this.#revival = undefined;
    this.wanted = workers;
    if (workers > 0) this.usual = workers;
    for (const slot of this.#lost.keys()) {
      if (slot >= workers) this.#away.add(slot);
    }
  }

  /** A reload is asked for: where nobody is wanted all come back instead. */
  reload(): void {
    if (this.wanted === 0) {
      this.scale(this.usual);
      this.#revival = "begun";
    }
    this.#asked = true;
  }

  /** All came back, or one did not and the pool wants nobody again. */
  #comeBack(): void {
    const { ready, wanted } = this.#stage.pool.status();
    if (this.#revival === "failed" && wanted === 0) this.scale(0);
    if (ready === this.wanted) this.#revival = undefined;
  }

  /** What must hold once the pool has come to rest. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
    this.#comeBack();
    this.#hearEvents();
    this.#stopped.clear();
    this.#asked = false;
    const { reload, workers, ready, wanted } = this.#stage.pool.status();
    assert.equal(wanted, this.wanted, "wanted");
    const known = workers.map(({ pid, slot, state }) =>
      `${pid} ${slot} ${state}`
    );
    const fact = this.alive.map(({ process: { pid }, slot, phase }) =>
      `${pid} ${slot} ${phase === "gone" ? "" : STATES[phase]}`
    );
    assert.deepEqual(known.sort(), fact.sort(), "who is where");
    assert.equal(ready, this.#count("serving"), "ready");
    const phase = reload?.state ?? "finished";
    const isOver = phase === "finished" || phase === "failed" ||
      phase === "mixed";
    this.#going = reload === undefined || isOver
      ? undefined
      : { generation: reload.generation, phase };
    this.#newest = reload?.generation ?? 1;
    if (reload !== undefined) this.#judge(reload.generation, phase);
    this.#mindHung();
    this.#mindEmpty();
  }

  /** Nothing is left of a pool that has stopped. */
  checkEmpty(): void {
    if (this.#broken !== undefined) throw this.#broken;
    assert.deepEqual(this.#world.alive.map(({ pid }) => pid), [], "processes");
    assert.equal(this.#world.bound.size, 0, "sockets");
    assert.equal(this.#world.timers, 0, "timers");
  }

  /** Thrown at the next look: the pool goes on after what is thrown at it. */
  #must(holds: boolean, what: string): void {
    if (!holds) this.#broken ??= new Error(what);
  }

  #count(phase: Phase): number {
    return this.alive.filter((one) => one.phase === phase).length;
  }

  #of(slot: number): readonly Seen[] {
    return this.alive.filter((one) => one.slot === slot);
  }

  #fills(slot: number): boolean {
    return this.#of(slot).some(({ phase }) => ACTIVE.includes(phase));
  }

  /** How many slots have a worker that serves. */
  get #served(): number {
    const slots = this.alive.filter(({ phase }) => phase === "serving");
    return new Set(slots.map(({ slot }) => slot)).size;
  }

  /** Processes in the budget; a wanted slot that is empty counts as one. */
  get #population(): number {
    const within = this.alive.filter(({ aside, beyond }) => !aside && !beyond);
    const slots = new Set(within.map(({ slot }) => slot));
    let empty = 0;
    for (let slot = 0; slot < this.wanted; slot++) {
      if (!slots.has(slot)) empty++;
    }
    return within.length + empty;
  }

  /** As in Kubernetes: the surge is rounded up, what may be missing down. */
  get #budget(): { most: number; least: number } {
    const { maxSurge, maxUnavailable } = this.#options;
    const surge = part(maxSurge, this.wanted, Math.ceil);
    const missing = part(maxUnavailable, this.wanted, Math.floor);
    return {
      most: this.wanted + surge,
      least: this.wanted - (surge + missing === 0 ? 1 : missing),
    };
  }

  /** A worker is about to fill a slot that was started, or stood by, for it. */
  #mayStart(slot: number, one: Seen): void {
    this.#must(!this.stopping, "a start in a stop");
    this.#must(slot < this.wanted, `a start in slot ${slot}`);
    const voluntary = this.#fills(slot) || this.#lost.get(slot) !== "by itself";
    this.#lost.delete(slot);
    this.#away.delete(slot);
    if (!voluntary) return;
    this.seen.set(one.process.pid, one);
    const { most } = this.#budget;
    const there = this.#population;
    this.seen.delete(one.process.pid);
    this.#must(there <= most, `${there} alive, ${most} are the most`);
  }

  #watch(one: Seen): void {
    const { process } = one;
    const { say, send, kill, exit } = process;
    let unread = 0;
    process.say = (message) => {
      this.#says(one, message);
      say.call(process, message);
    };
    process.send = (message) => {
      const sent = send.call(process, message);
      if (!sent) return false;
      unread++;
      const { type, slot } = message as { type: string; slot?: number };
      this.#told(one, type, slot);
      queueMicrotask(() => {
        if (one.mute !== undefined || one.phase === "gone" || unread === 0) {
          return;
        }
        const count = unread;
        unread = 0;
        process.say({ type: "heard", count });
      });
      return true;
    };
    process.kill = (signal) => {
      if (!process.alive) return false;
      if (signal === "SIGTERM") this.#told(one, "drain");
      if (signal === "SIGKILL") this.#mayKill(one);
      return kill.call(process, signal);
    };
    process.exit = (status = {}) => {
      if (!process.alive) return;
      this.#ends(one, status);
      exit.call(process, status);
    };
  }

  #enter(one: Seen, phase: Phase): void {
    one.phase = phase;
    one.since = this.#now;
  }

  #says(one: Seen, { type }: FromWorker): void {
    switch (type) {
      case "hello":
        one.attached = true;
        break;
      case "ready":
        if (one.phase === "resuming") one.beyond = false;
        if (one.phase === "booting" || one.phase === "resuming") {
          this.#enter(one, "serving");
        }
        break;
      case "standby":
        if (one.phase === "booting") this.#enter(one, "waiting");
        break;
      case "spent":
        one.spent ||= one.phase === "serving";
        break;
      case "leaving":
        if (one.phase === "leaving") break;
        one.willing = true;
        this.#goes(one, "by itself");
        this.#blame(one, "perhaps");
        break;
      case "unparkable":
        if (one.phase === "parked") {
          one.willing = true;
          this.#enter(one, "leaving");
        }
        // Of one that is quiesced: it is told to accept again.
        break;
    }
  }

  #told(one: Seen, type: string, slot = one.slot): void {
    this.#comeBack();
    switch (type) {
      case "drain":
        if (one.phase === "leaving") break;
        if (one.phase === "parked") this.#mayDismiss(one);
        this.#mayStop(one, "leaving");
        break;
      case "park":
        this.#must(one.phase === "serving", "only one that serves is parked");
        this.#must(this.#options.rollback === "park", "nobody is parked");
        this.#mayStop(one, "parked");
        one.beyond = true;
        break;
      case "quiesce":
        this.#must(one.phase === "serving", "only one that serves is quiesced");
        this.#must(this.#going === undefined, "none is in a reload");
        this.#enter(one, "quiesced");
        break;
      case "resume":
        if (one.phase === "waiting") {
          one.slot = slot;
          one.aside = false;
          this.#enter(one, "resuming");
          this.seen.delete(one.process.pid);
          this.#mayStart(slot, one);
          this.seen.set(one.process.pid, one);
        } else {
          this.#must(
            one.phase === "parked" || one.phase === "quiesced",
            "only one that waits takes over",
          );
          this.#enter(one, "resuming");
        }
        break;
    }
  }

  /** The pool has a worker stop: that may not cost more than the budget. */
  #mayStop(one: Seen, phase: "leaving" | "parked"): void {
    const { slot, phase: from } = one;
    const before = this.#served;
    if (phase === "parked") this.#enter(one, "parked");
    else this.#goes(one, "by the pool");
    const served = this.#served;
    if (from === "serving") this.#stopped.add(one);
    if (from !== "serving" || this.stopping || served === before) return;
    const { least } = this.#budget;
    this.#must(served >= least, `${served} ready, ${least} are the least`);
    const recycles = this.#going === undefined && !this.#asked;
    if (one.spent && recycles && slot < this.wanted) {
      this.#must(served > 0, "recycling takes the only ready worker");
    }
  }

  /** A parked worker is told to leave: not before its reload holds. */
  #mayDismiss({ slot, willing }: Seen): void {
    const going = this.#going?.generation;
    let holds = true;
    for (let wanted = 0; wanted < this.wanted; wanted++) {
      holds &&= this.#of(wanted).some(({ phase, generation }) =>
        phase === "serving" && generation === going
      );
    }
    this.#must(
      this.stopping || willing || slot >= this.wanted || holds,
      `the parked worker of slot ${slot} leaves before the outcome is known`,
    );
  }

  /** Only who hangs, or has outlived a deadline, is killed. */
  #mayKill({ phase, since, mute, process }: Seen): void {
    if (this.stopping) return;
    const age = this.#now - since;
    const why = `${process.pid} is killed, ${phase} for ${age} ms`;
    switch (phase) {
      case "booting":
      case "resuming":
        return this.#must(age >= START_MS, why);
      case "leaving":
        return this.#must(age >= GRACE_MS, why);
      default: {
        const silent = mute === undefined ? -1 : this.#now - mute;
        const { hangTimeout } = this.#options;
        this.#must(hangTimeout > 0 && silent >= hangTimeout, why);
      }
    }
  }

  #ends(one: Seen, status: Partial<ExitStatus>): void {
    const { process: { pid }, phase, attached } = one;
    const byItself = ACTIVE.includes(phase);
    // Someone may have meant the group, which is nobody's failure.
    const hit = !attached && status.signal === "SIGTERM";
    if (byItself && !one.aside) this.#blame(one, hit ? "perhaps" : "surely");
    this.#goes(one, "by itself");
    one.phase = "gone";
    this.seen.delete(pid);
  }

  /** A worker fills its slot no more. */
  #goes(one: Seen, how: "by itself" | "by the pool"): void {
    const { slot, phase, aside } = one;
    const filled = ACTIVE.includes(phase) && !aside;
    this.#enter(one, "leaving");
    if (filled && !this.#fills(slot)) this.#lost.set(slot, how);
  }

  /** A worker of a new version ends by itself, while that is on trial. */
  #blame({ generation, slot }: Seen, blame: Blame): void {
    if (this.#revival !== undefined) this.#revival = "failed";
    const going = this.#going?.generation;
    if (
      going !== undefined && generation !== going && generation <= this.#newest
    ) {
      // Perhaps one that was to serve again.
      if (this.#blamed.has(going)) this.#stuck.add(going);
      return;
    }
    if (this.stopping || slot >= this.wanted) return;
    const phase = generation === this.#going?.generation
      ? this.#going.phase
      // Its reload has begun since the last look.
      : generation > this.#newest
      ? "replacing"
      : undefined;
    if (phase !== "replacing" && phase !== "probation") return;
    if (this.#blamed.get(generation) === "surely") return;
    this.#blamed.set(generation, blame);
  }

  /** A reload goes back when it has to, and only then. */
  #judge(generation: number, phase: string): void {
    const blame = this.#blamed.get(generation);
    const back = phase === "rolling-back" || phase === "failed" ||
      phase === "mixed";
    if (blame === "surely") {
      assert.ok(back, `${generation} has failed, and is ${phase}`);
    }
    if (back) assert.ok(blame !== undefined, `nobody has failed ${generation}`);
  }

  #hearEvents(): void {
    const events = this.#stage.events.slice(this.#read);
    this.#read += events.length;
    for (const event of events) this.#hear(event);
  }

  #hear(event: PoolEvent): void {
    if (this.stopping) return;
    if (event.type === "worker-respawning") {
      this.#due.set(event.slot, this.#now + event.delay);
    } else if (event.type === "reload-finished") {
      const { generation } = event;
      assert.equal(this.#blamed.get(generation) ?? "perhaps", "perhaps");
      this.#good = generation;
      for (let slot = 0; slot < this.wanted; slot++) {
        const there = this.#of(slot).map((one) => one.generation);
        assert.ok(
          there.includes(generation) && Math.min(...there) === generation,
          `${generation} is finished with ${there} in slot ${slot}`,
        );
      }
    } else if (event.type === "reload-failed") {
      const { generation, serving } = event;
      assert.ok(this.#blamed.has(generation), "nobody has failed it");
      const { reload } = this.#stage.pool.status();
      // Another one has begun with it, and may have taken workers already.
      if (reload?.generation !== generation) return;
      // Recycling may have begun in the same moment.
      if (serving !== this.#serving(true)) {
        assert.equal(serving, this.#serving(), "what serves where");
      }
      const mixed = this.alive.some((one) =>
        one.phase === "serving" && one.generation === generation &&
        one.slot < this.wanted
      );
      assert.equal(reload.state, mixed ? "mixed" : "failed");
      assert.ok(
        !mixed || this.#options.rollback === "none" ||
          this.#stuck.has(generation),
        `${generation} still serves, and nobody failed to come back`,
      );
    }
  }

  /** Which generation serves in which slots, or did a moment ago, in words. */
  #serving(before = false): string {
    const where = new Map<string, number[]>();
    for (let slot = 0; slot < this.wanted; slot++) {
      const all = this.#of(slot);
      const one = all.find(({ phase }) => phase === "serving") ??
        (before ? all.find((one) => this.#stopped.has(one)) : undefined);
      const what = one === undefined
        ? "no worker"
        : `generation ${one.generation}`;
      where.set(what, [...where.get(what) ?? [], slot]);
    }
    return [...where].map(([what, slots]) =>
      `${what} in slot${slots.length > 1 ? "s" : ""} ${inRanges(slots)}`
    ).join(", ");
  }

  /** A slot whose worker has ended by itself has another one, or waits for it. */
  #mindEmpty(): void {
    for (const [slot, how] of this.#lost) {
      if (how === "by the pool" || slot >= this.wanted || this.stopping) {
        continue;
      }
      // One that is wanted again waits for the budget.
      if (this.#fills(slot) || this.#away.has(slot)) continue;
      // Its timer may be the next of this moment.
      const due = this.#due.get(slot) ?? -1;
      assert.ok(this.#now <= due, `slot ${slot} is empty for nothing`);
    }
  }

  /** Who hangs while another one answers is killed after 41 s at the latest. */
  #mindHung(): void {
    const { hangTimeout } = this.#options;
    if (hangTimeout === 0) return;
    for (const one of this.alive) {
      const { mute, phase, since, process } = one;
      if (mute === undefined || phase !== "serving") continue;
      const silent = this.#now - Math.max(mute, since);
      const others = this.alive.some((other) =>
        other.phase === "serving" && other.mute === undefined &&
        other.since <= Math.max(mute, since)
      );
      if (!others) continue;
      assert.ok(silent <= hangTimeout * 4 / 3 + 1_001, `${process.pid} hangs`);
    }
  }
}

function part(
  portion: Portion,
  of: number,
  round: (number: number) => number,
): number {
  return typeof portion === "number"
    ? portion
    : round(Number.parseInt(portion) / 100 * of);
}

/** 0, 1, 2 and 5 are "0-2,5". */
function inRanges(numbers: readonly number[]): string {
  return numbers.join(",").replaceAll(/\d+(?:,\d+)*/g, (list) => {
    const all = list.split(",").map(Number);
    const runs: number[][] = [];
    for (const number of all) {
      const last = runs.at(-1);
      if (last?.at(-1) === number - 1) last.push(number);
      else runs.push([number]);
    }
    return runs.map((run) =>
      run.length === 1 ? `${run[0]}` : `${run[0]}-${run.at(-1)}`
    ).join(",");
  });
}
