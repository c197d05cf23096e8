/**
 * The sockets at which a program in another language says that it is ready.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { messageOf, PreforkError } from "../errors.ts";
import type { LineSocket, NotifySocket } from "../adapter/notify_socket.ts";
import type { ProgramConfig } from "../options/program.ts";
import type { UserConfig } from "../options/user.ts";
import type { ProgramHabits } from "./program_habits.ts";
import { accountOf } from "./user.ts";

/** Those of one worker. */
export interface WordSockets {
  /** For what is said to a service manager. */
  readonly notify: NotifySocket | undefined;
  /** For what is said to Einhorn. */
  readonly ack: LineSocket | undefined;
  /** Closes them. Never throws. */
  close(): void;
}

/**
 * Opens the sockets of one worker, those that are asked for.
 *
 * @param habits how the program is treated, where it is in another language
 * @throws {PreforkError} `ERR_SPAWN` when there can be none
 */
export function wordSocketsFor(
  config: Pick<ProgramConfig, "readyNotify"> & UserConfig,
  habits: Pick<ProgramHabits, "pass"> | undefined,
  adapter: Pick<Adapter, "notifySocket" | "lineSocket" | "host">,
): WordSockets | undefined {
  const isEinhorns = habits?.pass === "einhorn";
  if (habits === undefined || !(config.readyNotify || isEinhorns)) {
    return undefined;
  }
  const uid = accountOf(config, adapter.host)?.uid;
  const notify = config.readyNotify
    ? opened(
      () => adapter.notifySocket(uid),
      '"readyNotify"',
      'use "readyLine" or "readyFd", or a supervisor on Node 26.9 or later, on Deno with --allow-ffi, or on Bun',
    )
    : undefined;
  try {
    const ack = isEinhorns
      ? opened(
        () => adapter.lineSocket(uid),
        '"einhorn" for "pass"',
        "its programs find no command socket then, mend that or pass sockets in another way",
      )
      : undefined;
    return {
      notify,
      ack,
      close() {
        notify?.close();
        ack?.close();
      },
    };
  } catch (error) {
    notify?.close();
    throw error;
  }
}

function opened<T>(open: () => T, what: string, wayOut: string): T {
  try {
    return open();
  } catch (error) {
    throw new PreforkError(
      "ERR_SPAWN",
      `Cannot use ${what}: ${messageOf(error)}, ${wayOut}`,
      error,
    );
  }
}
