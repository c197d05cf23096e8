/**
 * The watchdog of the service manager (sd_watchdog_enabled(3)): a service that
 * it does not hear from in time is ended and started anew.
 *
 * @module
 */

import type { Host } from "../host.ts";

/**
 * How often it is to hear something, in milliseconds: twice in the time that it
 * waits. Undefined where it does not wait, or for another process.
 */
export function watchdogPeriod(
  { env, pid }: Pick<Host, "env" | "pid">,
): number | undefined {
  const { WATCHDOG_USEC: time = "", WATCHDOG_PID: whose } = env;
  if (!/^[1-9]\d{0,15}$/.test(time)) return undefined;
  if (whose !== undefined && whose !== "" && whose !== String(pid)) {
    return undefined;
  }
  return Math.max(1, Math.floor(Number(time) / 2000));
}
