/**
 * The sockets that a supervisor has from the one that it succeeds: each goes to
 * the listener that asks for the same address, and none is closed for good
 * before all of them are its own.
 *
 * @module
 */

import type { Adapter, HeldSocket, ShareMode } from "../adapter.ts";
import { codeOf, PreforkError } from "../errors.ts";
import {
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../options/address.ts";
import type { HandedListener, Handover } from "./handover.ts";
import { claimed, type Sockets, type SocketsPlan } from "./listeners.ts";

/** How long is waited for an address to be free, and how often it is tried. */
const RENOUNCE_MS = 2_000;
const RENOUNCE_EVERY_MS = 50;

/** A listener whose sockets are held here by now. */
interface Kept extends Sockets {
  readonly handed: HandedListener;
}

/** What a supervisor has from its predecessor. */
export class Heritage {
  /** What was handed over. */
  readonly handover: Handover;
  /**
   * True once no other process has its sockets. Until then their paths are not
   * removed.
   */
  isAlone = false;
  /** Called when the sockets of a listener are not wanted as they are. */
  onRenounced: (handed: HandedListener) => void = () => {};
  readonly #adapter: Adapter;
  readonly #listeners: Kept[];
  readonly #opened: Kept[];
  readonly #monitors: Kept[];

  private constructor(
    handover: Handover,
    adapter: Adapter,
    listeners: readonly Kept[],
    opened: readonly Kept[],
    monitors: readonly Kept[],
  ) {
    this.handover = handover;
    this.#adapter = adapter;
    this.#listeners = [...listeners];
    this.#opened = [...opened];
    this.#monitors = [...monitors];
  }

  /**
   * Takes all sockets over, so that no child of this process gets one by
   * accident. Where one is not there, none stays open: connections that wait are
   * those of whoever has the others too.
   *
   * @param alone true where no other process has them
   * @throws {PreforkError} `ERR_BIND` when one of them is not there
   */
  static async receive(
    handover: Handover,
    adapter: Adapter,
    alone = false,
  ): Promise<Heritage> {
    const isAlone = (): boolean => made.isAlone;
    const taken: HeldSocket[] = [];
    const problems: unknown[] = [];
    const keep = async (handed: HandedListener): Promise<Kept> => {
      const { address: text, backlog, ipv6Only, file, fds, claim, blocks } =
        handed;
      const { address } = parseListener(text);
      const hold = async (fd: number, path = file): Promise<HeldSocket[]> => {
        const socket = await adapter.bind({
          inherited: { fd, ...(path !== undefined && { file: path }) },
          address,
          backlog,
          ipv6Only,
          reusePort: false,
          listen: false,
          ...(blocks && { blocks }),
        }).catch((error) => void problems.push(error));
        if (socket === undefined) return [];
        taken.push(socket);
        const close = (): void => isAlone() ? socket.close() : socket.abandon();
        return [{
          ...socket,
          get fd() {
            return socket.fd;
          },
          close,
        }];
      };
      const sockets: HeldSocket[] = [];
      for (const fd of fds) sockets.push(...await hold(fd));
      const [held] = claim === undefined ? [] : await hold(claim);
      return { handed, sockets, ...(held !== undefined && { claim: held }) };
    };
    const all = async (handed: readonly HandedListener[]): Promise<Kept[]> => {
      const kept: Kept[] = [];
      for (const each of handed) kept.push(await keep(each));
      return kept;
    };
    const listeners = await all(handover.listeners);
    const opened = await all(handover.opened);
    const monitors = await all(handover.monitors ?? []);
    if (problems.length > 0) {
      for (const socket of taken) socket.abandon();
      throw problems[0];
    }
    const made = new Heritage(handover, adapter, listeners, opened, monitors);
    made.isAlone = alone;
    return made;
  }

  /** What the listeners of the pool are, as they are handed over. */
  get handed(): readonly HandedListener[] {
    return this.#listeners.map(({ handed }) => handed);
  }

  /** Where the pool listens, for one that is not told: where it did before. */
  get specs(): readonly ListenerSpec[] {
    return this.#listeners.map(({ handed }) => ({
      name: handed.name,
      address: parseListener(handed.address).address,
      backlog: handed.backlog,
      ipv6Only: handed.ipv6Only,
      ...(handed.anyPort && { anyPort: true }),
    }));
  }

  /**
   * The sockets for a listener, where the predecessor has had that.
   *
   * @throws {PreforkError} `ERR_BIND` when its sockets are of another kind
   */
  async take(plan: SocketsPlan): Promise<Sockets | undefined> {
    const { spec, mode, shards, listen } = plan;
    const found = this.#find(spec);
    if (found === undefined) return undefined;
    const { handed, sockets: [first] } = found;
    const asked = formatAddress(spec.address);
    if (kindOf(handed.mode) !== kindOf(mode)) {
      if (this.isAlone) return await this.#renounce(found, plan);
      throw new PreforkError(
        "ERR_BIND",
        `Cannot take "${asked}" over: it is "${handed.mode}" until now and would be "${mode}", for which other sockets are needed: keep "--share ${handed.mode}", or stop the old supervisor and start this one`,
      );
    }
    this.#listeners.splice(this.#listeners.indexOf(found), 1);
    const sockets = [...found.sockets];
    while (mode === "sharded" && sockets.length < shards) {
      const { address } = first!;
      sockets.push(
        await this.#adapter.bind({ ...spec, address, reusePort: true, listen }),
      );
    }
    const { inherited, map } = handed;
    const claim = found.claim ??
      // That of a process which is gone is free again.
      (this.isAlone && mode === "sharded"
        ? await claimed(first!.address, this.#adapter)
        : undefined);
    return {
      sockets,
      ...(claim !== undefined && { claim }),
      ...(map !== undefined && { map }),
      ...(inherited && { inherited }),
    };
  }

  /** How the predecessor shares a listener, where it has that. */
  modeOf(spec: ListenerSpec): ShareMode | undefined {
    return this.#find(spec)?.handed.mode;
  }

  #find({ address }: ListenerSpec): Kept | undefined {
    const asked = formatAddress(address);
    return this.#listeners.find(({ handed }) => handed.asked === asked) ??
      this.#listeners.find(({ handed }) => handed.address === asked);
  }

  /**
   * Closes the sockets of a listener, which are not of the kind that is wanted
   * now, and waits until whoever has kept them has done so, too.
   */
  async #renounce(found: Kept, { spec }: SocketsPlan): Promise<undefined> {
    close(this.#listeners.splice(this.#listeners.indexOf(found), 1));
    this.onRenounced(found.handed);
    const { clock, bind } = this.#adapter;
    for (let tries = RENOUNCE_MS / RENOUNCE_EVERY_MS; tries > 0; tries--) {
      try {
        const probe = { ...spec, reusePort: false, listen: false };
        (await bind(probe)).close();
        return undefined;
      } catch (error) {
        const { cause } = error as { readonly cause?: unknown };
        if (codeOf(cause) !== "EADDRINUSE") return undefined;
        await new Promise<void>((resolve) =>
          clock.after(RENOUNCE_EVERY_MS, resolve)
        );
      }
    }
    return undefined;
  }

  /** The socket of an address that workers ask for, by its key. */
  takeOpened(key: string): HeldSocket | undefined {
    return takeFrom(this.#opened, key);
  }

  /** The socket of an address where the supervisor is to answer. */
  takeMonitor(asked: string): HeldSocket | undefined {
    return takeFrom(this.#monitors, asked);
  }

  /** Closes the pool's listeners that nobody has asked for; returns which. */
  closeRest(): readonly string[] {
    return [...close(this.#listeners), ...close(this.#monitors)];
  }

  /** Closes those that no worker has asked for; returns which. */
  closeOpened(): readonly string[] {
    return close(this.#opened);
  }
}

function takeFrom(kept: Kept[], asked: string): HeldSocket | undefined {
  const at = kept.findIndex(({ handed }) => handed.asked === asked);
  return at < 0 ? undefined : kept.splice(at, 1)[0]?.sockets[0];
}

function close(kept: Kept[]): readonly string[] {
  return kept.splice(0).map(({ handed, sockets, claim }) => {
    for (const socket of [...sockets, claim]) socket?.close();
    return handed.address;
  });
}

/** Modes of one kind need the same sockets. */
function kindOf(mode: ShareMode): string {
  return mode === "sharded" || mode === "reuseport" ? mode : "one";
}
