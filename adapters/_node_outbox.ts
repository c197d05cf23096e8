/**
 * The order of what a supervisor on Node sends to one worker.
 *
 * Deno 2.9.5 loses a connection whose frame it reads together with a message
 * before it, and Node cannot see whether a worker has read everything. So a
 * connection keeps a distance from the message before it. A worker on Deno that
 * is busy for longer than that can still lose one: supervisors on Deno and Bun
 * ask the kernel instead.
 *
 * @module
 */

/** The distance in milliseconds; an idle worker reads far sooner. */
const DISTANCE = 100;

/** Sends in order, at once where it can. */
export interface Outbox {
  /** Sends a message. */
  message(send: () => void): void;
  /** Sends a connection. */
  connection(send: () => void): void;
}

interface Waiting {
  readonly kind: keyof Outbox;
  readonly send: () => void;
}

/** Makes an empty outbox. */
export function outbox(): Outbox {
  const waiting: Waiting[] = [];
  let lastMessage = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const rest = lastMessage + DISTANCE - performance.now();
      if (next.kind === "message") lastMessage = performance.now();
      else if (rest > 0) {
        timer = setTimeout(flush, rest);
        return;
      }
      waiting.shift();
      next.send();
    }
  };
  const add = (next: Waiting): void => {
    waiting.push(next);
    if (timer === undefined) flush();
  };
  return {
    message: (send) => add({ kind: "message", send }),
    connection: (send) => add({ kind: "connection", send }),
  };
}
