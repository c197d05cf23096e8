/**
 * What the preloaded part tells the operator.
 *
 * @module
 */

import process from "node:process";
import { parseListener } from "../../core/options/address.ts";
import { DEFAULT_LISTEN } from "../../core/options/options.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { isLearning } from "../listening/learning.ts";
import type { Core } from "../process/worker_core.ts";
import { formatWanted, type Wanted } from "./wanted.ts";

/**
 * Has the supervisor say how something is served: once, since all workers would
 * say the same.
 */
export function warnOnce(core: Core, message: string): void {
  if (!isLearning(core)) warn(core, message);
}

/**
 * Says where the pool listens because the program does not say where.
 *
 * @param what what could have said so
 */
export function warnDefaultPort(core: Core, what: string): void {
  if (!isLearning(core) || process.env["PORT"]) return;
  warn(
    core,
    `${what} names no port, so the pool listens on ${DEFAULT_LISTEN}: another one is its port, PORT or -l`,
  );
}

function warn(core: Core, message: string): void {
  if (!core.tell({ type: "warn", message })) {
    process.stderr.write(`${message}\n`);
  }
}

/** Says that a server is not where its program wants it, if it said where. */
export function warnElsewhere(
  core: Core,
  wanted: Wanted,
  listener: Pick<InheritedListener, "address">,
): void {
  const { address } = parseListener(listener.address);
  if (wanted.kind === "tcp") {
    const port = address.kind === "tcp" ? address.port : undefined;
    if (wanted.port === 0 || wanted.port === port) return;
  }
  const place = formatWanted(wanted).replace(/^:/, "");
  warnOnce(
    core,
    `listen(${place}) of the program is served at ${listener.address}`,
  );
}
