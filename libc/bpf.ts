/**
 * bpf(2): maps, and the program that chooses among the sockets of an address
 * (BPF_PROG_TYPE_SK_REUSEPORT). By syscall(2): libc has no function for it.
 *
 * @module
 */

import process from "node:process";
import { checked, cString, errorName, fixed, type Libc, SO } from "./libc.ts";

/** Its number: syscall_64.tbl of x86, and include/uapi/asm-generic/unistd.h. */
const NUMBER: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** Commands, types and flags of linux/bpf.h. */
const BPF = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  programLoad: 5,
  array: 2,
  sockets: 20,
  /** BPF_F_MMAPABLE */
  mappable: 1 << 10,
  reuseport: 21,
  /** BPF_SK_REUSEPORT_SELECT */
  select: 39,
} as const;

/** The part of `union bpf_attr` that any command here uses, and more. */
const ATTRIBUTES = 128;

/** As much of the verifier's words as is kept, in bytes. */
const LOG_BYTES = 1 << 20;

/**
 * So often a program is loaded at most where the verifier stops before its end,
 * with EAGAIN, because a signal waits for the thread: profilers send
 * one each millisecond (bpf_check() of Linux; with `--cpu-prof` of Bun 1.4.4 and
 * Node 26.10 half of the calls, which take as long). libbpf gives up after
 * five, which such a profiler has fail now and then.
 */
const ATTEMPTS = 100;

/**
 * What a licence is for the kernel: functions that are for the GPL alone are not
 * called.
 */
const LICENCE = "MIT";

/**
 * Calls bpf(2).
 *
 * @throws {Error} with `code`
 */
function bpf(
  libc: Libc,
  command: number,
  name: string,
  fill: (view: DataView) => void,
): number {
  const number = NUMBER[process.arch];
  if (number === undefined) {
    throw new Error(`bpf(2) has no known number on ${process.arch}`);
  }
  const attributes = fixed(ATTRIBUTES);
  fill(new DataView(attributes.buffer));
  const at = Number(libc.pointer(attributes));
  for (let attempt = 1;; attempt++) {
    const result = libc.syscall(number, command, at, ATTRIBUTES, 0);
    if (result < 0 && attempt < ATTEMPTS && isInterrupted(libc)) continue;
    return checked(libc, result, name);
  }
}

function isInterrupted(libc: Libc): boolean {
  return errorName(libc.errno()) === "EAGAIN";
}

/** Makes a map; no child inherits it unless told to. */
function createMap(
  libc: Libc,
  type: number,
  valueBytes: number,
  entries: number,
  flags: number,
): number {
  return bpf(libc, BPF.mapCreate, "bpf(BPF_MAP_CREATE)", (view) => {
    const fields = [type, 4, valueBytes, entries, flags];
    fields.forEach((field, i) => view.setUint32(4 * i, field, true));
  });
}

/**
 * Makes an array of rows that can be mapped into memory.
 *
 * @throws {Error} with `code`
 */
export function createTable(
  libc: Libc,
  rowBytes: number,
  rows: number,
): number {
  return createMap(libc, BPF.array, rowBytes, rows, BPF.mappable);
}

/**
 * Makes a map of sockets that a program can choose from.
 *
 * @throws {Error} with `code`
 */
export function createSockets(libc: Libc, count: number): number {
  return createMap(libc, BPF.sockets, 8, count, 0);
}

/**
 * Puts a socket that listens into such a map.
 *
 * @throws {Error} with `code`
 */
export function putInSocketMap(
  libc: Libc,
  map: number,
  at: number,
  socket: number,
): void {
  const value = fixed(8);
  new DataView(value.buffer).setBigUint64(0, BigInt(socket), true);
  const { mapUpdate } = BPF;
  onElement(libc, mapUpdate, "bpf(BPF_MAP_UPDATE_ELEM)", map, at, value);
}

/** True where such a map has a socket there. */
export function hasSocket(libc: Libc, map: number, at: number): boolean {
  const { mapLookup } = BPF;
  const cookie = fixed(8);
  try {
    onElement(libc, mapLookup, "bpf(BPF_MAP_LOOKUP_ELEM)", map, at, cookie);
    return true;
  } catch {
    return false;
  }
}

function onElement(
  libc: Libc,
  command: number,
  name: string,
  map: number,
  at: number,
  value: Uint8Array,
): void {
  const key = fixed(4);
  new DataView(key.buffer).setUint32(0, at, true);
  bpf(libc, command, name, (view) => {
    view.setUint32(0, map, true);
    view.setBigUint64(8, libc.pointer(key), true);
    view.setBigUint64(16, libc.pointer(value), true);
  });
  keep(key, value);
}

/**
 * Loads a program.
 *
 * @param code `struct bpf_insn`, one after the other
 * @throws {Error} with `code`, and what the verifier has said in its message
 */
export function loadProgram(libc: Libc, code: Uint8Array<ArrayBuffer>): number {
  const licence = cString(LICENCE);
  const load = (log?: Uint8Array): number =>
    bpf(libc, BPF.programLoad, "bpf(BPF_PROG_LOAD)", (view) => {
      view.setUint32(0, BPF.reuseport, true);
      view.setUint32(4, code.length / 8, true);
      view.setBigUint64(8, libc.pointer(code), true);
      view.setBigUint64(16, libc.pointer(licence), true);
      // A program without a name is hard to find in the list of bpftool(8).
      [..."prefork"].forEach((c, i) => view.setUint8(48 + i, c.charCodeAt(0)));
      view.setUint32(68, BPF.select, true);
      if (log === undefined) return;
      view.setUint32(24, 1, true);
      view.setUint32(28, log.length, true);
      view.setBigUint64(32, libc.pointer(log), true);
    });
  try {
    return load();
  } catch (error) {
    const { code: name } = error as { code?: string };
    if (name === "EPERM" || name === undefined) throw error;
    const log = fixed(LOG_BYTES);
    try {
      return load(log);
    } catch (again) {
      const said = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
      const words = said.trim().split("\n").slice(-3).join("; ");
      if (words !== "") (again as Error).message += `: ${words}`;
      throw again;
    }
  } finally {
    keep(code, licence);
  }
}

/**
 * Has a program choose among the sockets of the address of one of them, instead
 * of the one before it.
 *
 * @throws {Error} with `code`
 */
export function attachProgram(
  libc: Libc,
  socket: number,
  program: number,
): void {
  const value = fixed(4);
  new DataView(value.buffer).setUint32(0, program, true);
  setSocket(libc, socket, SO.attachReusePortEbpf, value);
}

/** Has the kernel's own hash choose again; nothing where it does already. */
export function detachProgram(libc: Libc, socket: number): void {
  const value = fixed(4);
  const { socket: level, detachReusePortBpf } = SO;
  libc.setsockopt(socket, level, detachReusePortBpf, value, value.length);
}

function setSocket(
  libc: Libc,
  socket: number,
  name: number,
  value: Uint8Array,
): void {
  const status = libc.setsockopt(socket, SO.socket, name, value, value.length);
  checked(libc, status, "setsockopt");
}

/** Nothing but an address refers to them before that: they may be collected. */
function keep(...buffers: readonly Uint8Array[]): void {
  for (const each of buffers) void each.length;
}
