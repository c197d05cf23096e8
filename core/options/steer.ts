/**
 * Who chooses the shard of a new connection in `sharded`: what may be asked for.
 *
 * @module
 */

/**
 * Who chooses the shard of a new connection in `sharded`.
 *
 * - `auto`: the first of those below that works here;
 * - `ebpf`: a program in the kernel takes the worker that holds least;
 * - `off`: the kernel's hash of the addresses, and one queue in `balanced`.
 */
export type SteerBy = "auto" | "ebpf" | "off";

/** All of them. */
export const STEER_BY: readonly SteerBy[] = ["auto", "ebpf", "off"];

/** What chooses now, and why nothing better does. */
export interface SteerStatus {
  /** By what. */
  readonly by: Exclude<SteerBy, "auto">;
  /** Why. */
  readonly reason: string;
}
