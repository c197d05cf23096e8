/**
 * Keeps new clients out of a listening socket of TCP, without a word to them, and
 * touches nobody who has come: the kernel resets whatever waits in the queue of a
 * socket that is closed, so nothing may be on its way there by then.
 *
 * @module
 */

import { fixed, type Libc, SHUT, SO } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/** Bits of the 14th byte of a TCP header (RFC 9293, 3.1). */
const FLAGS = { at: 13, syn: 0x02, ack: 0x10 } as const;

/**
 * A program of classic BPF: code, two jumps and a number each (linux/filter.h,
 * linux/bpf_common.h). It drops segments that begin a connection, SYN without
 * ACK; a filter on a socket of TCP sees them from their TCP header on. What a
 * connection that waits or was accepted gets is none, so the rest of a handshake
 * passes. Who was not heard repeats its SYN after a second (RFC 6298), and the
 * socket is closed by then: it is refused.
 */
const PROGRAM = [
  // A = the flags; A &= SYN | ACK
  [0x30, 0, 0, FLAGS.at],
  [0x54, 0, 0, FLAGS.syn | FLAGS.ack],
  // if A == SYN nothing of it is kept, else all
  [0x15, 0, 1, FLAGS.syn],
  [0x06, 0, 0, 0],
  [0x06, 0, 0, 0xffff_ffff],
] as const;

/**
 * Attaches it (SO_ATTACH_FILTER of socket(7)), which takes no privilege; false
 * where libc cannot be called. It goes with the socket.
 */
export function keepOut(fd: number): boolean {
  const libc = libcHere();
  if (libc === undefined) return false;
  const instructions = fixed(8 * PROGRAM.length);
  const code = new DataView(instructions.buffer);
  PROGRAM.forEach(([what, yes, no, number], i) => {
    code.setUint16(8 * i, what, true);
    code.setUint8(8 * i + 2, yes);
    code.setUint8(8 * i + 3, no);
    code.setUint32(8 * i + 4, number, true);
  });
  return attach(libc, fd, instructions);
}

/** Has a socket listen no more; who waits for connections on it gets an error. */
export function stopListening(fd: number): void {
  libcHere()?.shutdown(fd, SHUT.reading);
}

/** `struct sock_fprog`: how many instructions, and where. */
function attach(libc: Libc, fd: number, instructions: Uint8Array): boolean {
  const program = fixed(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, PROGRAM.length, true);
  view.setBigUint64(8, libc.pointer(instructions), true);
  const { socket, attachFilter } = SO;
  return libc.setsockopt(fd, socket, attachFilter, program, 16) === 0;
}
