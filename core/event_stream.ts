/**
 * One source, many readers: every reader sees each value pushed since it began.
 *
 * @module
 */

/** A source of values that several loops can read. */
export class EventStream<T> {
  readonly #readers = new Set<EventReader<T>>();
  readonly #listeners = new Set<Listener<T>>();
  #closed = false;

  /** Hands a value to every present reader and listener. */
  push(value: T): void {
    for (const reader of this.#readers) reader.push(value);
    for (const listener of this.#listeners) {
      // Not now: what has happened may be half done.
      void Promise.resolve().then(() => {
        if (this.#listeners.has(listener)) listener.hear(value);
      });
    }
  }

  /**
   * Has every value told to a function that does not throw, one after the other
   * and soon after it was pushed, until the returned one is disposed.
   */
  listen(hear: (value: T) => void): Disposable {
    // An object of its own: the same function may listen twice.
    const listener = { hear };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Ends every reader's loop once it has read what was pushed. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** Begins to collect values; the loop ends with {@linkcode EventStream.close}. */
  read(): AsyncIterableIterator<T> {
    const reader = new EventReader<T>(() => this.#readers.delete(reader));
    if (this.#closed) reader.end();
    else this.#readers.add(reader);
    return reader;
  }
}

interface Listener<T> {
  hear(value: T): void;
}

class EventReader<T> implements AsyncIterableIterator<T> {
  /** What was pushed; what comes before `#next` has been read. */
  readonly #values: T[] = [];
  #next = 0;
  readonly #leave: () => void;
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  push(value: T): void {
    this.#values.push(value);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#next === this.#values.length && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#next === this.#values.length) {
      return { done: true, value: undefined };
    }
    const value = this.#values[this.#next++]!;
    // Not one by one, which would move all that wait each time.
    if (this.#next * 2 > this.#values.length) {
      this.#values.splice(0, this.#next);
      this.#next = 0;
    }
    return { done: false, value };
  }

  return(): Promise<IteratorResult<T>> {
    this.#leave();
    this.#ended = true;
    this.#values.length = this.#next = 0;
    this.#wake();
    return Promise.resolve({ done: true, value: undefined });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
