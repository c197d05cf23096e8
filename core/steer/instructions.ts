/**
 * The instructions of eBPF that are used here, by name (RFC 9669; the kernel's
 * linux/bpf.h and bpf_common.h), and what makes a program of them.
 *
 * @module
 */

/** A register: 0 holds results, 1 to 5 arguments, 6 to 9 stay, 10 is the stack. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** One instruction, or the place that jumps name. */
export interface Instruction {
  /** What it does; undefined for a place. */
  readonly code?: number;
  /** The register that is changed or compared. */
  readonly to?: Register;
  /** The other one. */
  readonly from?: number;
  /** How far it jumps, or where in memory. */
  readonly offset?: number;
  /** A number that is part of it. */
  readonly value?: number;
  /** The name of the place, or of the one to which it jumps. */
  readonly place?: string;
}

/** Sizes of what is loaded and stored, in bytes. */
const SIZE = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;

/** What can be loaded and stored at once, in bytes. */
export type Size = keyof typeof SIZE;

/** Conditions of jumps. */
const JUMP = {
  "==": 0x10,
  "!=": 0x50,
  "<": 0xa0,
  ">": 0x20,
  ">=": 0x30,
  "s<": 0xc0,
  "s>": 0x60,
} as const;

/** A comparison, without sign unless it begins with an `s`. */
export type Condition = keyof typeof JUMP;

/** Operations on all 64 bits of a register. */
const OPERATION = {
  "=": 0xb7,
  "+=": 0x07,
  "-=": 0x17,
  "*=": 0x27,
  "&=": 0x57,
  "<<=": 0x67,
  "s>>=": 0xc7,
} as const;

/** An operation. */
export type Operation = keyof typeof OPERATION;

/** With this the second operand is a register. */
const BY_REGISTER = 0x08;

/** An operation with a number. */
export function by(
  to: Register,
  operation: Operation,
  value: number,
): Instruction {
  return { code: OPERATION[operation], to, value };
}

/** An operation with another register. */
export function byRegister(
  to: Register,
  operation: Operation,
  from: Register,
): Instruction {
  return { code: OPERATION[operation] | BY_REGISTER, to, from };
}

/** Loads from memory: `to = *(from + offset)`. */
export function load(
  size: Size,
  to: Register,
  from: Register,
  offset: number,
): Instruction {
  return { code: 0x61 | SIZE[size], to, from, offset };
}

/** Stores a register: `*(to + offset) = from`. */
export function store(
  size: Size,
  to: Register,
  offset: number,
  from: Register,
): Instruction {
  return { code: 0x63 | SIZE[size], to, offset, from };
}

/** Stores a number: `*(to + offset) = value`. */
export function storeNumber(
  size: Size,
  to: Register,
  offset: number,
  value: number,
): Instruction {
  return { code: 0x62 | SIZE[size], to, offset, value };
}

/** Adds a register to 8 bytes of memory, whoever else does so. */
export function addShared(
  to: Register,
  offset: number,
  from: Register,
): Instruction {
  return { code: 0xdb, to, offset, from };
}

/** Goes to a place if a register and a number are so. */
export function jumpIf(
  to: Register,
  condition: Condition,
  value: number,
  place: string,
): Instruction {
  return { code: 0x05 | JUMP[condition], to, value, place };
}

/** Goes to a place if two registers are so. */
export function jumpIfBoth(
  to: Register,
  condition: Condition,
  from: Register,
  place: string,
): Instruction {
  return { code: 0x05 | BY_REGISTER | JUMP[condition], to, from, place };
}

/** Goes to a place. */
export function jump(place: string): Instruction {
  return { code: 0x05, place };
}

/** Where jumps go. */
export function place(name: string): Instruction {
  return { place: name };
}

/** Functions of the kernel: linux/bpf.h. */
export const HELPER = {
  mapLookup: 1,
  nanoseconds: 5,
  random: 7,
  selectReuseport: 82,
} as const;

/** Calls a function of the kernel. */
export function call(helper: number): Instruction {
  return { code: 0x85, value: helper };
}

/** Loads a map by its descriptor: two instructions (BPF_PSEUDO_MAP_FD). */
export function loadMap(to: Register, fd: number): Instruction[] {
  return [{ code: 0x18, to, from: 1, value: fd }, { code: 0 }];
}

/** Ends the program with what is in register 0. */
export function exit(): Instruction {
  return { code: 0x95 };
}

/** The length of an instruction, in bytes. */
const INSTRUCTION_BYTES = 8;

/**
 * Makes a program: `struct bpf_insn`, one after the other.
 *
 * @throws {RangeError} when a jump names no place
 */
export function assemble(
  instructions: readonly Instruction[],
): Uint8Array<ArrayBuffer> {
  const places = new Map<string, number>();
  let count = 0;
  for (const { code, place } of instructions) {
    if (code !== undefined) count++;
    else places.set(place!, count);
  }
  const bytes = new Uint8Array(new ArrayBuffer(count * INSTRUCTION_BYTES));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const each of instructions) {
    const { code, to = 0, from = 0, offset = 0, value = 0, place } = each;
    if (code === undefined) continue;
    const goal = place === undefined ? undefined : places.get(place);
    if (place !== undefined && goal === undefined) {
      throw new RangeError(`Cannot jump to "${place}": there is no such place`);
    }
    view.setUint8(at, code);
    view.setUint8(at + 1, from << 4 | to);
    // A jump counts from the instruction behind it.
    const jumps = goal === undefined ? offset : goal - at / 8 - 1;
    view.setInt16(at + 2, jumps, true);
    view.setInt32(at + 4, value, true);
    at += INSTRUCTION_BYTES;
  }
  return bytes;
}
