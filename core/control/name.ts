/**
 * What a pool is called where several are told apart.
 *
 * @module
 */

/** The longest name that is made of an address: a socket's path has 107 bytes. */
const MAX_NAME = 48;

/** Its name, or its first listener's address as far as it can name a file. */
export function nameOf(
  { name }: { readonly name: string | undefined },
  listeners: readonly { readonly address: string }[],
  { pid }: { readonly pid: number },
): string {
  const usual = listeners[0]?.address
    .replace(/^unix:.*\//, "")
    .replace(/\.sock(et)?$/, "")
    .replaceAll(/[^\w.]+/g, "-")
    .replaceAll(/^[-.]+|-+$/g, "")
    .slice(-MAX_NAME);
  return name ?? (usual || `pool-${pid}`);
}
