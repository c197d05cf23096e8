/** A service manager that only listens: sd_notify(3). */

import { AF, checked, fixed, SOCK } from "../libc/libc.ts";
import { libcHere } from "../libc/open.ts";
import { unixSockaddr } from "../libc/sockaddr.ts";

/** MSG_DONTWAIT of recv(2). */
const WITHOUT_WAITING = 0x40;

/** False where a test can have one, or why not. */
export const noNotifySocket: string | false = libcHere() === undefined &&
  "libc cannot be called here, which makes datagram sockets";

/** Listens at a path, or at a name that begins with `@`. */
export function notifySocket(
  name: string,
): Disposable & { readonly heard: readonly string[] } {
  const libc = libcHere()!;
  const fd = checked(
    libc,
    libc.socket(AF.unix, SOCK.dgram | SOCK.cloexec, 0),
    "socket",
  );
  const address = unixSockaddr(name.replace(/^@/, "\0"));
  checked(libc, libc.bind(fd, address, address.length), "bind");
  const heard: string[] = [];
  const bytes = fixed(4096);
  return {
    /** Each datagram so far. */
    get heard() {
      for (;;) {
        const length = libc.recv(fd, bytes, bytes.length, WITHOUT_WAITING);
        if (length < 0) return heard;
        heard.push(new TextDecoder().decode(bytes.subarray(0, length)));
      }
    },
    [Symbol.dispose]: () => void libc.close(fd),
  };
}
