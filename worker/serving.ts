/**
 * A server of the program on listeners of the pool: on one of them, on several,
 * or on none yet.
 *
 * @module
 */

import type { Server as HttpServer } from "node:http";
import type { Server, Socket } from "node:net";
import process from "node:process";
import type { InheritedListener } from "../core/launch/environment.ts";
import type { AcceptedHandle } from "../handles/types.ts";
import { balanceNetServer, type ServerBalance } from "./balance/net_servers.ts";
import { isCounted } from "./balance/native_servers.ts";
import { IDLE_MS } from "./drain/drain.ts";
import type { Filter } from "./filters/filter.ts";
import { trackServer } from "./filters/listener_filter.ts";
import { learnSessionIds, SESSION_IDS } from "./handoff/affinity.ts";
import {
  type Acceptor,
  countAsOwn,
  descriptorOf,
  direct,
  fed,
  feederOf,
  type Place,
  takerOf,
} from "./listening/acceptors.ts";
import { addressOf } from "./listening/address.ts";
import { type Facade, putFacade } from "./listening/facade.ts";
import { canKeep, keepSockets } from "./listening/held_sockets.ts";
import { createParkable, type ParkPlace } from "./listening/park.ts";
import {
  arrivalOf,
  countAccepted,
  limitOf,
  stopWhileFull,
  takeExcess,
} from "./listening/limit.ts";
import { inheritedPlace } from "./listening/place.ts";
import {
  createNetAdoption,
  type NetAdoption,
} from "./listening/net_adoption.ts";
import { type Attachment, presentCore } from "./process/worker_core.ts";
import { mustBeFed, type ServerKind } from "./process/server_kind.ts";

/** What a server of the program does with listeners. */
export interface Serving {
  /** True once the program has closed the server. */
  readonly closed: boolean;
  /** Looks as if it listened, but does not say so yet. */
  expect(): void;
  /** Takes that back. */
  abandon(): void;
  /**
   * Says that it listens and shows the address of a listener, but accepts
   * nothing until {@linkcode Serving.serve} is called.
   */
  hold(listener: InheritedListener): Promise<void>;
  /** Accepts on a listener, or on one more; resolves once it does. */
  serve(listener: InheritedListener): Promise<Attachment>;
  /** Accepts at an address that this process binds by itself. */
  bind(place: Place): Promise<Attachment>;
  /**
   * Accepts on a listener no more, whose connections live on. False when its
   * socket would be closed with that.
   */
  cede(listener: InheritedListener): boolean;
}

/** Who hears of it. */
export interface ServingEvents {
  /**
   * The program closes the server: its listeners are free, at once.
   *
   * @param spent true when their sockets were closed and cannot be had again
   */
  left(spent: boolean): void;
  /** The server has ended and may be told to listen again. */
  ended(): void;
}

/** Where a server accepts. */
interface Served extends ParkPlace {
  readonly address: () => ReturnType<Server["address"]>;
  readonly shards: Map<number, Acceptor>;
  readonly balance: ServerBalance | undefined;
  readonly adoption: NetAdoption | undefined;
  /** What has it stop while the server is full. */
  readonly limited: Disposable[];
}

/**
 * Makes the serving of a server that takes an inherited socket, or is fed. From
 * the first call on the server shows an address, and its `close()` cuts nothing.
 *
 * @param several true for one that may come to serve several listeners: it does
 * not accept by itself then
 */
