/**
 * Ambient capabilities (capabilities(7)): what a service manager gives a process
 * that is not root goes on to all that it starts. Some of it is the supervisor's
 * own, and none of a worker's.
 *
 * @module
 */

import type { SpawnPlan } from "../../core/adapter.ts";
import type { Libc } from "../../libc/libc.ts";
import { openLibc } from "../../libc/open.ts";

/** PR_CAP_AMBIENT of prctl(2), and what can be done with each. */
const AMBIENT = 47;
const DEED = { isSet: 1, raise: 2, lower: 3 } as const;

/** What is kept back here. */
const withheld = new Set<number>();

/**
 * Keeps capabilities from whatever this process starts from now on, but for its
 * successors. It keeps them itself.
 *
 * @param capabilities their numbers
 */
export function withhold(libc: Libc, capabilities: readonly number[]): void {
  for (const each of capabilities) {
    if (change(libc, "isSet", each) !== 1) continue;
    if (change(libc, "lower", each) === 0) withheld.add(each);
  }
}

/** What is kept back, as a bit for each. */
export function withheldBits(): bigint {
  return [...withheld].reduce((bits, each) => bits | 1n << BigInt(each), 0n);
}

/** Starts a process: one that takes this one's place has all that this one has. */
export function startWith<T>(
  { succeeds = false }: Pick<SpawnPlan, "succeeds">,
  start: () => T,
): T {
  if (!succeeds || withheld.size === 0) return start();
  const libc = openLibc();
  for (const each of withheld) change(libc, "raise", each);
  try {
    return start();
  } finally {
    for (const each of withheld) change(libc, "lower", each);
  }
}

function change(
  libc: Libc,
  deed: keyof typeof DEED,
  capability: number,
): number {
  return libc.prctl(AMBIENT, DEED[deed], capability, 0, 0);
}
