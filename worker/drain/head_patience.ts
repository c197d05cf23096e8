/**
 * How long a drain waits for the head of a request whose first bytes have come,
 * and what its client hears then. A body is another thing: by then the request
 * is the program's, and an answer is owed.
 *
 * @module
 */

/** How long it is waited for, in ms: at most. */
const HEAD_MS = 5000;

/** The part of the window that it gets. */
const FOR_HEADS = 0.5;

/** How long it is waited for in a drain of this window, in ms. */
export function headPatience(window: number): number {
  return Math.min(HEAD_MS, window * FOR_HEADS);
}

/** The answer to half a head, RFC 9110 §15.5.9. */
export const REQUEST_TIMEOUT =
  "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
