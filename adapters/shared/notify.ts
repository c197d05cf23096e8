/**
 * A datagram to the service manager that has started this process, as
 * sd_notify(3) sends it. By libc: Node and Bun have no datagram sockets of this
 * family; without it by a command.
 *
 * @module
 */

import { messageOf } from "../../core/errors.ts";
import { monotonic } from "../../libc/clock.ts";
import { AF, checked, type Libc, SOCK } from "../../libc/libc.ts";
import { messageSender } from "../../libc/message.ts";
import { openLibc } from "../../libc/open.ts";
import { unixSockaddr } from "../../libc/sockaddr.ts";
import { notifyByCommand } from "./notify_command.ts";

/** See {@linkcode Adapter.notify}. */
export function notify(
  socket: string,
  state: string,
  passing?: number,
): string | undefined {
  if (!/^[/@]./s.test(socket)) {
    return `"${socket}" is neither a path nor the abstract name of a Unix socket`;
  }
  let libc: Libc;
  try {
    libc = openLibc();
  } catch (error) {
    const why = notifyByCommand(state);
    return why && `libc is missing (${messageOf(error)}), and ${why}`;
  }
  try {
    const to = unixSockaddr(socket.replace(/^@/, "\0"));
    const bytes = new TextEncoder().encode(
      /^RELOADING=1$/m.test(state)
        ? `${state}\nMONOTONIC_USEC=${monotonic(libc) / 1000n}`
        : state,
    );
    const fd = checked(
      libc,
      libc.socket(AF.unix, SOCK.dgram | SOCK.cloexec, 0),
      "socket",
    );
    try {
      const sent = messageSender(libc).send(fd, bytes, passing, to);
      checked(libc, sent, "sendmsg");
    } finally {
      libc.close(fd);
    }
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
