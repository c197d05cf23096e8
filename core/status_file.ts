/**
 * Writes the status of a pool into a file, for whoever is not told otherwise:
 * scripts that have sent a signal, and monitoring.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import { messageOf, PreforkError, unwritable } from "./errors.ts";
import type { EventStream } from "./event_stream.ts";
import { type PoolEvent, type PoolStatus, TALK } from "./events.ts";
import { ownFile } from "./watch/own.ts";

/** The least time between two writes, in ms. */
export const WRITE_MS = 200;

/** After so many ms what could not be written is tried again. */
export const RETRY_MS = 5000;

/**
 * Keeps the file, if there is to be one, until disposed, which removes it.
 *
 * @param heritage there while a predecessor has the file
 * @throws {PreforkError} `ERR_STATUS_FILE` when it cannot be written
 */
export function keepStatusFile(
  { clock, host, placeFile }: Pick<Adapter, "clock" | "host" | "placeFile">,
  given: string | undefined,
  pool: { status(): PoolStatus; warn(message: string): void },
  events: Pick<EventStream<PoolEvent>, "listen">,
  heritage: { readonly isAlone: boolean } | undefined,
): readonly Disposable[] {
  if (given === undefined) return [];
  const path = host.resolve(given);
  ownFile(path);
  let owned = heritage?.isAlone ?? true;
  let failing = false;
  let wait: Disposable | undefined;
  /** Something has changed since the last write. */
  let changed = false;

  const write = (): void => {
    const at = new Date().toISOString();
    placeFile(path, JSON.stringify({ pid: host.pid, at, ...pool.status() }));
  };
  const pause = (ms: number): void => {
    wait = clock.after(ms, () => {
      wait = undefined;
      if (changed) update();
    });
  };
  const update = (): void => {
    changed = true;
    if (!owned || wait !== undefined) return;
    try {
      write();
      changed = false;
      failing = false;
      pause(WRITE_MS);
    } catch (error) {
      if (!failing) {
        pool.warn(
          `the status file "${path}" is not up to date, it cannot be written (${
            messageOf(error)
          }); the pool goes on and tries again`,
        );
      }
      failing = true;
      pause(RETRY_MS);
    }
  };
  const leave = (): void => {
    owned = false;
    wait?.[Symbol.dispose]();
    wait = undefined;
  };

  if (owned) {
    try {
      write();
    } catch (error) {
      throw statusFileError(path, error);
    }
  }
  const hearing = events.listen(({ type }) => {
    if (type === "upgrade-finished") return leave();
    if (type === "taken-over" || type === "taken-back") owned = true;
    if (!TALK.has(type)) update();
  });
  return [{
    [Symbol.dispose]() {
      hearing[Symbol.dispose]();
      const own = owned;
      leave();
      if (!own) return;
      try {
        placeFile(path, undefined);
      } catch {
        // Somebody has removed it, or its directory.
      }
    },
  }];
}

/** The error of a status file that cannot be written. */
export function statusFileError(path: string, cause: unknown): PreforkError {
  return new PreforkError(
    "ERR_STATUS_FILE",
    `Cannot write the status file "${path}"${unwritable(cause)}`,
    cause,
  );
}
