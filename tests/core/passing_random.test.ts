/**
 * Connections that are passed on in a disorderly world.
 *
 * Runs once, under bun: the world is a seeded generator's, so that each engine
 * sees the same one.
 */
import assert from "node:assert/strict";
import { MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { SpawnPlan } from "../../core/adapter.ts";
import type { ToWorker } from "../../core/protocol.ts";
import { Passing } from "../../core/balance/passing.ts";
import {
  createScoreboard,
  encodeRow,
  ROW_BYTES,
} from "../../core/balance/scoreboard.ts";
import { PoolWorker } from "../../core/worker.ts";
import { test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";
import { rowOf } from "./rows.ts";
import { type Conn, conn } from "./backends.ts";

/** A worker as it is, beside the record that the supervisor has of it. */
interface One {
  readonly record: PoolWorker;
  readonly process: MemoryProcess;
  /** Said, and not yet read by the supervisor. */
  readonly saying: (() => void)[];
  /** Passed on and neither given up nor kept. */
  readonly holding: Map<number, Conn>;
  /** Sent to it, neither confirmed nor refused. */
  readonly underway: Map<Conn, (taken: boolean) => void>;
  /** How much of what it was told and sent it has read. */
  heard: number;
  received: number;
  drains: boolean;
}

const PLAN: SpawnPlan = {
  command: ["program"],
  runtime: "node",
  inherits: [],
  env: () => ({}),
  output: "inherit",
  onLine: () => {},
  onMessage: () => {},
  onConnection: () => {},
  onNoise: () => {},
  onExit: () => {},
};

/** Workers come, go, pass on, take, refuse and fall asleep at random. */
class Disorder {
  readonly #random: Random;
  readonly #world = new MemoryWorld();
  readonly #file = this.#world.adapter.shareFile();
  readonly #board = createScoreboard(this.#file);
  readonly #relay = new Passing(this.#board, this.#world.adapter.clock);
  readonly #workers = new Set<One>();
  readonly #all: Conn[] = [];
  /** How each connection has ended: kept by its worker, or taken by another. */
  readonly #ended = new Map<Conn, number>();
  #pid = 0;
  #stopped = false;

  constructor(random: Random) {
    this.#random = random;
  }

  run(): void {
    const random = this.#random;
    const acts = [
      ...Array(6).fill(this.#pass),
      ...Array(6).fill(this.#read),
      ...Array(8).fill(this.#speak),
      ...Array(4).fill(this.#settle),
      ...[this.#keep, this.#give, this.#score, this.#score, this.#drain],
    ];
    for (let turn = 0; turn < 300; turn++) {
      if (this.#workers.size < 2 || random.chance(0.03)) this.#join();
      if (random.chance(0.2)) this.#world.advance(random.whole(1, 8));
      if (random.chance(0.02)) this.#die(random.pick([...this.#workers]));
      else random.pick(acts).call(this, random.pick([...this.#workers]));
      this.#check();
    }
    this.#calm();
  }

  /** From now on all are awake and honest, and nothing is left. */
  #calm(): void {
    this.#stopped = this.#random.chance(0.5);
    this.#join();
    if (this.#stopped) this.#relay.flush();
    for (let i = 0; this.#relay.waiting > 0 || this.#open.length > 0; i++) {
      assert.ok(i < 300, `${this.#seed}: ${this.#relay.waiting} never end`);
      for (const one of this.#workers) {
        this.#score(one, true);
        this.#read(one);
        // Nobody tells of room any more: it keeps what it has.
        if (i > 100 || this.#stopped) this.#keep(one);
        while (one.saying.length > 0) this.#speak(one);
        while (one.underway.size > 0) this.#settle(one, true);
        this.#check();
      }
      this.#world.advance(5);
    }
    for (const one of [...this.#workers]) this.#die(one);
    this.#relay.close();
    for (const each of this.#all) {
      assert.equal(each.closed, 1, `${this.#seed}: copy of ${each.number}`);
      assert.equal(this.#ended.get(each), 1, `${this.#seed}: ${each.number}`);
    }
  }

  get #open(): readonly Conn[] {
    return this.#all.filter((each) => !this.#ended.has(each));
  }

  get #seed(): string {
    return `seed ${this.#random.seed} after ${this.#all.length} connections`;
  }

  #check(): void {
    const held: Conn[] = [];
    for (const one of this.#workers) {
      const news = one.process.received.slice(one.received);
      one.received += news.length;
      for (const { connection, settle } of news) {
        one.underway.set(connection as Conn, settle);
      }
      held.push(...one.holding.values(), ...one.underway.keys());
      // Where all drain they get whatever there is.
      const anyOpen = [...this.#workers].some(({ drains }) => !drains);
      if (!this.#stopped && anyOpen && news.length > 0) {
        assert.ok(one.underway.size <= 1, this.#seed);
      }
    }
    assert.equal(new Set(held).size, held.length, `${this.#seed}: two have it`);
    for (const each of held) {
      assert.equal(this.#ended.get(each), undefined, `${this.#seed}: again`);
    }
    for (const each of this.#all) {
      assert.ok(each.closed <= 1, `${this.#seed}: closed twice`);
      if (each.closed === 0) continue;
      assert.ok(this.#ended.has(each), `${this.#seed}: ${each.number} lost`);
    }
  }

  #join(): void {
    const pid = ++this.#pid;
    const record = new PoolWorker(0, 1, "node", 0, new Set(["web"]));
    const process = new MemoryProcess(pid, PLAN);
    record.process = process;
    record.state = "ready";
    record.seat = this.#board.allot();
    const one: One = {
      record,
      process,
      saying: [],
      holding: new Map(),
      underway: new Map(),
      heard: 0,
      received: 0,
      drains: false,
    };
    this.#workers.add(one);
    this.#score(one, true);
    this.#relay.join(record);
  }

  #die(one: One): void {
    // What it has said comes before its end.
    while (one.saying.length > 0) this.#speak(one);
    this.#check();
    this.#workers.delete(one);
    one.process.alive = false;
    if (this.#random.chance(0.3)) this.#world.advance(1);
    one.record.state = "gone";
    this.#relay.lose(one.record);
    this.#board.clear(one.record.seat!);
    for (const settle of one.underway.values()) settle(true);
  }

  #drain(one: One): void {
    if (!this.#random.chance(0.2)) return;
    one.drains = true;
    this.#relay.leave(one.record);
  }

  #score(one: One, well: boolean | undefined = undefined): void {
    const random = this.#random;
    const awake = well ?? random.chance(0.8);
    this.#file.write(
      encodeRow(rowOf({
        beat: Date.now() - (awake ? 0 : 5_000),
        serving: !one.drains,
        takes: well ?? random.chance(0.9),
        open: random.whole(0, 9),
      })),
      one.record.seat! * ROW_BYTES,
    );
  }

  #pass(one: One): void {
    const id = this.#all.length;
    const connection = conn(id);
    this.#all.push(connection);
    one.holding.set(id, connection);
    one.saying.push(() => this.#relay.pass(one.record, id, "web", connection));
  }

  /** Reads all that it was told. */
  #read(one: One): void {
    const news = one.process.heard.slice(one.heard) as ToWorker[];
    one.heard += news.length;
    for (const message of news) {
      if (message.type === "room") this.#give(one, message.id);
    }
    if (news.length === 0) return;
    one.saying.push(() => {
      one.record.unread -= news.length;
      this.#relay.freed(one.record);
    });
  }

  #give(one: One, id = [...one.holding.keys()][0]): void {
    if (id === undefined || !one.holding.delete(id)) return;
    one.saying.push(() => this.#relay.gave(one.record, id));
  }

  #keep(one: One): void {
    for (const [id, connection] of one.holding) {
      one.holding.delete(id);
      this.#end(connection);
      one.saying.push(() => this.#relay.kept(one.record, id));
      return;
    }
  }

  /** The supervisor reads the next message of a worker. */
  #speak(one: One): void {
    one.saying.shift()?.();
  }

  #settle(one: One, taken: boolean = this.#random.chance(0.9)): void {
    for (const [connection, settle] of one.underway) {
      one.underway.delete(connection);
      if (taken) this.#end(connection);
      settle(taken);
      return;
    }
  }

  #end(connection: Conn): void {
    this.#ended.set(connection, (this.#ended.get(connection) ?? 0) + 1);
  }
}

test("every connection that is passed on ends exactly once, whatever happens", () => {
  forSeeds(400, (random) => new Disorder(random).run());
});
