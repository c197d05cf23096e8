/**
 * Has the kernel give new connections to the least loaded worker of `sharded`
 * listeners. `docs/STEERING.md` has the reasons.
 *
 * @module
 */

import type { Adapter, HeldSocket, ShareMode } from "../adapter.ts";
import { shardedOf } from "../options/dgram.ts";
import { messageOf } from "../errors.ts";
import type { PoolEvent } from "../events.ts";
import type { SteerBy, SteerStatus } from "../options/steer.ts";
import type { Steer, SteerProgram, SteerSeat } from "./steer.ts";
import type { PoolWorker } from "../worker.ts";
import { lightnessOf } from "./table.ts";

/** A listener of the pool, as far as it matters here. */
interface Listener {
  readonly address: string;
  readonly mode: ShareMode;
  readonly sockets: readonly HeldSocket[];
  /** The map of them that a predecessor has handed over. */
  readonly map?: number;
}

/** The steering of a pool. */
export class Steering {
  readonly #listeners: readonly Listener[];
  readonly #adapter: Pick<Adapter, "host" | "steer">;
  readonly #emit: (event: PoolEvent) => void;
  readonly #weights: readonly number[];
  readonly #programs = new Map<Listener, SteerProgram>();
  /** Maps of a predecessor that no program goes by here. */
  readonly #maps = new Map<Listener, number>();
  /** Slots whose shards the programs may choose. */
  readonly #known = new Set<number>();
  #steer: Steer | undefined;
  /** The one of them that was served last: its shards listen. */
  #newest: number | undefined;
  #status: SteerStatus;
  /** What slots had been given, and what waited there, when they were helped. */
  readonly #helped = new Map<
    number,
    { readonly assigned: number; readonly queued: number }
  >();
  #attached = false;

