/**
 * How the servers of the bench answer: with the id of the worker and a newline.
 *
 * @module
 */

/** The worker's id in what has come so far, or undefined until all is there. */
export function workerIn(text: string): string | undefined {
  return /\r\n\r\n.*?(\d+)\n/s.exec(text)?.[1];
}
