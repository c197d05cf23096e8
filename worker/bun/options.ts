/**
 * The program's options with some of ours over them. They may be an object of a
 * class, which Bun reads through its prototypes; Deno's options are copied.
 *
 * @module
 */

/** An object's own members over those of another, which it does not change. */
export function inheriting<T extends object>(from: T, own: object): T {
  return Object.create(from, Object.getOwnPropertyDescriptors(own)) as T;
}
