/**
 * Rendezvous hashing: every pair of a key and a slot has a fixed random
 * weight, and the heaviest slot gets the key (Thaler and Ravishankar, "Using
 * name-based mappings to increase hit rates", 1998). A slot that leaves moves
 * its own keys only, a slot that joins takes over only what becomes its own.
 *
 * @module
 */

/** The slot for a key; undefined when there is none. */
export function rendezvous(
  key: string,
  slots: Iterable<number>,
): number | undefined {
  const seed = hash(key);
  let best: number | undefined;
  let most = -1;
  for (const slot of slots) {
    const weight = mix(seed ^ mix(slot + 1));
    // Equal weights: the lower number, whatever the order they come in.
    if (weight > most || (weight === most && slot < best!)) {
      best = slot;
      most = weight;
    }
  }
  return best;
}

/** FNV-1a with 32 bits (RFC 9923) over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value;
}

/** The finalizer of MurmurHash3: each bit in moves about half of those out. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
