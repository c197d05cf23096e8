/**
 * A datagram to the service manager that has started this process, as
 * sd_notify(3) sends it. By libc: Node and Bun have no datagram sockets of this
 * family.
 *
 * @module
 */

import { messageOf } from "../../core/errors.ts";
import { AF, checked, SOCK } from "../../libc/libc.ts";
import { messageSender } from "../../libc/message.ts";
import { openLibc } from "../../libc/open.ts";
import { unixSockaddr } from "../../libc/sockaddr.ts";

/** See {@linkcode Adapter.notify}. */
export function notify(socket: string, state: string): string | undefined {
  try {
    const libc = openLibc();
    const to = unixSockaddr(socket.replace(/^@/, "\0"));
    const bytes = new TextEncoder().encode(state);
    const fd = checked(
      libc,
      libc.socket(AF.unix, SOCK.dgram | SOCK.cloexec, 0),
      "socket",
    );
    try {
      const sent = messageSender(libc).send(fd, bytes, undefined, to);
      checked(libc, sent, "sendmsg");
    } finally {
      libc.close(fd);
    }
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
