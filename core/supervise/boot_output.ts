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

/**
 * The most that is held for a worker, in lines and in UTF-16 units of all of
 * them; older ones are let go first.
 */
const MAX_HELD = { lines: 1000, units: 4 * 1024 * 1024 } as const;

/** Lines that are held. */
class HeldLines {
  readonly #lines: OutputLine[] = [];
  #units = 0;

  /** Holds one more; returns those that are let go for it. */
  push(line: OutputLine): readonly OutputLine[] {
    this.#units += line.line.length;
    this.#lines.push(line);
    const released: OutputLine[] = [];
    while (
      this.#lines.length > MAX_HELD.lines || this.#units > MAX_HELD.units
    ) {
      const first = this.#lines.shift()!;
      this.#units -= first.line.length;
      released.push(first);
    }
    return released;
  }

  /** All that are held now. */
  get all(): readonly OutputLine[] {
    return this.#lines;
  }

  /** The same as one text. */
  get text(): string {
    return this.#lines.map(({ line }) => line).join("\n");
  }
}

/** Decides what of the output of booting workers is shown. */
export class BootOutput<W> {
  readonly #show: (worker: W, line: OutputLine) => void;
  readonly #held = new Map<W, HeldLines>();
  /** What the last failed boot showed. */
  #shown = "";
  /** What the first worker of the pool, which is not held, wrote so far. */
  #spoken: HeldLines | undefined = new HeldLines();
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
    else this.#held.set(worker, new HeldLines());
  }

  /** A worker wrote a line. */
  write(worker: W, line: OutputLine): void {
    const held = this.#held.get(worker);
    if (held === undefined) {
      if (this.#muted) return;
      if (worker === this.#speaker) this.#spoken?.push(line);
      this.#show(worker, line);
    } else for (const old of held.push(line)) this.#show(worker, old);
  }

  /** A worker is ready, or leaves as asked: its lines are shown. */
  release(worker: W): void {
    const held = this.#held.get(worker)?.all ?? [];
    this.#held.delete(worker);
    if (worker === this.#speaker) this.#spoken = undefined;
    for (const line of held) this.#show(worker, line);
  }

  /** A boot failed: its lines are shown unless they have been shown before. */
  fail(worker: W): void {
    const spoken = this.#spoken?.text ?? "";
    if (worker === this.#speaker) {
      this.#shown = spoken;
      return;
    }
    const text = this.#held.get(worker)?.text ?? "";
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
