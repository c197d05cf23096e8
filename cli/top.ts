/**
 * `prefork top`: a pool on a terminal, again every second, with keys; in plain
 * lines where there is none.
 *
 * @module
 */

import process from "node:process";
import { messageOf } from "../core/errors.ts";
import type { ControlClient, Reply } from "./client.ts";
import type { Output } from "./output.ts";
import { topLines, type TopPlace, type TopView } from "./top_view.ts";

/** How often the pool is asked, in ms. */
const EVERY_MS = 1_000;

/** How long what came of a key is shown, in ms. */
const SAY_MS = 5_000;

/** xterm's alternate screen, and the cursor (DECTCEM), off and on. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** To the corner (CUP), and what is right of a line or below it away (EL, ED). */
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST = "\x1b[J";

/** Signals that would leave the terminal as it is. */
const ENDS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const ESC = "\x1b";

/** One key: a sequence of a terminal, or a character. */
const PRESSED = new RegExp(`${ESC}[[O][A-Z]|[^]`, "g");

/** What keys do. */
type Key =
  | "up"
  | "down"
  | "first"
  | "last"
  | "restart"
  | "switch"
  | "help"
  | "quit";

const KEYS: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  k: "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  j: "down",
  "\x1b[H": "first",
  "\x1b[F": "last",
  g: "first",
  G: "last",
  r: "restart",
  s: "switch",
  "?": "help",
  h: "help",
  q: "quit",
  "\x03": "quit",
};

/**
 * Shows a pool until a key ends that, or the pool does.
 *
 * @throws {PreforkError} `ERR_CONTROL` when the pool is gone
 */
export async function top(
  file: string,
  told: Reply,
  client: ControlClient,
  stdout: Output,
): Promise<void> {
  const live = stdout.isTTY === true && variable("TERM") !== "dumb" &&
    process.stdin.isTTY === true;
  await (live ? new Screen(file, told, client, stdout) : {
    run: () => print(file, told, client, stdout),
  }).run();
}

/** A block of plain lines each second, as long as somebody reads them. */
async function print(
  file: string,
  told: Reply,
  client: ControlClient,
  stdout: Output,
): Promise<void> {
  let isRead = true;
  stdout.onFailure = () => isRead = false;
  const place = { columns: Infinity, rows: Infinity, unicode: false };
  let view: TopView = { now: told };
  for (let at = performance.now(); isRead;) {
    const lines = topLines(view, { ...place, styled: false, coloured: false });
    stdout.write(`${lines.join("\n")}\n\n`);
    await stdout.flushed?.();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const now = await client.status(file);
    const ms = performance.now() - at;
    at += ms;
    view = { now, before: { report: view.now, ms } };
  }
}

/** A terminal. */
class Screen {
  readonly #file: string;
  readonly #client: ControlClient;
  readonly #stdout: Output;
  readonly #over = Promise.withResolvers<void>();
  #view: TopView;
  #at = performance.now();
  /** How often in a row the pool was not there. */
  #missed = 0;
  /** Until when what was said is shown. */
  #sayUntil = 0;

  constructor(file: string, now: Reply, client: ControlClient, stdout: Output) {
    this.#file = file;
    this.#client = client;
    this.#stdout = stdout;
    this.#view = { now, marked: 0 };
  }

