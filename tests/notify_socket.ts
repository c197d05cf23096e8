/** A service manager that only listens: sd_notify(3). */

import { AF, checked, SOCK } from "../libc/libc.ts";
import { messageReceiver } from "../libc/message.ts";
import { libcHere } from "../libc/open.ts";
import { unixSockaddr } from "../libc/sockaddr.ts";

/** False where a test can have one, or why not. */
export const noNotifySocket: string | false = libcHere() === undefined &&
  "libc cannot be called here, which makes datagram sockets";

/** What was heard at a socket. */
export interface NotifySocket extends Disposable {
  /** Each datagram so far. */
  readonly heard: readonly string[];
  /** The file descriptors that came with them, by the number of the datagram. */
  readonly fds: ReadonlyMap<number, number>;
}

/** Listens at a path, or at a name that begins with `@`. */
export function notifySocket(name: string): NotifySocket {
  const libc = libcHere()!;
  const fd = checked(
    libc,
    libc.socket(AF.unix, SOCK.dgram | SOCK.cloexec, 0),
    "socket",
  );
  const address = unixSockaddr(name.replace(/^@/, "\0"));
  checked(libc, libc.bind(fd, address, address.length), "bind");
  const heard: string[] = [];
  const fds = new Map<number, number>();
  const receiver = messageReceiver(libc);
  return {
    get heard() {
      for (;;) {
        const got = receiver.receive(fd);
        if (got === undefined || got === "ended") return heard;
        const text = new TextDecoder().decode(got.bytes);
        const [passed] = got.fds;
        // Whoever waits for its end knows that all before it was read.
        if (text.startsWith("BARRIER=1")) {
          libc.close(passed!);
          continue;
        }
        if (passed !== undefined) fds.set(heard.length, passed);
        heard.push(text);
      }
    },
    fds,
    [Symbol.dispose]: () => {
      for (const passed of fds.values()) libc.close(passed);
      libc.close(fd);
    },
  };
}
