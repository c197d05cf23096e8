/**
 * What the core asks of the kernel to have it choose among shards; adapters do
 * it.
 *
 * @module
 */

import type { SteerTable } from "./table.ts";

/** The load table, and the programs that read it. */
export interface Steer {
  /** Its descriptor, for workers to inherit. */
  readonly fd: number;
  /** The table as this process sees it. */
  readonly table: SteerTable;
  /**
   * Loads the program of one address more.
   *
   * @param map the descriptor of the map of its sockets, where the supervisor
   * before has made one: a socket can be in one alone
   * @throws {Error} why it cannot be had, as the rest of a sentence that begins
   * with "because"
   */
  load(map?: number): SteerProgram;
  /** Closes the table, for this process. Never throws. */
  close(): void;
}

/** The program of one address. */
export interface SteerProgram {
  /** The descriptor of the map of its sockets, for a successor to inherit. */
  readonly map: number;
  /**
   * Lets it choose the shard of a slot, which has to listen; false where it could
   * already.
   *
   * @throws {Error} of the system
   */
  put(slot: number, socket: number): boolean;
  /**
   * Has it choose among the sockets of the address of this one, instead of what
   * did before.
   *
   * @throws {Error} of the system
   */
  attach(socket: number): void;
  /** Has the kernel's hash choose again. Never throws. */
  detach(socket: number): void;
}

/** What a worker needs to write into the table. */
export interface SteerSeat {
  /** Its descriptor. */
  readonly fd: number;
  /** How many rows it has. */
  readonly slots: number;
}
