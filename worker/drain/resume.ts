/**
 * What is ended with care, and may have to go on instead on the way.
 *
 * @module
 */

/** Ends something, or has it go on. */
export class Resumable {
  #resume = (): void => {};

  /**
   * Resolves when `end` has, with true, or as soon as it is resumed, with false.
   *
   * @param end is told by `isOver` that nothing more is to be ended
   */
  async finish(
    end: (isOver: () => boolean) => Promise<void>,
  ): Promise<boolean> {
    let over = false;
    const resumed = new Promise<void>((resolve) => {
      this.#resume = () => {
        over = true;
        resolve();
      };
    });
    await Promise.race([end(() => over), resumed]);
    return !over;
  }

  /** Has it go on; nothing happens where nothing ends. */
  resume(): void {
    this.#resume();
  }
}
