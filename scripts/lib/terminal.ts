/**
 * A terminal in memory: what it shows after what was written to it. Knows what
 * the command and a shell write (ECMA-48, and xterm's for the cursor and the
 * other screen), and refuses the rest.
 *
 * @module
 */

/** How a character looks. */
export interface Look {
  /** The colour, 0 to 15; undefined for the usual one. */
  readonly colour?: number | undefined;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly inverse?: boolean;
}

/** One character of the screen. */
export interface Cell {
  readonly char: string;
  readonly look: Look;
  /** When it was written, in ms. */
  readonly at: number;
}

/** A line of the screen; what nothing was written to is undefined. */
export type Row = readonly (Cell | undefined)[];

/** A control sequence, a command to the terminal, a control character, text. */
const PART = new RegExp(
  [
    String.raw`\x1b\[([?>=]?)([\d;]*)([@-~])`,
    String.raw`\x1b\].*?(?:\x07|\x1b\\)`,
    String.raw`\x1b(?:[=>78]|\(B)`,
    String.raw`[\r\n\b\t\x07]`,
    String.raw`[^\x00-\x1f\x7f]`,
  ].join("|"),
  "gsu",
);

/** A screen of so many columns and rows; what leaves it at the top is kept. */
export class Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly #left: Row[] = [];
  #screen: (Cell | undefined)[][] = [[]];
  #usual: (Cell | undefined)[][] | undefined;
  #row = 0;
  #column = 0;
  #look: Look = {};

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Every line so far, those that have left the screen too. */
  get lines(): readonly Row[] {
    return [...this.#left, ...this.#screen];
  }

  /** What is in the line of the cursor. */
  get line(): string {
    return textOf(this.#screen[this.#row] ?? []);
  }

  /**
   * Writes to it; what is begun at its end has to come whole.
   *
   * @throws {Error} for what it does not know
   */
  write(text: string, at: number): void {
    let end = 0;
    for (const match of text.matchAll(PART)) {
      if (match.index !== end) break;
      end += match[0].length;
      const [part, kind, numbers = "", letter] = match;
      if (letter !== undefined) this.#obey(kind!, numbers, letter);
      else this.#put(part, at);
    }
    if (end < text.length) {
      throw new Error(
        `Cannot show ${JSON.stringify(text.slice(end, end + 20))}`,
      );
    }
  }

  #put(part: string, at: number): void {
    switch (part) {
      case "\r":
        this.#column = 0;
        return;
      case "\n":
        return this.#down();
      case "\b":
        this.#column = Math.max(0, this.#column - 1);
        return;
      case "\t":
        this.#column = Math.min(this.columns - 1, (this.#column | 7) + 1);
        return;
    }
    if (part === "\x07" || part.startsWith("\x1b")) return;
    if (this.#column === this.columns) {
      this.#column = 0;
      this.#down();
    }
    this.#rowHere()[this.#column++] = { char: part, look: this.#look, at };
  }

  #down(): void {
    if (this.#row + 1 < this.rows) {
      this.#row++;
      this.#rowHere();
      return;
    }
    this.#left.push(this.#screen.shift()!);
    this.#screen.push([]);
  }

  #rowHere(): (Cell | undefined)[] {
    while (this.#screen.length <= this.#row) this.#screen.push([]);
    return this.#screen[this.#row]!;
  }

  #obey(kind: string, numbers: string, letter: string): void {
    const given = numbers.split(";").map((text) => Number(text || NaN));
    const count = given[0] || 1;
    if (kind !== "") {
      // Another screen, which goes away with all that was on it.
      if (numbers === "1049" && letter === "h") {
        this.#usual = this.#screen;
        this.#screen = [[]];
        this.#row = this.#column = 0;
      } else if (numbers === "1049" && this.#usual !== undefined) {
        this.#screen = this.#usual;
        this.#usual = undefined;
        this.#row = this.#screen.length - 1;
        this.#column = 0;
      }
      return;
    }
    switch (letter) {
      case "m":
        this.#look = given.reduce(lookAfter, this.#look);
        return;
      case "H":
      case "f":
        this.#row = Math.min(this.rows, count) - 1;
        this.#column = Math.min(this.columns, given[1] || 1) - 1;
        this.#rowHere();
        return;
      case "G":
        this.#column = Math.min(this.columns, count) - 1;
        return;
      case "A":
        this.#row = Math.max(0, this.#row - count);
        return;
      case "B":
        this.#row = Math.min(this.rows - 1, this.#row + count);
        this.#rowHere();
        return;
      case "C":
        this.#column = Math.min(this.columns - 1, this.#column + count);
        return;
      case "D":
        this.#column = Math.max(0, this.#column - count);
        return;
      case "K":
        this.#erase(given[0] || 0);
        return;
      case "J":
        this.#erase(given[0] || 0);
        if (given[0] === 1) this.#screen.fill([], 0, this.#row);
        else if (given[0] === 2 || given[0] === 3) this.#screen = [[]];
        else this.#screen.length = this.#row + 1;
        this.#rowHere();
        return;
      default:
        throw new Error(`Cannot show CSI ${kind}${numbers}${letter}`);
    }
  }

  /** Erases the line to its end (0), from its beginning (1), or all of it (2). */
  #erase(part: number): void {
    const row = this.#rowHere();
    if (part === 0) row.length = Math.min(row.length, this.#column);
    else row.fill(undefined, 0, part === 1 ? this.#column + 1 : row.length);
  }
}

/** What a line says. */
export function textOf(row: Row): string {
  return Array.from(row, (cell) => cell?.char ?? " ").join("").trimEnd();
}

/** SGR of ECMA-48, as far as 16 colours go. */
function lookAfter(look: Look, number: number): Look {
  switch (number || 0) {
    case 0:
      return {};
    case 1:
      return { ...look, bold: true };
    case 2:
      return { ...look, dim: true };
    case 7:
      return { ...look, inverse: true };
    case 22:
      return { ...look, bold: false, dim: false };
    case 27:
      return { ...look, inverse: false };
    case 39:
      return { ...look, colour: undefined };
  }
  if (number >= 30 && number <= 37) return { ...look, colour: number - 30 };
  if (number >= 90 && number <= 97) return { ...look, colour: number - 82 };
  throw new Error(`Cannot show SGR ${number}`);
}