  /**
   * Makes the table and loads the programs, where that is wanted and works.
   *
   * @param weights of the slots, 1 where there is none
   */
  constructor(
    wanted: SteerBy,
    listeners: readonly Listener[],
    adapter: Pick<Adapter, "host" | "steer">,
    emit: (event: PoolEvent) => void,
    weights: readonly number[] = [],
  ) {
    this.#weights = weights;
    this.#adapter = adapter;
    this.#emit = emit;
    this.#listeners = shardedOf(listeners);
    for (const listener of this.#listeners) {
      if (listener.map !== undefined) this.#maps.set(listener, listener.map);
    }
    this.#status = this.#hashed("as asked");
    if (this.#listeners.length === 0 || wanted === "off") return;
    try {
      this.#load();
      const reason = wanted === "auto"
        ? "each connection goes to the worker that holds least"
        : "as asked";
      this.#status = { by: "ebpf", reason };
    } catch (error) {
      this.#close();
      this.#status = this.#hashed(`no eBPF: ${messageOf(error)}`);
    }
  }

  /** What chooses now; undefined for a pool without shards of TCP. */
  get status(): SteerStatus | undefined {
    return this.#listeners.length === 0 ? undefined : this.#status;
  }

  /** True for a listener whose connections workers have to count. */
  steers(listener: Listener): boolean {
    return this.#steer !== undefined && this.#listeners.includes(listener);
  }

  /** What workers inherit. */
  get files(): readonly { readonly fd: number }[] {
    return this.#steer === undefined ? [] : [this.#steer];
  }

  /**
   * A listener as it is handed over: with the map of its sockets, which can be in
   * no other one.
   */
  handed<T extends Listener>(listener: T): T {
    const { map: _before, ...rest } = listener;
    const map = this.#programs.get(listener)?.map ?? this.#maps.get(listener);
    return { ...rest, ...(map !== undefined && { map }) } as T;
  }

  /** The table as a worker finds it under this number. */
  seatAt(fd: number): SteerSeat | undefined {
    if (this.#steer === undefined) return undefined;
    return { fd, slots: this.#listeners[0]!.sockets.length };
  }

  /** Tells who chooses. */
  announce(): void {
    if (this.#listeners.length > 0) {
      this.#emit({ type: "steering", ...this.#status });
    }
  }

  /** Another worker of a slot accepts, or none does any more. */
  serve(slot: number, worker: PoolWorker | undefined): void {
    const { table } = this.#steer ?? {};
    if (table === undefined) return;
    table.set(slot, "owner", 0);
    if (worker?.seat === undefined) return;
    const writer = worker.seat + 1;
    // Later another one may have written its own.
    worker.steers ||= table.get(slot, "writer") === writer;
    if (!worker.steers) {
      const { attachedRuntime: runtime = "it" } = worker;
      return this.#fallBack(
        `the worker of slot ${slot} cannot write what it holds, its own line says why (${runtime})`,
      );
    }
    try {
      this.#know(slot);
    } catch (error) {
      return this.#fallBack(messageOf(error));
    }
    // What the one before it has left is its own to finish.
    const finished = table.get(slot, "assigned") - this.#queued(slot);
    table.set(slot, "finished", finished);
    table.set(slot, "bias", 0);
    table.set(slot, "full", 0);
    table.set(slot, "begun", 0);
    table.set(slot, "helped", 0);
    const greatest = Math.max(1, ...this.#weights);
    table.set(slot, "light", lightnessOf(this.#weights[slot] ?? 1, greatest));
    table.set(slot, "owner", writer);
  }

  /**
   * Another worker accepts what a slot is given, whose own one stands still, and
   * so many wait now: what has gone since the last call is no load of the slot.
   */
  help(slot: number, queued: number): void {
    const { table } = this.#steer ?? {};
    if (table === undefined) return;
    const assigned = table.get(slot, "assigned");
    const before = this.#helped.get(slot) ?? { assigned, queued };
    const taken = (assigned - before.assigned | 0) + before.queued - queued;
    if (taken > 0) table.set(slot, "helped", table.get(slot, "helped") + taken);
    this.#helped.set(slot, { assigned, queued });
  }

  /** Nobody does that any more, or its own worker may have accepted as well. */
  helpEnds(slot: number): void {
    this.#helped.delete(slot);
  }

  /**
   * Has the programs choose from now on: all slots have a worker. Those of
   * another supervisor that has the sockets too choose no more.
   */
  attach(): void {
    try {
      for (const [{ sockets }, program] of this.#programs) {
        const slot = this.#newest;
        if (slot !== undefined) program.attach(sockets[slot]!.fd);
      }
      this.#attached = this.#known.size > 0;
    } catch (error) {
      this.#fallBack(messageOf(error));
    }
  }

  /** All slots have a worker that is ready. */
  ready(): void {
    if (!this.#attached) this.attach();
  }

  /** The pool has ended. */
  close(): void {
    this.#close();
  }

  #load(): void {
    const slots = this.#listeners[0]!.sockets.length;
    this.#steer = this.#adapter.steer(slots);
    for (const listener of this.#listeners) {
      const map = this.#maps.get(listener);
      this.#maps.delete(listener);
      const program = this.#steer.load(map);
      this.#programs.set(listener, program);
      // That of a supervisor that was killed, whose sockets were kept.
      if (map === undefined) program.detach(listener.sockets[0]!.fd);
    }
  }

  #know(slot: number): void {
    let again = false;
    for (const [{ sockets }, program] of this.#programs) {
      const isNew = program.put(slot, sockets[slot]!.fd);
      again ||= isNew && this.#known.has(slot);
    }
    this.#known.add(slot);
    this.#newest = slot;
    // It did not listen meanwhile, so the kernel has forgotten the program, too.
    if (again && this.#attached) this.attach();
  }

  #queued(slot: number): number {
    const { host } = this.#adapter;
    return this.#listeners.reduce(
      (sum, { sockets }) => sum + (host.queued(sockets[slot]!.fd) ?? 0),
      0,
    );
  }

  #fallBack(reason: string): void {
    for (const [{ sockets }, program] of this.#programs) {
      program.detach(sockets[0]!.fd);
    }
    this.#close();
    this.#status = this.#hashed(reason);
    this.announce();
  }

  #hashed(reason: string): SteerStatus {
    const lost = this.#weights.length > 0
      ? "; the weights of slots do not count then"
      : "";
    return { by: "off", reason: `${reason}${lost}` };
  }

  #close(): void {
    this.#programs.clear();
    this.#steer?.close();
    this.#steer = undefined;
  }
}
