/**
 * Where a program listens, for a pool that was not told: the program is started
 * once before the workers, as one that nobody connects to. Each address that it
 * asks for is bound, so that it hears what is in use, but never accepted on.
 * When the program has come to rest it is ended like any worker, and the pool
 * opens the same addresses for all.
 *
 * @module
 */

import type { Adapter, ExitStatus, HeldSocket } from "../adapter.ts";
import { Traffic } from "../balance/traffic.ts";
import type { PoolContext } from "../context.ts";
import { LEARNING } from "../launch/environment.ts";
import { PreforkError, stateError } from "../errors.ts";
import type { PoolEvent } from "../events.ts";
import type { Listener } from "../listeners/listeners.ts";
import {
  type OnDemand,
  type OpenMessage,
  parseOpen,
  refusal,
  refused,
} from "../listeners/on_demand.ts";
import { MAX_OPEN } from "../listeners/permission.ts";
import type { Place } from "../preflight.ts";
import { formatAddress, type ListenerSpec } from "../options/address.ts";
import type { PoolWorker } from "../worker.ts";
import { diagnose } from "./diagnosis.ts";
import { Processes } from "./processes.ts";
import type { ExitReason } from "./state.ts";

/**
 * How long a program has to ask for one more address, in ms, after it has
 * listened on the one before.
 */
export const REST_MS = 100;

/**
 * How long the program then has to end, in ms, at most: nobody connects to it,
 * so what many wait for in a handler of SIGTERM is nothing to wait for here.
 */
export const END_MS = 2_000;

/** What a start of a program shows. */
export class Learning {
  /** True once it is to end early. */
  stopping = false;
  readonly #context: PoolContext;
  readonly #slot: number;
  readonly #addresses: Addresses;
  readonly #processes: Processes;
  readonly #done = Promise.withResolvers<readonly ListenerSpec[]>();
  #worker: PoolWorker | undefined;
  #rest: Disposable | undefined;
  #ready = false;
  #asked = false;
  #found: readonly ListenerSpec[] | undefined;

  /** Prepares it. */
  constructor(
    place: Place,
    adapter: Adapter,
    emit: (event: PoolEvent) => void,
  ) {
    const { config } = place;
    this.#context = {
      ...place,
      config: { ...config, grace: Math.min(config.grace, END_MS) },
      adapter,
      listeners: [],
      traffic: new Traffic(config, [], adapter),
      emit: (event) => this.#isTold(event) && emit(event),
      post: (task) => void Promise.resolve().then(task),
    };
    // What is done in one slot alone is most often done in the first: the last
    // one shows what all workers do.
    this.#slot = place.workers - 1;
    this.#addresses = new Addresses(this.#context, () => this.#settle());
    this.#processes = new Processes(this.#context, {
      onReady: () => {
        this.#ready = true;
        this.#settle();
      },
      onGone: (_worker, reason, status) => this.#onGone(reason, status),
    }, this.#addresses);
  }

  /**
   * Starts the program and resolves with what the pool is to listen on, once
   * the program has ended again.
   *
   * @throws {PreforkError} `ERR_BOOT` or `ERR_SPAWN` when the program does not
   * come up, `ERR_BIND` when that is because an address cannot be bound,
   * `ERR_STATE` when it was stopped
   */
  learn(): Promise<readonly ListenerSpec[]> {
    try {
      const worker = this.#processes.start(this.#slot, LEARNING);
      this.#worker = worker;
      const { onFreed } = worker;
      worker.onFreed = () => {
        onFreed?.();
        if (this.#asked && worker.free) this.#conclude();
      };
      const reason = "the program is started once to see where it listens";
      this.#context.emit({ type: "learning", ...worker.identity, reason });
    } catch (error) {
      this.#done.reject(error);
    }
    return this.#done.promise;
  }

  /** Ends it early. */
  stop(quick: boolean): void {
    this.stopping = true;
    this.#end(quick ? "kill" : "drain");
  }

  /** It has listened once more: what comes next is waited for. */
  #settle(): void {
    this.#rest?.[Symbol.dispose]();
    this.#asked = false;
    if (!this.#ready) return;
    this.#wait(REST_MS, () => this.#ask());
  }

  #wait(ms: number, then: () => void): void {
    const { adapter, post } = this.#context;
    this.#rest = adapter.clock.after(ms, () => post(then));
  }

  /** A program that was kept from running has not come to rest. */
  #ask(): void {
    if (this.#addresses.asked.length === 0) return this.#conclude();
    this.#asked = this.#worker?.tell({ type: "wake" }) ?? false;
    this.#wait(this.#context.config.startTimeout, () => this.#conclude());
  }

  #conclude(): void {
    const { privatePorts } = this.#context.config;
    this.#found ??= poolAddresses(this.#addresses.asked, privatePorts);
    this.#end("drain");
  }

  #end(how: "drain" | "kill"): void {
    this.#asked = false;
    this.#rest?.[Symbol.dispose]();
    if (this.#worker !== undefined) this.#processes.step(this.#worker, how);
  }

  /** It is no worker, and how it ends once it has shown all is no news. */
  #isTold({ type }: PoolEvent): boolean {
    switch (type) {
      case "worker-started":
      case "worker-ready":
      case "worker-draining":
        return false;
      case "worker-killed":
      case "worker-exited":
        return this.#found === undefined;
      default:
        return true;
    }
  }

  #onGone(reason: ExitReason, status: ExitStatus): void {
    this.#end("kill");
    this.#addresses.close();
    this.#context.traffic.close();
    const worker = this.#worker!;
    if (this.stopping) this.#done.reject(stateError("start", "it was stopped"));
    else if (this.#found !== undefined) this.#done.resolve(this.#found);
    else {
      const how = diagnose(worker, reason, status);
      this.#done.reject(
        this.#addresses.failure ??
          new PreforkError("ERR_BOOT", `Cannot start the program: ${how}`),
      );
    }
  }
}

