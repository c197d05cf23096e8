const MOST = 1_000;

/**
 * Makes a list shorter for as long as something still fails with it: parts of
 * it are left out, large ones first. So much is tried and no more.
 *
 * @param fails true when it fails with this list
 */
export async function shrink<T>(
  list: readonly T[],
  fails: (list: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = list;
  let tries = 0;
  for (let size = Math.ceil(left.length / 2);; size = Math.ceil(size / 2)) {
    for (let at = 0; at < left.length;) {
      const rest = [...left.slice(0, at), ...left.slice(at + size)];
      if (++tries > MOST) return left;
      if (await fails(rest)) left = rest;
      else at += size;
    }
    if (size <= 1) return left;
  }
}
