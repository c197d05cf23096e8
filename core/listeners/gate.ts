/**
 * Where this supervisor itself accepts: only while that is its turn, and not its
 * predecessor's or its successor's, which have the same sockets.
 *
 * @module
 */

import type { Adapter, HeldSocket } from "../adapter.ts";

/** Something that is accepted on while the gate is open. */
interface Entrance {
  readonly socket: HeldSocket;
  begin(): Disposable;
  accepting: Disposable | undefined;
}

/** Lets connections in, or leaves them in the kernel's queues. */
export class Gate {
  /** The runtime, which accepts only while this is open. */
  readonly adapter: Adapter;
  readonly #entrances = new Set<Entrance>();
  #isOpen = false;

  /** Makes one for a runtime; nothing is accepted yet. */
  constructor(adapter: Adapter) {
    this.adapter = {
      ...adapter,
      accept: (...args) => {
        const entrance: Entrance = {
          socket: args[0],
          begin: () => adapter.accept(...args),
          accepting: undefined,
        };
        this.#entrances.add(entrance);
        if (this.#isOpen) entrance.accepting = entrance.begin();
        return {
          [Symbol.dispose]: () => {
            this.#entrances.delete(entrance);
            entrance.accepting?.[Symbol.dispose]();
          },
        };
      },
    };
  }

  /** Accepts from now on. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    for (const each of this.#entrances) each.accepting ??= each.begin();
  }

  /**
   * Accepts no more; what was accepted is given away still. False where a socket
   * would have to be closed for that.
   */
  close(): boolean {
    this.#isOpen = false;
    let rests = true;
    for (const each of this.#entrances) {
      // A socket that cannot rest accepts on, for whoever it accepts for.
      if (!each.socket.rest()) rests = false;
      else {
        each.accepting?.[Symbol.dispose]();
        each.accepting = undefined;
      }
    }
    return rests;
  }
}
