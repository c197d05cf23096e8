/**
 * The one queue of a pool: whatever happens is done in its turn, and a look at
 * what is wanted follows.
 *
 * @module
 */

/** Does one thing after the other. */
export class TaskQueue {
  readonly #tasks: (() => void)[] = [];
  readonly #look: () => void;
  #turning = false;

  /**
   * Makes an empty one.
   *
   * @param look is called whenever nothing is left to be done
   */
  constructor(look: () => void) {
    this.#look = look;
  }

  /** Does something now, or after what is being done. */
  post(task: () => void): void {
    this.#tasks.push(task);
    if (this.#turning) return;
    this.#turning = true;
    try {
      for (let next = this.#tasks.shift(); next; next = this.#tasks.shift()) {
        next();
        if (this.#tasks.length === 0) this.#look();
      }
    } finally {
      this.#turning = false;
    }
  }
}
