/**
 * A socket at which a program says how it is (sd_notify(3)). By libc: Node and
 * Bun have no datagram sockets of this family.
 *
 * @module
 */

import type { NotifySocket } from "../../core/adapter/notify_socket.ts";
import { AF, checked, SOCK } from "../../libc/libc.ts";
import { messageReceiver } from "../../libc/message.ts";
import { openLibc } from "../../libc/open.ts";
import { unixSockaddr } from "../../libc/sockaddr.ts";
import { withReserve } from "./descriptors.ts";
import { type SocketPlace, socketPlace } from "./socket_place.ts";

/** So many datagrams are read at once. */
const MOST = 64;

/** See {@linkcode NotifySockets.notifySocket}. */
export function notifySocket(uid?: number): NotifySocket {
  const libc = openLibc();
  const fd = withReserve(() =>
    checked(
      libc,
      libc.socket(AF.unix, SOCK.dgram | SOCK.cloexec | SOCK.nonblock, 0),
      "socket",
    )
  );
  let place: SocketPlace | undefined;
  const close = (): void => {
    libc.close(fd);
    place?.remove();
  };
  try {
    place = socketPlace(uid);
    const address = unixSockaddr(place.path);
    checked(libc, libc.bind(fd, address, address.length), "bind");
    place.give();
    const receiver = messageReceiver(libc);
    return {
      path: place.path,
      read() {
        const texts: string[] = [];
        for (let i = 0; i < MOST; i++) {
          const got = receiver.receive(fd);
          if (got === undefined) break;
          // One without a byte is the end of a stream, and none of this.
          if (got === "ended") continue;
          // Who waits until all was read (BARRIER=1) passes the end of a pipe.
          for (const passed of got.fds) libc.close(passed);
          texts.push(new TextDecoder().decode(got.bytes));
        }
        return texts;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
