/**
 * Names of users and groups as numbers, out of passwd(5) and group(5).
 *
 * @module
 */

import { readFileSync } from "node:fs";

/**
 * The uid of a user name or number.
 *
 * @throws {UnknownOwner} when there is none of that name
 */
export function userId(name: string): number {
  return idOf("/etc/passwd", "user", name);
}

/**
 * The gid of a group name or number.
 *
 * @throws {UnknownOwner} when there is none of that name
 */
export function groupId(name: string): number {
  return idOf("/etc/group", "group", name);
}

/** Thrown when a name is not in the file. */
export interface UnknownOwner extends Error {
  /** The reason, as the rest of a sentence. */
  readonly unknownOwner: string;
}

function idOf(file: string, kind: string, name: string): number {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [entry, , id] = line.split(":");
    if (entry === name && id !== undefined) return Number(id);
  }
  const unknownOwner =
    `there is no ${kind} "${name}" in ${file}, write a name from there or a number`;
  throw Object.assign(new Error(unknownOwner), { unknownOwner });
}
