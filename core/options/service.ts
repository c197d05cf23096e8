/**
 * What a pool does with the service manager that has started it: the options for
 * it.
 *
 * @module
 */

import { flag } from "./values.ts";

/** The options that say so. */
export interface ServiceOptions {
  /**
   * Has the service manager keep the pool's sockets (FDSTORE of sd_notify(3)):
   * when the supervisor is started again, also after SIGKILL, whoever has
   * connected meanwhile is served. The unit needs `FileDescriptorStoreMax=`. See
   * docs/DEPLOY.md.
   *
   * @default {true} where systemd says that it does (`$FDSTORE`, from version
   * 254 on), else false
   */
  readonly fdStore?: boolean;
}

/** The same, checked. */
export interface ServiceConfig {
  /** Whether the manager is to keep the sockets; undefined where it decides. */
  readonly fdStore: boolean | undefined;
}

/**
 * Checks them.
 *
 * @throws {TypeError} when one has the wrong type
 */
export function checkService({ fdStore }: ServiceOptions): ServiceConfig {
  return {
    fdStore: fdStore === undefined ? undefined : flag("fdStore", fdStore),
  };
}
