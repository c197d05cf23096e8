/**
 * Listeners that workers ask for while they run: each address is opened once,
 * accepted on here, and its connections go to the workers that asked for it.
 *
 * @module
 */

import type { HeldSocket } from "../adapter.ts";
import {
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../options/address.ts";
import { codeOf, PreforkError } from "../errors.ts";
import { abandonListeners, type Listener } from "./listeners.ts";
import { mendPaths } from "./path_watch.ts";
import { MAX_OPEN, OPEN_PER_SECOND, openProblem } from "./permission.ts";
import { Rate } from "../rate.ts";
import { type FromWorker, reasonOf, type ToWorker } from "../protocol.ts";
import type { PoolContext } from "../context.ts";
import type { PoolWorker } from "../worker.ts";

/** The listeners that workers asked for. */
export interface OnDemand {
  /** Those that are open. They outlive the workers that asked, for a time. */
  readonly listeners: readonly Listener[];
  /** Opens what a worker asks for, unless that is open, and answers. */
  open(worker: PoolWorker, request: OpenMessage): void;
  /**
   * A worker serves a listener no more: without another one that does it is
   * closed, as the program has asked. False for one that is not on demand.
   */
  leave(worker: PoolWorker, name: string): boolean;
  /** A worker is gone: what nobody asks for any more is closed in the end. */
  lose(worker: PoolWorker): void;
  /** Keeps them without any worker, or no longer than usual any more. */
  keep(on: boolean): void;
  /** Closes them; nothing is opened from now on. */
  close(): void;
  /** The same, where a successor has the sockets: nothing in a queue is lost. */
  abandon(): void;
}

/** What a worker asks. */
export type OpenMessage = Extract<FromWorker, { type: "open" }>;

interface OpenAddress {
  readonly key: string;
  readonly listener: Listener;
  readonly accepting: Disposable;
  /** The workers that serve it. */
  readonly holders: Set<PoolWorker>;
  /** Runs while nobody does. */
  unused: Disposable | undefined;
}

/**
 * How long an address stays open that no worker serves, in ms: longer than the
 * longest wait before a worker that crashed has a successor.
 */
export const UNUSED_MS = 60_000;

/** Makes the keeper of such listeners; nothing is open yet. */
export function createOnDemand(
  { adapter, config, traffic: { dispatcher }, heritage, post, emit }: Pick<
    PoolContext,
    "adapter" | "config" | "traffic" | "heritage" | "post" | "emit"
  >,
): OnDemand {
  // By address, and by number for those at port 0. A failure is forgotten: the
  // address may be free when the next worker asks.
  const entries = new Map<
    string,
    { readonly slot: number; readonly opening: Promise<OpenAddress> }
  >();
  const rates = new Map<number, Rate>();
  const present = new Set<OpenAddress>();
  let closed = false;
  let kept = false;

  const shut = (entry: OpenAddress): void => {
    const { accepting, listener, unused } = entry;
    present.delete(entry);
    entries.delete(entry.key);
    unused?.[Symbol.dispose]();
    accepting[Symbol.dispose]();
    for (const socket of listener.sockets) socket.close();
    dispatcher.drop(listener.name);
  };
  const watch = (entry: OpenAddress): void => {
    if (kept) return;
    entry.unused ??= adapter.clock.after(UNUSED_MS, () =>
      post(() => {
        const { address } = entry.listener;
        shut(entry);
        const message = `closed "${address}", which no worker has served for ${
          UNUSED_MS / 1000
        } s`;
        emit({ type: "warning", message });
      }));
  };

  const bind = async (
    key: string,
    spec: ListenerSpec,
  ): Promise<OpenAddress> => {
    const { backlog, ipv6Only } = spec;
    const name = formatAddress(spec.address);
    const capable = adapter.capabilities.share.handoff;
    if (capable !== true) {
      throw new PreforkError(
        "ERR_SHARE_MODE",
        `Cannot open "${name}" for a worker: ${capable.reason}, name the address in the command as in "-l ${name}"`,
      );
    }
    const socket: HeldSocket = heritage?.takeOpened(key) ??
      await adapter.bind({ ...spec, reusePort: false, listen: false });
    if (closed) {
      socket.close();
      throw new PreforkError(
        "ERR_STATE",
        `Cannot open "${name}" for a worker: the pool is stopping`,
      );
    }
    const address = formatAddress(socket.address);
    const reason = "opened for a worker";
    const entry: OpenAddress = {
      key,
      holders: new Set(),
      unused: undefined,
      listener: {
        asked: key,
        name: address,
        address,
        mode: "handoff",
        reason,
        backlog,
        ipv6Only,
        listens: false,
        sockets: [socket],
      },
      accepting: adapter.accept(
        socket,
        backlog,
        (connection) => dispatcher.offer(address, connection),
      ),
    };
    present.add(entry);
    emit({
      type: "listening",
      name: address,
      address,
      share: "handoff",
      reason,
    });
    return entry;
  };

  /** Room for one more address of a slot, by closing one that is not used. */
  const hasRoom = (slot: number): boolean => {
    const rate = rates.get(slot) ??
      new Rate(adapter.clock, MAX_OPEN, OPEN_PER_SECOND);
    rates.set(slot, rate);
    if (!rate.take()) return false;
    const own = [...entries.values()].filter((each) => each.slot === slot);
    if (own.length < MAX_OPEN) return true;
    const unused = [...present].find(({ key, unused }) =>
      unused !== undefined && entries.get(key)?.slot === slot
    );
    if (unused !== undefined) shut(unused);
    return unused !== undefined;
  };

  const find = async (
    worker: PoolWorker,
    { address, nth }: OpenMessage,
  ): Promise<OpenAddress> => {
    const spec = parseOpen(address);
    const { slot, runtime, attachedPid, process: { pid } } = worker;
    const pids = attachedPid === undefined ? [pid] : [pid, attachedPid];
    const problem = openProblem(spec, { runtime, pids }, config, adapter.host);
    if (problem !== undefined) throw refused(address, "EACCES", problem);
    const several = spec.address.kind === "tcp" && spec.address.port === 0;
    const key = `${formatAddress(spec.address)} ${several ? nth : 0}`;
    const known = entries.get(key);
    if (known !== undefined) return await known.opening;
    if (!hasRoom(slot)) {
      throw refused(
        address,
        "EMFILE",
        `slot ${slot} has had ${MAX_OPEN} opened, which is the most, or more than ${OPEN_PER_SECOND} in a second: close some, or name them in the command as in "-l ${address}"`,
      );
    }
    const opening = bind(key, spec);
    entries.set(key, { slot, opening });
    opening.catch(() => entries.delete(key));
    return await opening;
  };

  const onDemand: OnDemand = {
    get listeners() {
      return [...present].map(({ listener }) => listener);
    },
    open(worker, request) {
      const { id } = request;
      const welcome = (entry: OpenAddress): void => {
        const { name, address } = entry.listener;
        // The last worker that served it may have left it meanwhile.
        if (!closed && !present.has(entry)) {
          return onDemand.open(worker, request);
        }
        if (worker.state === "gone") return watch(entry);
        entry.unused?.[Symbol.dispose]();
        entry.unused = undefined;
        entry.holders.add(worker);
        // It has removed what it took for the path of a predecessor.
        mendPaths([entry.listener], emit);
        worker.opened.set(name, (worker.opened.get(name) ?? 0) + 1);
        worker.tell({ type: "opened", id, name, address });
        // One that is not ready yet joins when it is.
        if (worker.state === "ready") dispatcher.join(worker);
      };
      find(worker, request).then(
        (entry) => post(() => welcome(entry)),
        (error) => post(() => void worker.tell(refusal(id, error))),
      );
    },
    leave(worker, name) {
      const servers = worker.opened.get(name);
      if (servers === undefined) return false;
      if (servers > 1) {
        worker.opened.set(name, servers - 1);
        return true;
      }
      worker.opened.delete(name);
      for (const entry of [...present]) {
        if (entry.listener.name !== name) continue;
        entry.holders.delete(worker);
        if (entry.holders.size === 0 && !kept) shut(entry);
      }
      return true;
    },
    lose(worker) {
      for (const entry of present) {
        if (entry.holders.delete(worker) && entry.holders.size === 0) {
          watch(entry);
        }
      }
    },
    keep(on) {
      kept = on;
      for (const entry of present) {
        entry.unused?.[Symbol.dispose]();
        entry.unused = undefined;
        if (entry.holders.size === 0) watch(entry);
      }
    },
    close() {
      closed = true;
      for (const entry of present) shut(entry);
    },
    abandon() {
      closed = true;
      for (const { listener, unused } of present) {
        unused?.[Symbol.dispose]();
        // What was accepted is given away still, so no server is told to stop.
        abandonListeners([listener]);
      }
      present.clear();
      entries.clear();
    },
  };
  return onDemand;
}

/**
 * Reads the address that a worker asks for.
 *
 * @throws {PreforkError} `ERR_BIND` for a file descriptor, and for what a worker
 * may not set
 * @throws {TypeError | RangeError} for what is no address
 */
function parseOpen(text: string): ListenerSpec {
  const spec = parseListener(text);
  const { name, address, backlog: _b, ipv6Only: _i, ...settings } = spec;
  const isOwn = name !== formatAddress(address) ||
    Object.keys(settings).length > 0;
  const isOpened = address.kind === "tcp" || address.kind === "unix";
  if (isOpened && !isOwn) return spec;
  throw refused(
    text,
    "EACCES",
    address.kind === "udp"
      ? `datagrams are none that are passed on, name it in the command as in "-l ${text}"`
      : isOwn
      ? "a worker can set backlog and ipv6Only, and nothing else"
      : "a file descriptor of the supervisor is none of its own",
  );
}

/** Why an address is not opened; the code is one that programs know. */
export function refused(text: string, code: string, why: string): PreforkError {
  return new PreforkError(
    "ERR_BIND",
    `Cannot open "${text}" for a worker: ${why}`,
    Object.assign(new Error(why), { code }),
  );
}

/** The answer to a worker whose address cannot be opened. */
export function refusal(id: number, error: unknown): ToWorker {
  const reason = reasonOf(error);
  // The system's code, which the program knows how to take, or our own.
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  const code = codeOf(cause) ?? codeOf(error) ?? "ERR_BIND";
  return { type: "refused", id, code, reason };
}
