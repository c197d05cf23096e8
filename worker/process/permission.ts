/**
 * Programs that cannot be workers, where going on would have them listen on a
 * port of their own.
 *
 * @module
 */

import process from "node:process";
import { missingIn } from "../../core/errors.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { parseListener } from "../../core/options/address.ts";
import { encode, failed } from "../../core/protocol.ts";

/** Tells the supervisor and the user why, and ends the process. */
export async function refuse(reason: string): Promise<never> {
  await new Promise((resolve) => {
    if (process.send === undefined) resolve(undefined);
    else process.send(encode(failed(reason)), resolve);
  });
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

/**
 * Runs something, and when a permission is missing says in one sentence which,
 * and ends the process.
 */
export async function explained<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const missing = missingIn(error);
    if (missing === undefined) throw error;
    const { runtime, flag } = missing;
    return await refuse(
      `${runtime} does not let the program be a worker, add "--runtime-arg ${flag}" to the command`,
    );
  }
}

/** What mends an error of a permission that this worker has not, as a sentence. */
export function grantFor(error: unknown): string | undefined {
  const missing = missingIn(error);
  return missing &&
    `${missing.runtime} does not allow it to this worker, add "--runtime-arg ${missing.flag}" to the command`;
}

/**
 * Asks Deno whether this process may listen there: `listen()` of its `node:net`
 * throws that it may not at nobody who could catch it (2.9.5).
 *
 * @throws what Deno throws
 */
export function requireListen(host: string, port: number): void {
  if (!("Deno" in globalThis)) return;
  const shown = host.includes(":") ? `[${host}]` : host || "0.0.0.0";
  const at = `${shown}:${port}`;
  const { state } = Deno.permissions.querySync({ name: "net", host: at });
  if (state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${at}", run again with the --allow-net flag`,
  );
}

/** The same for a listener that workers bind themselves. */
export function requireBind({ mode, address }: InheritedListener): void {
  if (mode !== "reuseport") return;
  const { address: at } = parseListener(address);
  if (at.kind === "tcp") requireListen(at.host, at.port);
}
