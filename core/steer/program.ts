/**
 * The program that the kernel runs for each new connection (eBPF,
 * BPF_PROG_TYPE_SK_REUSEPORT): it takes the shard with the least load.
 *
 * @module
 */

import {
  addShared,
  assemble,
  by,
  byRegister,
  call,
  exit,
  HELPER,
  type Instruction,
  jumpIf,
  jumpIfBoth,
  load,
  loadMap,
  place,
  store,
  storeNumber,
} from "./instructions.ts";
import { CLOCK_SHIFT, HEAVIEST, HELD_UP, ROW } from "./table.ts";

/** What a program works with. */
export interface SteerPlan {
  /** How many slots there can be. */
  readonly slots: number;
  /** The descriptor of the load table. */
  readonly table: number;
  /** The descriptor of the map of the shards' sockets. */
  readonly sockets: number;
}

/** `struct sk_reuseport_md` (linux/bpf.h): the packet from its TCP header on. */
const CONTEXT = { data: 0, end: 8 } as const;

/** Flags of TCP (RFC 9293), and the byte of the header that has them. */
const TCP = { flagsAt: 13, syn: 0x02, ack: 0x10 } as const;

/** Places on the stack. */
const STACK = { slot: -4, best: -8, turn: -16, now: -24 } as const;

/** SK_PASS: with a socket selected that one gets it, else the kernel's hash says. */
const PASS = 1;

/**
 * Writes the program: the slots are looked at in turn, and the least loaded that
 * has an owner is taken, one that is full where all are; of several the one whose
 * last turn is longest ago. Where there is none, the kernel's own hash decides.
 */
function steerInstructions(plan: SteerPlan): readonly Instruction[] {
  const { slots, table, sockets } = plan;
  /** The row of the slot whose number is on the stack, in register 0. */
  const rowOf = (at: number): Instruction[] => [
    ...loadMap(1, table), // 1st argument: the table
    byRegister(2, "=", 10),
    by(2, "+=", at), // 2nd: where the number of the row is
    call(HELPER.mapLookup), // r0 = the row
  ];
  return [
    byRegister(6, "=", 1), // r6 = the packet
    call(HELPER.nanoseconds),
    by(0, "s>>=", CLOCK_SHIFT),
    store(8, 10, STACK.now, 0), // what time it is
    by(7, "=", 0), // r7 = the slot that is looked at
    by(8, "=", 0), // r8 = what all slots were given
    by(9, "=", 1), // r9 = the least load
    by(9, "<<=", 60), // none has as much
    storeNumber(4, 10, STACK.best, slots), // nobody has it yet
    storeNumber(8, 10, STACK.turn, 0),

    place("slot"),
    store(4, 10, STACK.slot, 7),
    ...rowOf(STACK.slot),
    jumpIf(0, "==", 0, "hash"), // never, but the verifier cannot know
    load(8, 1, 0, ROW.assigned), // r1 = what it was given
    byRegister(8, "+=", 1),
    load(4, 2, 0, ROW.owner),
    jumpIf(2, "==", 0, "next"), // nobody is ready there
    load(4, 2, 0, ROW.finished),
    byRegister(1, "-=", 2),
    load(4, 2, 0, ROW.helped),
    byRegister(1, "-=", 2), // r1 = what it has
    load(4, 2, 0, ROW.bias),
    byRegister(1, "+=", 2), // r1 = what it counts for
    load(4, 2, 0, ROW.begun),
    jumpIf(2, "==", 0, "weighed"), // it is in no callback
    load(8, 3, 10, STACK.now),
    byRegister(3, "-=", 2), // r3 = for how long it is in one
    by(3, "<<=", 32),
    by(3, "s>>=", 32), // of 32 bits, with a sign
    jumpIf(3, "s<", HELD_UP.after, "weighed"), // not for long
    by(1, "+=", HELD_UP.counts), // what comes now would have to wait
    place("weighed"),
    by(1, "<<=", 32),
    by(1, "s>>=", 32), // of 32 bits, with a sign
    load(4, 2, 0, ROW.light),
    by(2, "+=", HEAVIEST),
    byRegister(1, "*=", 2), // r1 = that by its weight
    load(4, 2, 0, ROW.full),
    by(2, "<<=", 56), // who wants none is behind all others
    byRegister(1, "+=", 2),
    load(8, 3, 0, ROW.turn), // r3 = when it had its last turn
    jumpIfBoth(1, "s>", 9, "next"), // it has more than the least
    jumpIfBoth(1, "s<", 9, "take"), // it has less
    load(8, 2, 10, STACK.turn),
    jumpIfBoth(3, ">=", 2, "next"), // as much, and its turn was later
    place("take"),
    byRegister(9, "=", 1),
    store(8, 10, STACK.turn, 3),
    store(4, 10, STACK.best, 7),
    place("next"),
    by(7, "+=", 1),
    jumpIf(7, "<", slots, "slot"),

    load(4, 1, 10, STACK.best),
    jumpIf(1, "==", slots, "hash"), // nobody takes any
    load(8, 1, 6, CONTEXT.data), // r1 = the header of TCP
    load(8, 2, 6, CONTEXT.end), // r2 = its end
    byRegister(3, "=", 1),
    by(3, "+=", TCP.flagsAt + 1),
    jumpIfBoth(3, ">", 2, "select"), // too short to tell
    load(1, 1, 1, TCP.flagsAt),
    by(1, "&=", TCP.syn | TCP.ack),
    jumpIf(1, "!=", TCP.syn, "select"), // it begins no connection
    ...rowOf(STACK.best),
    jumpIf(0, "==", 0, "hash"),
    by(1, "=", 1),
    addShared(0, ROW.assigned, 1), // one more
    by(8, "+=", 1),
    store(8, 0, ROW.turn, 8), // its turn was now, and not never

    place("select"),
    byRegister(1, "=", 6), // 1st argument: the packet
    ...loadMap(2, sockets), // 2nd: the shards
    byRegister(3, "=", 10),
    by(3, "+=", STACK.best), // 3rd: where the number of the shard is
    by(4, "=", 0), // 4th: no flags
    call(HELPER.selectReuseport),
    place("hash"),
    by(0, "=", PASS),
    exit(),
  ];
}

/** The program as the kernel takes it. */
export function steerProgram(plan: SteerPlan): Uint8Array<ArrayBuffer> {
  return assemble(steerInstructions(plan));
}
