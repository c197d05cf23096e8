/**
 * What of the supervisor's own environment its workers get: not what is its own
 * place in the world, nor what would have each of them open the same port.
 *
 * @module
 */

import { isParentVariable } from "../inherited/environment.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of the supervisor's own place in the world. */
const OWN_PLACE: readonly string[] = [
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NODE_UNIQUE_ID",
  "FDSTORE",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
];

/**
 * Has Bun open a debugger's port and end when that is taken, by the supervisor
 * already if it is Bun. A free port would be of no use: Bun does not say which
 * it is (1.4.4).
 */
export const BUN_INSPECT = "BUN_INSPECT";

/** Variables that go before `PORT` where a server of Bun's names no port. */
const OTHER_PORTS: readonly string[] = ["BUN_PORT", "NODE_PORT"];

/** Options of Node that open a debugger's port, in `NODE_OPTIONS`. */
const INSPECT = /(^|\s)--inspect(-brk|-wait)?(=|\s|$)/;

/**
 * The variables that a worker gets from the supervisor's environment.
 *
 * @param port that of the pool's first TCP listener, if it has one
 */
export function ownEnvironment(
  given: Environment,
  port: string | undefined,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || OWN_PLACE.includes(name)) continue;
    if (name.startsWith("PREFORK_") || isParentVariable(name, value)) continue;
    if (name === BUN_INSPECT) continue;
    env[name] = OTHER_PORTS.includes(name) ? port ?? value : value;
  }
  const options = env["NODE_OPTIONS"];
  // A free port for each, as the workers of node:cluster have one.
  if (options !== undefined && INSPECT.test(options)) {
    env["NODE_OPTIONS"] = `${options} --inspect-port=0`;
  }
  return env;
}
