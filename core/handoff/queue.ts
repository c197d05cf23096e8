/**
 * Connections that wait for a worker, in lines: one for each listener and each
 * worker that alone may have them. What cannot be taken now holds up its own
 * line only.
 *
 * @module
 */

/** What waits; a lower id came earlier. */
export interface Queued<T> {
  /** Its number, in the order of arrival. */
  readonly id: number;
  /** Where it came in. */
  readonly listener: string;
  /** The worker that alone may have it, or undefined when any may. */
  readonly target: T | undefined;
}

/** Keeps lines. */
export class Queue<T, W extends Queued<T>> {
  #size = 0;
  readonly #lines: W[][] = [];

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Puts one into its line, in the order of arrival. */
  enqueue(one: W): void {
    let line = this.#lines.find(([head]) =>
      head!.listener === one.listener && head!.target === one.target
    );
    if (line === undefined) this.#lines.push(line = []);
    // What comes back came earlier: it goes before those that came later.
    let at = line.length;
    while (at > 0 && line[at - 1]!.id > one.id) at--;
    if (at === line.length) line.push(one);
    else line.splice(at, 0, one);
    this.#size++;
  }

  /** Whoever is first in each line, the earliest first. */
  heads(): readonly W[] {
    // One line is the rule.
    if (this.#lines.length === 1) return [this.#lines[0]![0]!];
    return this.#lines.map((line) => line[0]!).sort((a, b) => a.id - b.id);
  }

  /** Takes one that is first in its line. */
  take(head: W): void {
    const at = this.#lines.findIndex((line) => line[0] === head);
    const line = this.#lines[at]!;
    line.shift();
    this.#size--;
    if (line.length === 0) this.#lines.splice(at, 1);
  }

  /** Takes all, in the order of arrival. */
  drain(): readonly W[] {
    this.#size = 0;
    return this.#lines.splice(0).flat().sort((a, b) => a.id - b.id);
  }
}
