/**
 * A name of a variable that is a parent's only with what is in it.
 *
 * @module
 */

/**
 * True for numbers as nginx writes them: others use the variable `NGINX` for
 * what they like.
 */
export function isNginxList(value: string): boolean {
  return /^(\d{1,7}[;:])+$/.test(value);
}
