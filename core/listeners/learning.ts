/**
 * The addresses that a program asks for in the start that shows where it
 * listens (`core/supervise/learning.ts`).
 *
 * @module
 */

import type { HeldSocket } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { PreforkError } from "../errors.ts";
import {
  formatAddress,
  isAnyPort,
  type ListenerSpec,
  parseListener,
} from "../options/address.ts";
import type { PoolWorker } from "../worker.ts";
import type { Listener } from "./listeners.ts";
import {
  type OnDemand,
  type OpenMessage,
  refusal,
  refused,
} from "./on_demand.ts";
import { MAX_OPEN, privilegeProblem } from "./permission.ts";

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
    ...(isAnyPort(spec.address) && { anyPort: true }),
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
  readonly key: string;
  readonly socket: HeldSocket;
}

/** An address that is held, or is about to be. */
interface Holding {
  readonly held: Promise<Held>;
  /** How many servers of the program have it. */
  servers: number;
}

/** The addresses that a program asks for: held, and not accepted on. */
export class Addresses implements OnDemand {
  /** None of them is one of the pool yet. */
  readonly listeners: readonly Listener[] = [];
  /** True once the program has closed a server: it may look for a free port. */
  left = false;
  /** Why the last address that could not be bound could not. */
  failure: PreforkError | undefined;
  readonly #context: Pick<PoolContext, "adapter" | "config" | "post">;
  readonly #changed: () => void;
  readonly #held = new Map<string, Holding>();
  readonly #asked = new Set<Held>();
  #closed = false;

  constructor(
    context: Pick<PoolContext, "adapter" | "config" | "post">,
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
    this.#hold(worker, address, nth).then(
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

  /** It has looked whether an address is free, or listens there no more. */
  leave(_worker: PoolWorker, name: string): boolean {
    for (const held of this.#asked) {
      if (formatAddress(held.real) !== name) continue;
      this.left = true;
      const holding = this.#held.get(held.key)!;
      if (--holding.servers > 0) continue;
      this.#asked.delete(held);
      this.#held.delete(held.key);
      held.socket.close();
      this.#changed();
    }
    return true;
  }

  lose(): void {}

  keep(): void {}

  abandon(): void {
    this.close();
  }

  close(): void {
    this.#closed = true;
    for (const { socket } of this.#asked) socket.close();
    this.#asked.clear();
  }

  async #hold(
    { process: { pid } }: PoolWorker,
    address: string,
    nth: number,
  ): Promise<Held> {
    // The program's first start is nobody else's yet, so it may say all.
    const spec = parseListener(address);
    if (spec.address.kind === "fd") {
      throw refused(address, "EACCES", "it is a descriptor of the supervisor");
    }
    if (spec.address.kind === "udp") {
      throw refused(address, "EACCES", "datagrams have no connections");
    }
    const { adapter, config: { user, open } } = this.#context;
    // Unless it is somebody else's, who is to have no more than is his.
    if (user !== undefined && open !== "any") {
      const problem = privilegeProblem(spec, [pid], adapter.host);
      if (problem !== undefined) throw refused(address, "EACCES", problem);
    }
    const key = `${formatAddress(spec.address)} ${nth}`;
    const known = this.#held.get(key);
    if (known !== undefined) {
      known.servers++;
      return await known.held;
    }
    if (this.#held.size >= MAX_OPEN) {
      const why = `the program has had ${MAX_OPEN} opened, which is the most`;
      throw refused(address, "EMFILE", why);
    }
    const held = this.#bind(spec, key);
    this.#held.set(key, { held, servers: 1 });
    held.catch(() => this.#held.delete(key));
    return await held;
  }

  async #bind(spec: ListenerSpec, key: string): Promise<Held> {
    const socket = await this.#context.adapter.bind({
      ...spec,
      reusePort: false,
      listen: false,
    });
    const held = { spec, key, real: socket.address, socket };
    const before = this.asked.find((each) => overlap(each, held));
    if (this.#closed || before !== undefined) socket.close();
    else this.#asked.add(held);
    if (before === undefined) return held;
    // As long as nobody listens the kernel lets both have it.
    throw new PreforkError(
      "ERR_BIND",
      `Cannot bind "${formatAddress(spec.address)}": the program listens on "${
        formatAddress(before.real)
      }" already`,
      { code: "EADDRINUSE" },
    );
  }
}

/** True for two addresses of which one process can listen on one only. */
function overlap(
  { real: one, spec: { ipv6Only: oneOnly } }: Asked,
  { real: other, spec: { ipv6Only: otherOnly } }: Asked,
): boolean {
  if (one.kind !== "tcp" || other.kind !== "tcp") return false;
  if (one.port !== other.port) return false;
  const isBoth = (host: string, only: boolean): boolean =>
    (host === "" || host === "::") && !only;
  if (isBoth(one.host, oneOnly) || isBoth(other.host, otherOnly)) return true;
  const isSix = (host: string): boolean => host === "" || host.includes(":");
  if (isSix(one.host) !== isSix(other.host)) return false;
  const isAny = (host: string): boolean => ["", "::", "0.0.0.0"].includes(host);
  return one.host === other.host || isAny(one.host) || isAny(other.host);
}
