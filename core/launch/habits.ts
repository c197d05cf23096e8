/**
 * Variables that programs look for by habit.
 *
 * @module
 */

import { parseListener } from "../options/address.ts";
import type { Listener } from "../listeners/listeners.ts";

/**
 * `PORT` (Heroku and all who followed) is the port of the first TCP listener,
 * `NODE_APP_INSTANCE` (PM2) the slot.
 */
export function habitsOf(
  { slot }: { readonly slot: number },
  listeners: readonly Pick<Listener, "address">[],
): Record<string, string> {
  const ports = listeners.flatMap(({ address: text }) => {
    const { address } = parseListener(text);
    return address.kind === "tcp" ? [String(address.port)] : [];
  });
  return {
    ...(ports[0] !== undefined && { PORT: ports[0] }),
    NODE_APP_INSTANCE: String(slot),
  };
}
