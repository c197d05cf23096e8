/**
 * A pool whose sockets the service manager keeps: they come from there when the
 * supervisor starts again, and are left there when it ends.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { EventStream } from "../event_stream.ts";
import type { PoolEvent } from "../events.ts";
import { Heritage } from "../listeners/heritage.ts";
import type { Listener } from "../listeners/listeners.ts";
import type { PoolConfig } from "../options/options.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import type { ServicePool } from "./service.ts";
import { restore, store, type Stored, storedNames } from "./store.ts";

/** What it needs of the process that it is in. */
export interface KeepingPlace {
  /** The service that it is; undefined where no manager listens. */
  readonly service: ServicePool | undefined;
  /** What a predecessor has handed over. */
  readonly heritage: Heritage | undefined;
  /** What happens in the pool. */
  readonly events: Pick<EventStream<PoolEvent>, "listen">;
}

/** A pool that serves. */
export interface KeptSockets {
  /** Its listeners. */
  readonly listeners: readonly Listener[];
  /** Where it answers by itself. */
  readonly monitor: { readonly listeners: readonly Listener[] };
  /** Its workers. */
  readonly supervisor: Pick<Supervisor, "adoption" | "post">;
  /** The runtime. */
  readonly adapter: Pick<Adapter, "host" | "shareFile">;
  /** Tells the user. */
  emit(event: PoolEvent): void;
}

/** What the service manager keeps of one pool. */
export class Keeping implements Disposable {
  /** What it has kept; undefined for the first start, and for a successor. */
  readonly heritage: Heritage | undefined;
  readonly #key: string;
  readonly #place: KeepingPlace & { readonly service: ServicePool };
  /** The names of what it keeps by now. */
  readonly #names: readonly string[];
  #stored: Stored | undefined;
  #listening: Disposable | undefined;

  private constructor(
    key: string,
    place: KeepingPlace & { readonly service: ServicePool },
    names: readonly string[],
    heritage: Heritage | undefined,
  ) {
    this.#key = key;
    this.#place = place;
    this.#names = names;
    this.heritage = heritage;
  }

  /**
   * Takes what was kept; undefined where no manager can keep anything.
   *
   * @throws {TypeError} where that was asked for
   */
  static async begin(
    adapter: Adapter,
    { fdStore, name: key = "pool" }: Pick<PoolConfig, "fdStore" | "name">,
    place: KeepingPlace,
  ): Promise<Keeping | undefined> {
    const { service, heritage } = place;
    const problem = service === undefined
      ? "no service manager listens (NOTIFY_SOCKET is not set)"
      : service.manager.try(NOTHING_KEPT);
    if (service === undefined || problem !== undefined) {
      if (fdStore !== true) return undefined;
      throw new TypeError(
        `Cannot use "fdStore", because ${problem}: start the pool by a unit of systemd with Type=notify and FileDescriptorStoreMax=, or leave it out`,
      );
    }
    const known = { ...place, service };
    if (heritage !== undefined) {
      const names = storedNames(key, heritage.handover);
      return new Keeping(key, known, names, undefined);
    }
    const restored = restore(key, adapter);
    if (restored === undefined) return new Keeping(key, known, [], undefined);
    const { handover, names, rest } = restored;
    for (const [name, fd] of rest) {
      service.say({ FDSTOREREMOVE: 1, FDNAME: name });
      const address = { kind: "fd", fd } as const;
      const request = { ...UNUSED, address, inherited: { fd } };
      // What cannot even be held keeps no pool from starting.
      const socket = await adapter.bind(request).catch(() => undefined);
      socket?.abandon();
    }
    const kept = await Heritage.receive(handover, adapter, true);
    kept.onRenounced = (handed) => {
      const all = { ...handover, listeners: [handed], monitors: [] };
      for (const name of storedNames(key, all)) {
        service.say({ FDSTOREREMOVE: 1, FDNAME: name });
      }
    };
    return new Keeping(key, known, names, kept);
  }

  /** True once the manager has sockets of the pool. */
  get keeps(): boolean {
    return this.#names.length > 0 || this.#stored !== undefined;
  }

  /** The pool serves: from now on its sockets are kept. */
  keep(pool: KeptSockets): void {
    const { listeners, monitor, supervisor, emit } = pool;
    const { service, events } = this.#place;
    const tell = (message: string): void => emit({ type: "warning", message });
    const { heritage } = this;
    if (heritage !== undefined) {
      const { pid, shards } = heritage.handover;
      // Whatever waits on shards that have no slot here needs somebody, too.
      for (const shard of shards) supervisor.adoption.use(shard);
      supervisor.post(() => {});
      for (const address of heritage.closeRest()) {
        tell(
          `closed "${address}", which the service manager has kept and nobody asks for`,
        );
      }
      if (this.#names.length > 0) {
        tell(
          `goes on with the sockets of process ${pid}, which the service manager has kept`,
        );
      }
    }
    const { used } = supervisor.adoption;
    this.#stored = store(
      this.#key,
      { listeners, monitors: monitor.listeners },
      this.#names,
      pool.adapter,
      (state, fd) => service.say(state, fd),
    );
    let known = -1;
    const update = (): void => {
      if (used.size === known) return;
      known = used.size;
      this.#stored?.update([...used]);
    };
    update();
    this.#listening = events.listen(({ type }) => {
      if (type === "worker-ready") update();
    });
  }

  [Symbol.dispose](): void {
    this.#listening?.[Symbol.dispose]();
    this.#stored?.close();
    this.#stored = undefined;
  }
}

/**
 * Asks whether a word about what is kept can be said at all: the name is that of
 * nothing. Others can be said without libc, too.
 */
const NOTHING_KEPT = { FDSTOREREMOVE: 1, FDNAME: "prefork" } as const;

/** What is closed again at once. */
const UNUSED = {
  backlog: 1,
  ipv6Only: false,
  reusePort: false,
  listen: false,
} as const;
