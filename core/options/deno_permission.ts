/**
 * What the arguments of Deno allow a program, as far as it matters here.
 *
 * @module
 */

import type { Address } from "./address.ts";

/** Options of `deno run` that say what a program may do (Deno 2.9). */
export const PERMISSION: RegExp =
  /^(--(allow|deny|ignore)-|--permission-set|-[APRWINES])/;

/**
 * True when a program that was given these arguments could bind an address
 * itself: by `net`, and by `read` and `write` for a path (2.9.5). What cannot be
 * told from them it may not. Without any permission among them a worker has all.
 */
export function denoAllows(address: Address, args: readonly string[]): boolean {
  const given = permissionsIn(args);
  const all = (name: string, letter: string): boolean =>
    hasAll(given, name, letter);
  if (given.length === 0 || all("all", "A")) return true;
  if (given.some((arg) => /^--(deny|ignore)-(net|read|write)/.test(arg))) {
    return false;
  }
  if (address.kind !== "tcp") {
    return all("net", "N") && all("read", "R") && all("write", "W");
  }
  // As Deno names every interface.
  const host = address.host === "" ? "0.0.0.0" : address.host;
  const shown = host.includes(":") ? `[${host}]` : host;
  return all("net", "N") || given.some((arg) => {
    const list = /^(?:--allow-net|-N)=(.*)$/.exec(arg)?.[1]?.split(",") ?? [];
    return list.includes(shown) || list.includes(`${shown}:${address.port}`);
  });
}

/** True when a program that was given these arguments may not call libc. */
export function lacksFfi(args: readonly string[]): boolean {
  const given = permissionsIn(args);
  return given.length > 0 && !hasAll(given, "all", "A") &&
    !given.includes("--allow-ffi");
}

function permissionsIn(args: readonly string[]): readonly string[] {
  return args.filter((arg) => PERMISSION.test(arg));
}

function hasAll(
  given: readonly string[],
  name: string,
  letter: string,
): boolean {
  const short = new RegExp(`^-[A-Z]*${letter}[A-Z]*$`);
  return given.some((arg) => arg === `--allow-${name}` || short.test(arg));
}
