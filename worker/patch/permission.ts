/**
 * Programs that cannot be workers, where going on would have them listen on a
 * port of their own.
 *
 * @module
 */

import process from "node:process";
import { permissionIn } from "../../core/errors.ts";
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
 * Runs something, and when Deno forbids it says in one sentence which flag is
 * missing, and ends the process.
 */
export async function explained<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const flag = permissionIn(error);
    if (flag === undefined) throw error;
    return await refuse(
      `Deno does not let the program be a worker, add "--runtime-arg ${flag}" to the command`,
    );
  }
}
