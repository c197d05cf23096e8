/**
 * What a pool does with the service manager that has started it: the options for
 * it.
 *
 * @module
 */

import { flag, whole } from "./values.ts";

/** The options that say so. */
export interface ServiceOptions {
  /**
   * Has the service manager keep the pool's sockets (FDSTORE of sd_notify(3)):
   * when the supervisor is started again, also after SIGKILL, whoever has
   * connected meanwhile is served. The unit needs `FileDescriptorStoreMax=`. See
   * docs/DEPLOY.md.
   *
   * Given as `true`, a pool does not start (`TypeError`) where none can: without
   * `$NOTIFY_SOCKET`, or libc.
   *
   * @default {true} where systemd says that it does (`$FDSTORE`, from version
   * 254 on), else false
   */
  readonly fdStore?: boolean;
  /**
   * A file descriptor, from 3 on, to which a line is written when every worker
   * is ready for the first time, and which is closed then: the
   * `notification-fd` of s6
   * (https://skarnet.org/software/s6/notifywhenup.html). Where it is not open, or
   * no pipe, the pool does not start (`TypeError`).
   *
   * @default none
   */
  readonly notificationFd?: number;
}

/** The same, checked. */
export interface ServiceConfig {
  /** Whether the manager is to keep the sockets; undefined where it decides. */
  readonly fdStore: boolean | undefined;
  /** Where a line is written when it serves, if anywhere. */
  readonly notificationFd: number | undefined;
}

/**
 * Checks them.
 *
 * @throws {TypeError} when one has the wrong type
 * @throws {RangeError} when the descriptor is none
 */
export function checkService(
  { fdStore, notificationFd }: ServiceOptions,
): ServiceConfig {
  return {
    fdStore: fdStore === undefined ? undefined : flag("fdStore", fdStore),
    notificationFd: notificationFd === undefined
      ? undefined
      : whole("notificationFd", notificationFd, 3, 65_535),
  };
}
