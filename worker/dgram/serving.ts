/**
 * A socket of `node:dgram` that receives on a listener of the pool, as the pool
 * sees it: it is held back, parked, drained, and takes shards over.
 *
 * @module
 */

import dgram from "node:dgram";
import { parseListener } from "../../core/options/address.ts";
import { dgramKind } from "../../core/options/dgram.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { codeOf } from "../../core/errors.ts";
import { dgramType, type Receiving } from "../../handles/dgram.ts";
import { reserve, starting } from "../listening/reservation.ts";
import { bypass } from "../process/bypass.ts";
import { cannot } from "../process/errors.ts";
import type { Attachment, Core } from "../process/worker_core.ts";
import { bindToShard } from "./bind.ts";
import { type Activity, activityOf } from "./idle.ts";

/** How a socket is put on a listener. */
export interface PutOptions {
  /** False where the program says itself that it is ready. */
  readonly ready?: boolean;
  /** What is to be over before the worker may leave, besides answers. */
  readonly pending?: ReadonlySet<Promise<unknown>>;
}

/**
 * Puts it there; resolves when it says that it listens. In a standby nothing is
 * read before it takes over.
 *
 * @throws {PreforkError} why it cannot, which the supervisor was told as well
 */
export async function putDatagramSocket(
  core: Core,
  socket: dgram.Socket,
  listener: InheritedListener,
  { ready = true, pending }: PutOptions = {},
): Promise<void> {
  const reservation = reserve(core, listener);
  const fail = (error: unknown): never => {
    throw reservation.fail(error);
  };
  shareSocket(socket);
  const activity = activityOf(socket, core, pending);
  // A standby has no shard of its own yet; from any it sends as from another.
  const first = listener.fds[listener.shard] === undefined ? 0 : listener.shard;
  const begin = async (): Promise<Receiving> => {
    checkKind(socket, listener);
    const held = core.standby;
    return await bindToShard(socket, listener, first, held);
  };
  const own = await starting(core, begin()).catch(fail);
  const shards = createShards(socket, listener, new Map([[first, own]]));
  const attachment = attachmentOf(listener, shards, activity);
  let open = true;
  socket.once("close", () => {
    open = false;
    shards.close();
    core.left(listener.name);
    core.detach(attachment);
  });
  const accept = async (): Promise<void> => {
    if (!open) return;
    // It is another slot's by now, and that has another shard.
    await shards.read(listener.shard).catch(fail);
    reservation.serve(attachment, ready);
  };
  if (core.standby) {
    shards.leave(first);
    reservation.hold(accept, { ready });
  } else await accept();
}

/** What the pool does with it. */
function attachmentOf(
  listener: InheritedListener,
  shards: Shards,
  activity: Activity,
): Attachment {
  return {
    async drain(idle, window) {
      shards.end();
      await activity.quiet(idle, window, () => false);
    },
    parkable: {
      pause: () => shards.pause(true),
      finish: (idle, window) =>
        activity.quiet(idle, window, () => !shards.paused),
      resume: () => shards.pause(false),
    },
    ...(listener.mode === "sharded" && {
      adopt: (shard: number) => shards.read(shard),
      release(shard: number): void {
        if (shard !== listener.shard) shards.leave(shard);
      },
    }),
  };
}

/** The sockets of the pool on which a socket of the program receives. */
interface Shards {
  /** True while it reads none of them. */
  readonly paused: boolean;
  /** Reads none of them, or goes on. */
  pause(on: boolean): void;
  /** Reads one more. */
  read(shard: number): Promise<void>;
  /** Reads one less, which may come back. */
  leave(shard: number): void;
  /** Reads none any more. */
  end(): void;
  /** The program has closed its socket. */
  close(): void;
}

function createShards(
  socket: dgram.Socket,
  listener: InheritedListener,
  known: Map<number, Receiving>,
): Shards {
  const wanted = new Set(known.keys());
  const opening = new Map<number, Promise<void>>();
  const helpers: dgram.Socket[] = [];
  let open = true;
  let paused = false;
  let closed = false;
  const update = (shard: number): void => {
    const receiving = known.get(shard);
    if (open && !paused && wanted.has(shard)) receiving?.resume();
    else receiving?.pause();
  };
  const updateAll = (): void => {
    for (const shard of known.keys()) update(shard);
  };
  /**
   * What comes there is the program's socket's, and so are the answers: all
   * shards have one address.
   */
  const add = async (shard: number): Promise<void> => {
    const helper = dgram.createSocket(kindOf(listener));
    helper.on("message", (bytes, peer) => {
      socket.emit("message", bytes, peer);
    });
    helper.on("error", (error) => socket.emit("error", error));
    const receiving = await bindToShard(helper, listener, shard, true);
    if (closed) return bypass(() => void helper.close());
    helpers.push(helper);
    known.set(shard, receiving);
    update(shard);
  };
  const end = (): void => {
    open = false;
    updateAll();
  };
  return {
    get paused() {
      return paused;
    },
    pause(on) {
      paused = on;
      updateAll();
    },
    async read(shard) {
      wanted.add(shard);
      if (known.has(shard)) return update(shard);
      // It may be given back, and come again, before that is done.
      const begun = opening.get(shard) ?? add(shard);
      opening.set(shard, begun);
      await begun.finally(() => opening.delete(shard));
    },
    leave(shard) {
      wanted.delete(shard);
      update(shard);
    },
    end,
    close() {
      end();
      closed = true;
      for (const helper of helpers) bypass(() => helper.close());
    },
  };
}

/** The kind of socket that a listener wants. */
export function kindOf({ address }: InheritedListener): "udp4" | "udp6" {
  const { address: where } = parseListener(address);
  return where.kind === "udp" ? dgramKind(where) : "udp4";
}

/** The other kind could not answer: its addresses are of the other family. */
function checkKind(socket: dgram.Socket, listener: InheritedListener): void {
  const wanted = kindOf(listener);
  const type = dgramType(socket);
  if (type === undefined || type === wanted) return;
  throw cannot(
    `receive datagrams on "${listener.name}"`,
    `it is ${
      wanted === "udp4" ? "IPv4" : "IPv6"
    } and the program's socket is ${type}`,
    `give the pool an address as in "-l ${
      wanted === "udp4" ? "udp://[::]" : "udp://0.0.0.0"
    }:5353", or create the socket as ${wanted}`,
  );
}

/**
 * All workers have one socket: what one of them sets for good would be so for
 * all of them.
 */
function shareSocket(socket: dgram.Socket): void {
  const { addMembership } = socket;
  socket.addMembership = (...args) => {
    try {
      return addMembership.apply(socket, args);
    } catch (error) {
      // Another worker has joined the group with the same socket.
      if (codeOf(error) !== "EADDRINUSE") throw error;
    }
  };
  // The others go on receiving.
  socket.dropMembership = () => {};
  socket.connect = () => {
    throw cannot(
      "connect the pool's socket",
      "all workers receive on it, and from then on only from that one peer",
      "create another socket for it",
    );
  };
}
