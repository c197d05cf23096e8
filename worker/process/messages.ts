/**
 * The program's own messages: to functions and to async iterators.
 *
 * @module
 */

/** Hands messages out. */
export interface Messages {
  /** Gives a message to everyone who asked. */
  emit(message: unknown): void;
  /** Ends every iterator. */
  end(): void;
  /** Asks for each message until disposed. */
  on(run: (message: unknown) => void): Disposable;
  /** Asks for each message, buffered until taken. */
  iterate(): AsyncIterableIterator<unknown>;
}

/** Makes the hand-out. */
export function createMessages(): Messages {
  const listeners = new Set<(message: unknown) => void>();
  const ends = new Set<() => void>();
  let ended = false;

  const on = (run: (message: unknown) => void): Disposable => {
    // A fresh function, so that one given twice is called twice.
    const listener = (message: unknown): void => run(message);
    listeners.add(listener);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  };

  return {
    emit(message) {
      for (const listener of [...listeners]) listener(message);
    },
    end() {
      ended = true;
      for (const end of ends) end();
      ends.clear();
    },
    on,
    iterate() {
      const buffer: unknown[] = [];
      const waiting: ((result: IteratorResult<unknown>) => void)[] = [];
      let over = ended;
      const subscription = on((message) => {
        const next = waiting.shift();
        if (next === undefined) buffer.push(message);
        else next({ done: false, value: message });
      });
      const end = (): void => {
        over = true;
        subscription[Symbol.dispose]();
        ends.delete(end);
        for (const next of waiting.splice(0)) {
          next({ done: true, value: undefined });
        }
      };
      if (over) end();
      else ends.add(end);
      return {
        next() {
          if (buffer.length > 0) {
            return Promise.resolve({ done: false, value: buffer.shift() });
          }
          if (over) return Promise.resolve({ done: true, value: undefined });
          return new Promise((resolve) => waiting.push(resolve));
        },
        return() {
          buffer.length = 0;
          end();
          return Promise.resolve({ done: true, value: undefined });
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}
