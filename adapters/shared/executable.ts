/**
 * Which runtime has been made one file with a program: a single executable
 * application of Node (https://nodejs.org/api/single-executable-applications.html),
 * or what `bun build --compile` writes. By the headers of the file (elf(5)).
 *
 * @module
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The runtimes of which it can be seen. */
type Executable = "node" | "bun";

/** Members of Elf64_Ehdr and Elf64_Phdr by their places (elf(5)). */
const FILE = { headers: 32, size: 54, count: 56, length: 64 } as const;
const SEGMENT = { type: 0, offset: 8, length: 32, size: 56 } as const;
const PT = { load: 1, note: 4 } as const;

/** So much is read of a segment: of notes the first, of anything else the last. */
const PART = 64 * 1024;

/** The name of Node's note (20.0 to 26.10), which has the program. */
const NODE = "NODE_SEA_BLOB\0";

/** Ends what Bun adds, at the end of a segment (1.4.4) or of the file. */
const BUN = "\n---- Bun! ----\n";

/** The runtime in a file; undefined for one that is none of these. */
export function executable(path: string): Executable | undefined {
  try {
    const file = openSync(path, "r");
    try {
      return runtimeIn(file);
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function runtimeIn(file: number): Executable | undefined {
  const read = (at: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, at));
  };
  const head = read(0, FILE.length);
  // 64 bits, least significant first: x86-64 and arm64.
  if (head.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") return undefined;
  const { size } = fstatSync(file);
  const at = Number(head.readBigUInt64LE(FILE.headers));
  const each = head.readUInt16LE(FILE.size);
  const table = read(at, each * head.readUInt16LE(FILE.count));
  const ends = [size];
  for (let i = 0; i + SEGMENT.size <= table.length; i += each) {
    const type = table.readUInt32LE(i + SEGMENT.type);
    const offset = Number(table.readBigUInt64LE(i + SEGMENT.offset));
    const length = Number(table.readBigUInt64LE(i + SEGMENT.length));
    if (type === PT.load) ends.push(Math.min(offset + length, size));
    if (type !== PT.note) continue;
    if (read(offset, Math.min(length, PART)).includes(NODE)) return "node";
  }
  return ends.some((end) =>
      read(Math.max(0, end - PART), Math.min(end, PART)).includes(BUN)
    )
    ? "bun"
    : undefined;
}
