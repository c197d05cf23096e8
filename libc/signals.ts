/**
 * The signals that a thread does not get (sigprocmask(2)): whoever starts a
 * program leaves it its own, and nginx blocks all that it obeys while it starts
 * the next version of itself.
 *
 * @module
 */

import { fixed, type Libc } from "./libc.ts";

/** SIG_UNBLOCK of asm-generic/signal-defs.h. */
const UNBLOCK = 1;

/** `sigset_t` of glibc and musl: more than the kernel's 64 signals. */
const SET_BYTES = 128;

/**
 * Lets every signal come to this thread, and so to the process. Node 26.10 and
 * Bun 1.4.4 do so when they start, Deno 2.9.5 does not.
 */
export function unblockSignals(libc: Libc): void {
  libc.sigprocmask(UNBLOCK, fixed(SET_BYTES).fill(0xff), 0);
}
