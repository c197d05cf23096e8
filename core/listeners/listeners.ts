/**
 * The sockets of a pool: opened before the first worker, closed after the last.
 *
 * @module
 */

import type { Adapter, HeldSocket, ShareMode } from "../adapter.ts";
import {
  type Address,
  formatAddress,
  hasPort,
  isAnyPort,
  type ListenerSpec,
} from "../options/address.ts";
import { codeOf, PreforkError } from "../errors.ts";
import {
  featuresOf,
  type ListenerFeatures,
} from "../options/listener_features.ts";
import { chooseShareMode } from "../options/share_mode.ts";

/** A listener whose sockets are bound. */
export interface Listener extends ListenerFeatures {
  /** The address that was asked for, as text: where its successor finds it. */
  readonly asked: string;
  /** Its name. */
  readonly name: string;
  /** Its real address, as text. */
  readonly address: string;
  /** How it is shared. */
  readonly mode: ShareMode;
  /** Why it is shared so. */
  readonly reason: string;
  /** The length of its accept queue. */
  readonly backlog: number;
  /** True when IPv4 is left out. */
  readonly ipv6Only: boolean;
  /** True where workers expect it to listen; they call listen(2) elsewhere. */
  readonly listens: boolean;
  /** True where accept(2) on it waits: the supervisor never accepts then. */
  readonly blocks?: boolean;
  /**
   * `balanced`, `shared` and `handoff`: one. `sharded`: one per slot there can
   * be. `reuseport`: one that only keeps the address for this pool.
   */
  readonly sockets: readonly HeldSocket[];
  /** In `sharded` and `reuseport`: what keeps others from the address. */
  readonly claim?: HeldSocket;
  /**
   * In `sharded`: the descriptor of the map of its sockets that a predecessor has
   * steered by.
   */
  readonly map?: number;
  /**
   * True for a socket that this pool was started with: others may have it too,
   * so it is never shut down (shutdown(2)).
   */
  readonly inherited?: boolean;
}

/** What {@linkcode openListeners} needs. */
export interface ListenersPlan {
  /** What the user asked for. */
  readonly specs: readonly ListenerSpec[];
  /** The share mode for listeners that do not say their own. */
  readonly share: ShareMode | "auto";
  /** How many shards a sharded listener gets. */
  readonly shards: number;
  /** True when some workers are commands, which may expect to find it listening. */
  readonly foreign: boolean;
  /** True when those are programs in other languages. */
  readonly deaf: boolean;
  /** True where accept(2) is to wait, as programs in other languages expect. */
  readonly blocks: boolean;
  /** See {@linkcode chooseShareMode}. */
  readonly steers?: true | string | undefined;
  /** What a predecessor hands over. */
  readonly heritage?: {
    /** The sockets for a listener, or undefined where they are not there. */
    take(plan: SocketsPlan): Promise<Sockets | undefined>;
    /** How it is shared until now. */
    modeOf(spec: ListenerSpec): ShareMode | undefined;
  } | undefined;
}

/**
 * Binds every listener; when one fails, those before it are closed again.
 *
 * @throws {PreforkError} `ERR_SHARE_MODE` or `ERR_BIND`
 */
export async function openListeners(
  { specs, share, shards, foreign, deaf, blocks, heritage, ...wish }:
    ListenersPlan,
  adapter: Adapter,
): Promise<readonly Listener[]> {
  const choices = specs.map((spec) =>
    chooseShareMode({
      wanted: (spec.share as ShareMode | "auto" | undefined) ?? share,
      address: spec.address,
      capabilities: adapter.capabilities,
      foreign,
      deaf,
      passed: spec.passed !== undefined,
      ...wish,
      before: heritage?.modeOf(spec),
    })
  );
  const opened: Listener[] = [];
  try {
    for (const [i, spec] of specs.entries()) {
      const { mode, reason } = choices[i]!;
      const plan = { spec, mode, shards, listen: foreign, blocks };
      const { sockets, claim, map, inherited } = await heritage?.take(plan) ??
        await bindAll(plan, adapter);
      const address = formatAddress(sockets[0]!.address);
      opened.push({
        asked: spec.asked ?? formatAddress(spec.address),
        name: nameOf(spec, address),
        address,
        mode,
        reason: spec.origin === undefined
          ? reason
          : `${spec.origin}; ${reason}`,
        backlog: spec.backlog,
        ipv6Only: spec.ipv6Only,
        listens: foreign,
        ...(blocks && { blocks }),
        ...featuresOf(spec),
        ...(isAnyPort(spec.address) && { anyPort: true }),
        sockets,
        ...(claim !== undefined && { claim }),
        ...(map !== undefined && { map }),
        ...(inherited && { inherited }),
      });
    }
  } catch (error) {
    closeListeners(opened);
    throw error;
  }
  return opened;
}

