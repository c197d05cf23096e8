/** Names what a test waited for in vain, before the test's own limit ends it. */

import { patience } from "./pace.ts";

/** Milliseconds; far beyond what anything takes on a busy machine. */
const LIMIT = patience(20_000);

/** The promise, or a failure that names it after twenty seconds, or more on a slow machine. */
export async function within<T>(
  promise: Promise<T>,
  what: () => string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${LIMIT} ms in vain for ${what()}`)),
      LIMIT,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
