/**
 * Which connections a worker ends that holds more than its share: what may be
 * asked for.
 *
 * @module
 */

/**
 * Which connections a worker ends that holds more than its share, so that their
 * clients come back to others.
 *
 * - `on`: those of HTTP, where it costs the client nothing;
 * - `websockets`: WebSockets as well, with the status 1001;
 * - `off`: none.
 */
export type Rebalance = "on" | "off" | "websockets";

/** All of them. */
export const REBALANCE: readonly Rebalance[] = ["on", "off", "websockets"];
