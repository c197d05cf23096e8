/**
 * Files of the world in memory.
 *
 * @module
 */

import type { SharedFile } from "../core/adapter.ts";

/** A file that is an array. */
export function arrayFile(): SharedFile {
  let bytes = new Uint8Array();
  return {
    fd: 11,
    read: (into, at = 0) => {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
    write: (part, at) => {
      if (bytes.length < at + part.length) {
        const longer = new Uint8Array(at + part.length);
        longer.set(bytes);
        bytes = longer;
      }
      bytes.set(part, at);
    },
    close: () => {},
  };
}