export function createServing(
  server: Server,
  kind: ServerKind,
  several: boolean,
  { left, ended }: ServingEvents,
): Serving {
  const core = presentCore();
  const { connections, filterOf } = trackServer(server, kind);
  const limit = limitOf(server);
  const places = new Map<string, Served>();
  const balances = new Set<ServerBalance>();
  const parkable = createParkable(
    () => open ? places.values() : [],
    connections,
  );
  let shown = (): ReturnType<Server["address"]> => null;
  let facade: Facade | undefined;
  let said = false;
  let open = true;
  let closed = false;

  /** Stops; false when sockets are gone with it though they are to be kept. */
  const stop = (
    { listener, balance, adoption, shards, limited, switches }: Served,
    keeps: boolean,
  ): boolean => {
    // First: while it does not accept, a descriptor may stand for another file.
    balance?.stop();
    adoption?.end();
    for (const each of switches.values()) each.end();
    switches.clear();
    for (const each of limited.splice(0)) each[Symbol.dispose]();
    const kept = !keeps || listener === undefined ||
      keepSockets(listener, shards.keys());
    for (const acceptor of shards.values()) acceptor.close();
    shards.clear();
    return kept;
  };
  const stopAll = (keeps: boolean): boolean => {
    if (!open) return true;
    open = false;
    const kept = [...places.values()].map((each) => stop(each, keeps));
    limit.release();
    return kept.every(Boolean);
  };
  const drain = (idle: number, window: number): Promise<void> => {
    stopAll(false);
    const drained = connections.drain(idle, window);
    void drained.then(() => {
      for (const balance of balances) balance.end();
    });
    return drained;
  };
  const close = (): Promise<void> => {
    closed = true;
    // In the drain the worker listens nowhere again.
    const kept = stopAll(core?.worker.draining.aborted !== true);
    const drained = drain(IDLE_MS, Infinity);
    left(!kept);
    return drained;
  };
  /** Shows an address unless it shows one; returns what takes that back. */
  const show = (isFed: boolean, address: typeof shown): () => void => {
    if (places.size === 0) shown = address;
    if (facade !== undefined) return () => {};
    facade = putFacade(server, {
      fed: isFed,
      address: () => shown(),
      close,
      draining: () => !open || parkable.parked,
      closed() {
        for (const { listener } of places.values()) {
          if (listener?.mode === "handoff") core?.room(listener.name, Infinity);
        }
        ended();
      },
    });
    return hide;
  };
  const hide = (): void => {
    facade?.hide();
    facade = undefined;
  };
  /** Says once that it listens. */
  const say = (): void => {
    if (!said && open) facade?.show();
    said = true;
  };
  const begin = (
    { listener, balance, limited }: Served,
    acceptor: Server,
    shard: number,
    serve: (socket: Socket) => void,
  ): void => {
    if (balance === undefined || listener?.mode === "sharded") {
      takeExcess(limit, acceptor, serve);
    }
    balance?.begin(acceptor, acceptor === server);
    const socket = listener?.fds[shard] ?? descriptorOf(acceptor);
    if (socket !== undefined) limited.push(stopWhileFull(limit, socket));
  };
  const feedFrom = async (
    place: Served,
    at: Place,
    shard: number,
    serve: (socket: Socket) => void,
    filter?: Filter,
  ): Promise<void> => {
    const acceptor = fed(server, kind, at, limit, filter);
    // At once: what closes the server closes it, and keeps its socket.
    place.shards.set(shard, acceptor);
    await acceptor.started.catch((error: unknown): never => {
      place.shards.delete(shard);
      throw error;
    });
    if (place.shards.get(shard) !== acceptor) return acceptor.close();
    begin(place, acceptor.server, shard, serve);
  };
  // A server never says that it listens within the call of its listen().
  const nextTick = (): Promise<void> =>
    new Promise((resolve) => process.nextTick(resolve));

  return {
    get closed() {
      return closed;
    },
    expect() {
      if (facade === undefined) show(true, () => null);
    },
    abandon: hide,
    async hold(listener) {
      show(true, () => addressOf(listener));
      await nextTick();
      say();
    },
    async serve(listener) {
      const filter = filterOf(listener);
      const handed = listener.mode === "handoff";
      const balanced = listener.mode === "balanced";
      const isFed = handed || filter !== undefined || mustBeFed(kind) ||
        several || facade !== undefined;
      if (!isFed) countAccepted(limit, server);
      const isHanded = handed || balanced;
      let taker = isHanded ? takerOf(server, kind, filter) : undefined;
      // One that listens itself counts a connection when it is shown it.
      const serve = (socket: Socket): void => {
        if (isFed) limit.count(socket);
        else countAsOwn(server, socket);
        taker ??= takerOf(server, kind, filter);
        taker(socket);
      };
      const counts = balances.size === 0;
      const counted = core?.balancer && isCounted(listener, core.balancer);
      const balance = core !== undefined && counted === true
        ? balanceNetServer(core, {
          listener,
          // Once for all of its listeners.
          open: () => counts ? connections.count : 0,
          take: serve,
          limit,
        })
        : undefined;
      if (balance !== undefined) {
        balances.add(balance);
        const { rebalance } = core!.balancer!;
        if (rebalance !== undefined) connections.rebalance?.(rebalance);
      }
      if (handed && listener.sticky === SESSION_IDS) {
        const learned = (id: string) => void core?.worker.stick(id);
        learnSessionIds(server as HttpServer, learned);
      }
      const address = (): ReturnType<Server["address"]> => addressOf(listener);
      const shards = new Map<number, Acceptor>();
      const adoption = listener.mode === "sharded"
        ? createNetAdoption(
          listener,
          // Async, so that what is no shard is a rejection.
          async (shard) => {
            const at = inheritedPlace(listener, shard);
            await feedFrom(place, at, shard, serve, filter);
          },
          () => open,
        )
        : undefined;
      const place: Served = {
        address,
        listener,
        shards,
        balance,
        adoption,
        limited: [],
        switches: new Map(),
      };
      const { shard } = listener;
      const undo = show(isFed, address);
      places.set(listener.name, place);
      try {
        if (!isFed) {
          const acceptor = direct(server, inheritedPlace(listener, shard));
          place.shards.set(shard, acceptor);
          await acceptor.started;
          if (open) begin(place, server, shard, serve);
        } else if (!handed) {
          const at = inheritedPlace(listener, shard);
          await feedFrom(place, at, shard, serve, filter);
        } else {
          const tell = (): void => core?.room(listener.name, limit.room);
          place.limited.push(limit.watch(tell));
          tell();
          await nextTick();
        }
      } catch (error) {
        places.delete(listener.name);
        undo();
        balance?.end();
        throw error;
      }
      if (isFed) say();
      return {
        raw: kind === "net",
        http: kind === "http",
        drain,
        parkable,
        ...(isHanded && {
          take(socket: Socket): void {
            if (open) limit.admit(arrivalOf(socket, serve));
            else serve(socket);
            parkable.late();
          },
        }),
        ...(balance !== undefined && {
          defer: (handle: AcceptedHandle) => open && balance.defer(handle),
        }),
        ...(adoption !== undefined && {
          adopt: adoption.adopt,
          release: adoption.release,
        }),
      };
    },
    async bind(at) {
      const shards = new Map<number, Acceptor>();
      const address = (): ReturnType<Server["address"]> =>
        shards.get(0)?.address() ?? null;
      const place: Served = {
        address,
        listener: undefined,
        shards,
        balance: undefined,
        adoption: undefined,
        limited: [],
        switches: new Map(),
      };
      const undo = show(true, address);
      places.set("", place);
      try {
        await feedFrom(place, at, 0, feederOf(server));
      } catch (error) {
        places.delete("");
        undo();
        throw error;
      }
      say();
      return { raw: kind === "net", drain, parkable };
    },
    cede({ name }) {
      const place = places.get(name);
      if (place === undefined) return true;
      if (place.shards.size > 0 && !canKeep()) return false;
      stop(place, true);
      places.delete(name);
      const [next] = places.values();
      shown = next?.address ?? shown;
      return true;
    },
  };
}
