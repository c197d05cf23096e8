/**
 * Holds back what workers write before they are ready, so that a program which
 * cannot boot shows its error once and not once per worker and attempt.
 *
 * @module
 */

/** A line of output. */
export interface OutputLine {
  /** Where it was written. */
  readonly stream: "stdout" | "stderr";
  /** The line without its end. */
  readonly line: string;
}

/** The most lines that are held for a worker; older ones are let go first. */
const MAX_HELD = 1000;

/** Decides what of the output of booting workers is shown. */
export class BootOutput<W> {
  readonly #show: (worker: W, line: OutputLine) => void;
  readonly #held = new Map<W, OutputLine[]>();
  /** What the last failed boot showed. */
  #shown = "";
  /** What the first worker of the pool, which is not held, wrote so far. */
  readonly #spoken: string[] = [];
  #speaker: W | undefined;
  #muted = false;

  /** Makes one that shows lines by a function. */
  constructor(show: (worker: W, line: OutputLine) => void) {
    this.#show = show;
  }

  /**
   * A worker starts: its lines are held from now on. Those of the very first
   * one are not, so that a slow boot can be watched.
   */
  begin(worker: W): void {
    if (this.#speaker === undefined) this.#speaker = worker;
    else this.#held.set(worker, []);
  }

  /** A worker wrote a line. */
  write(worker: W, line: OutputLine): void {
    const held = this.#held.get(worker);
    if (held === undefined) {
      if (this.#muted) return;
      if (worker === this.#speaker) this.#spoken.push(line.line);
      this.#show(worker, line);
    } else if (held.push(line) > MAX_HELD) this.#show(worker, held.shift()!);
  }

  /** A worker is ready, or leaves as asked: its lines are shown. */
  release(worker: W): void {
    const held = this.#held.get(worker) ?? [];
    this.#held.delete(worker);
    if (worker === this.#speaker) this.#spoken.length = 0;
    for (const line of held) this.#show(worker, line);
  }

  /** A boot failed: its lines are shown unless they have been shown before. */
  fail(worker: W): void {
    const spoken = this.#spoken.join("\n");
    if (worker === this.#speaker) {
      this.#shown = spoken;
      return;
    }
    const lines = this.#held.get(worker) ?? [];
    const text = lines.map(({ line }) => line).join("\n");
    if (text === this.#shown || text === spoken) this.#held.delete(worker);
    else this.release(worker);
    this.#shown = text;
  }

  /** The pool gives up: nothing more is shown. */
  mute(): void {
    this.#held.clear();
    this.#muted = true;
  }
}