  async run(): Promise<void> {
    const { stdin } = process;
    const end = (): void => this.#over.resolve();
    const draw = (): void => this.#draw();
    const read = (keys: Buffer | string): void => this.#read(String(keys));
    const timer = setInterval(() => void this.#look(), EVERY_MS);
    for (const signal of ENDS) process.on(signal, end);
    process.on("SIGWINCH", draw);
    stdin.setRawMode(true);
    stdin.on("data", read);
    stdin.on("end", end);
    stdin.resume();
    this.#stdout.write(ENTER);
    this.#draw();
    try {
      await this.#over.promise;
    } finally {
      clearInterval(timer);
      for (const signal of ENDS) process.off(signal, end);
      process.off("SIGWINCH", draw);
      stdin.off("data", read);
      stdin.off("end", end);
      stdin.setRawMode(false);
      stdin.pause();
      this.#stdout.write(LEAVE);
      await this.#stdout.flushed?.();
    }
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = topLines(this.#view, { ...manner(), columns, rows });
    const text = lines.map((line) => line + REST_OF_LINE).join("\r\n");
    this.#stdout.write(HOME + text + REST);
  }

  async #look(): Promise<void> {
    try {
      const now = await this.#client.status(this.#file);
      const ms = performance.now() - this.#at;
      this.#at += ms;
      const { now: report, message, marked, help } = this.#view;
      const isNew = this.#at < this.#sayUntil;
      this.#view = {
        ...{
          now,
          before: { report, ms },
          marked: markedIn(now, report, marked),
        },
        ...(help !== undefined && { help }),
        ...(message !== undefined && isNew && { message }),
      };
      this.#missed = 0;
    } catch (error) {
      const gone = (error as Error).cause !== undefined;
      // In an upgrade nobody is there for a moment.
      if (gone && ++this.#missed > 1) return this.#over.reject(error);
      this.#say(messageOf(error));
    }
    this.#draw();
  }

  #say(message: string): void {
    this.#sayUntil = performance.now() + SAY_MS;
    this.#view = { ...this.#view, message };
  }

  /** Marks another row. */
  #mark(by: number): void {
    const last = this.#view.now.status.workers.length - 1;
    const marked = Math.max(0, Math.min((this.#view.marked ?? 0) + by, last));
    this.#view = { ...this.#view, marked };
  }

  /** Several keys may come at once. */
  #read(text: string): void {
    for (const [key] of text.matchAll(PRESSED)) {
      const means = KEYS[key];
      if (means !== undefined) this.#press(means);
    }
    this.#draw();
  }

  #press(key: Key): void {
    switch (key) {
      case "up":
        return this.#mark(-1);
      case "down":
        return this.#mark(1);
      case "first":
        return this.#mark(-Infinity);
      case "last":
        return this.#mark(Infinity);
      case "help":
        this.#view = { ...this.#view, help: this.#view.help !== true };
        return;
      case "quit":
        return this.#over.resolve();
      case "restart":
      case "switch":
        return void this.#act(key);
    }
  }

  async #act(key: "restart" | "switch"): Promise<void> {
    const { now: { status: { workers } }, marked = 0 } = this.#view;
    const worker = workers[marked];
    if (worker === undefined) return;
    const { slot, state } = worker;
    const verb = key === "restart"
      ? "restart"
      : state === "quiesced"
      ? "resume"
      : "quiesce";
    this.#say(`${verb} ${slot} ..`);
    try {
      const now = await this.#client.command(
        this.#file,
        `${verb}?slot=${slot}`,
      );
      // The next key may mean what this one has brought about.
      const { now: before, marked: row } = this.#view;
      this.#view = { ...this.#view, now, marked: markedIn(now, before, row) };
      this.#say(`${verb} ${slot}: done`);
    } catch (error) {
      this.#say(messageOf(error));
    }
    this.#draw();
  }
}

/** The row of the same worker, or of its slot, as it is now. */
function markedIn(now: Reply, before: Reply, marked = 0): number {
  const { workers } = now.status;
  const was = before.status.workers[marked];
  const same = workers.findIndex(({ pid }) => pid === was?.pid);
  if (same >= 0) return same;
  const next = workers.findIndex(({ slot }) => slot === was?.slot);
  return next >= 0 ? next : Math.max(0, Math.min(marked, workers.length - 1));
}

/** What the environment says of the terminal. */
function manner(): Omit<TopPlace, "columns" | "rows"> {
  const locale = variable("LC_ALL") || variable("LC_CTYPE") || variable("LANG");
  return {
    styled: true,
    coloured: !variable("NO_COLOR"),
    unicode: /utf-?8/i.test(locale ?? ""),
  };
}

function variable(name: string): string | undefined {
  return process.env[name];
}