/**
 * What a pool listens on whose program has listened so: on every port that it
 * names, each of which any worker has to serve. Paths are often made of a
 * process' own number and port 0 is a helper's, so one of them counts only
 * where there is nothing else. All others are opened on demand.
 *
 * @param alone true where all but the first are each worker's own
 */
export function poolAddresses(
  asked: readonly Asked[],
  alone: boolean,
): readonly ListenerSpec[] {
  const isPort = ({ spec: { address } }: Asked): boolean =>
    address.kind === "tcp" && address.port !== 0;
  const ports = asked.filter(isPort);
  const others = asked.filter(({ spec }) => spec.address.kind === "unix");
  const chosen = ports.length > 0 ? ports : [...others, ...asked].slice(0, 1);
  return chosen.slice(0, alone ? 1 : undefined).map(({ spec, real }) => ({
    ...spec,
    address: real,
    name: spec.name === formatAddress(spec.address)
      ? formatAddress(real)
      : spec.name,
  }));
}

/** An address that the program has asked for. */
export interface Asked {
  /** What it asked for. */
  readonly spec: ListenerSpec;
  /** What it got. */
  readonly real: ListenerSpec["address"];
}

interface Held extends Asked {
  readonly socket: HeldSocket;
}

/** The addresses that a program asks for: held, and not accepted on. */
class Addresses implements OnDemand {
  /** None of them is one of the pool yet. */
  readonly listeners: readonly Listener[] = [];
  /** Why the last address that could not be bound could not. */
  failure: PreforkError | undefined;
  readonly #context: Pick<PoolContext, "adapter" | "post">;
  readonly #changed: () => void;
  readonly #held = new Map<string, Promise<Held>>();
  readonly #asked = new Set<Held>();
  #closed = false;

  constructor(
    context: Pick<PoolContext, "adapter" | "post">,
    changed: () => void,
  ) {
    this.#context = context;
    this.#changed = changed;
  }

  /** Those that are held, in the order in which they were asked for. */
  get asked(): readonly Asked[] {
    return [...this.#asked];
  }

  open(worker: PoolWorker, { id, address, nth }: OpenMessage): void {
    const { post } = this.#context;
    this.#hold(address, nth).then(
      ({ real }) =>
        post(() => {
          const name = formatAddress(real);
          worker.tell({ type: "opened", id, name, address: name });
          this.#changed();
        }),
      (error) =>
        post(() => {
          if (error instanceof PreforkError) this.failure = error;
          worker.tell(refusal(id, error));
        }),
    );
  }

  lose(): void {}

  close(): void {
    this.#closed = true;
    for (const { socket } of this.#asked) socket.close();
    this.#asked.clear();
  }

  async #hold(address: string, nth: number): Promise<Held> {
    const spec = parseOpen(address);
    const key = `${formatAddress(spec.address)} ${nth}`;
    const known = this.#held.get(key);
    if (known !== undefined) return await known;
    if (this.#held.size >= MAX_OPEN) {
      const why = `the program has had ${MAX_OPEN} opened, which is the most`;
      throw refused(address, "EMFILE", why);
    }
    const holding = this.#bind(spec);
    this.#held.set(key, holding);
    holding.catch(() => this.#held.delete(key));
    return await holding;
  }

  async #bind(spec: ListenerSpec): Promise<Held> {
    const socket = await this.#context.adapter.bind({
      ...spec,
      reusePort: false,
      listen: false,
    });
    const held = { spec, real: socket.address, socket };
    if (this.#closed) socket.close();
    else this.#asked.add(held);
    return held;
  }
}
