/**
 * Has a socket of `node:dgram` on Bun stop reading: Bun has no word for it, so
 * its descriptor is taken off the event loop's list, and put back (epoll(7)).
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Receiving } from "../../handles/dgram.ts";
import { openKernel } from "../graft/kernel.ts";
import {
  addWatch,
  deleteWatch,
  type Watch,
  watchesOn,
} from "../graft/watch.ts";
import { cannot } from "../process/errors.ts";

/**
 * Makes the switch of a socket that is bound to this descriptor.
 *
 * @throws {PreforkError} `ERR_ATTACH` where the event loop cannot be found
 */
export function bunReceiving(fd: number): Receiving {
  const kernel = openKernel();
  let watches: readonly Watch[] = watchesOn(kernel, fd);
  if (watches.length === 0) {
    throw cannot(
      "receive datagrams on the pool's socket",
      "this version of Bun waits for it in a way that is not known, so it could not stop",
      "run the program on Node or Deno",
    );
  }
  const [{ inode }] = watches as [Watch];
  // The number is another file's once the program has closed the socket.
  const isOurs = (each: Watch): boolean => each.inode === inode;
  let reads = true;
  const remove = (): void => {
    if (reads) return;
    // Where it waits to write as well, the words are others by now.
    const now = watchesOn(kernel, fd).filter(isOurs);
    if (now.length > 0) watches = now;
    for (const each of now) deleteWatch(kernel, each);
  };
  return {
    pause() {
      if (!reads) return;
      reads = false;
      remove();
      // Bun 1.4.4 puts it back where it has been told in this very turn that
      // the socket can be written to, as each one is at its beginning.
      setImmediate(() => setImmediate(remove));
    },
    resume() {
      if (reads) return;
      reads = true;
      for (const each of watches) addWatch(kernel, each);
    },
  };
}