/** What nobody has named bears its address, which may be known only now. */
function nameOf({ name, address }: ListenerSpec, real: string): string {
  const isKnown = hasPort(address) && address.port !== 0;
  return isKnown || name !== formatAddress(address) ? name : real;
}

/** Closes every socket of every listener. */
export function closeListeners(listeners: readonly Listener[]): void {
  for (const socket of listeners.flatMap(allSockets)) socket.close();
}

/** Leaves every socket of every listener to another process. */
export function abandonListeners(listeners: readonly Listener[]): void {
  for (const socket of listeners.flatMap(allSockets)) socket.abandon();
}

/** The sockets of a listener, and what keeps its address. */
export function allSockets(
  { sockets, claim }: Sockets,
): readonly HeldSocket[] {
  return claim === undefined ? sockets : [...sockets, claim];
}

/** The sockets of one listener. */
export type Sockets = Pick<
  Listener,
  "sockets" | "claim" | "map" | "inherited"
>;

/** Which sockets a listener is to have. */
export interface SocketsPlan {
  /** What the user asked for. */
  readonly spec: ListenerSpec;
  /** How it is shared. */
  readonly mode: ShareMode;
  /** How many shards there can be. */
  readonly shards: number;
  /** True to call listen(2) too. */
  readonly listen: boolean;
  /** True where accept(2) is to wait. */
  readonly blocks: boolean;
}

async function bindAll(
  { spec, mode, shards, listen, blocks }: SocketsPlan,
  adapter: Adapter,
): Promise<Sockets> {
  const passed = spec.passed === undefined ? {} : {
    inherited: { fd: spec.passed },
  };
  const bind = (address: Address, reusePort: boolean) =>
    adapter.bind({ ...spec, ...passed, address, reusePort, listen, blocks });
  if (mode !== "sharded" && mode !== "reuseport") {
    const inherited = spec.address.kind === "fd" || spec.passed !== undefined;
    return { sockets: [await bind(spec.address, false)], inherited };
  }
  const { kind } = spec.address;
  const sockets: HeldSocket[] = [];
  let claim: HeldSocket | undefined;
  try {
    // The kernel lets several pools of one user bind the same address with
    // SO_REUSEPORT and would split the traffic among them in silence. Without
    // the option it refuses where somebody listens, so an ordinary socket goes
    // first; a pool that does not listen yet is told by its claim. A free port
    // of TCP is nobody else's from the start, and would be a moment later.
    const isFree = kind === "tcp" && isAnyPort(spec.address);
    const first = await bind(spec.address, isFree);
    if (isFree) sockets.push(first);
    else first.close();
    // One of UDP is seen as soon as it is bound.
    if (kind !== "udp") claim = await claimed(first.address, adapter);
    while (sockets.length < (mode === "sharded" ? shards : 1)) {
      sockets.push(await bind(first.address, true));
    }
  } catch (error) {
    for (const socket of sockets) socket.close();
    claim?.close();
    throw error;
  }
  return { sockets, ...(claim !== undefined && { claim }) };
}

/**
 * Takes an abstract Unix socket (unix(7)) named after the address: the kernel
 * gives a name to one process only, and takes it back when that is gone.
 */
export async function claimed(
  address: Address,
  adapter: Adapter,
): Promise<HeldSocket | undefined> {
  const { host, capabilities } = adapter;
  // Without inherited sockets there is no means to hold one either.
  if (host.platform !== "linux" || capabilities.share.shared !== true) {
    return undefined;
  }
  const name = formatAddress(address);
  try {
    return await adapter.bind({
      address: { kind: "unix", path: `prefork ${name}`, abstract: true },
      backlog: 1,
      ipv6Only: false,
      reusePort: false,
      listen: false,
    });
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    if (codeOf(cause) !== "EADDRINUSE") throw error;
    throw new PreforkError(
      "ERR_BIND",
      `Cannot bind "${name}": another pool has it and is about to listen, stop that or choose another port`,
      error,
    );
  }
}
