/**
 * What `prefork top` shows, as lines of text: nothing here knows of a terminal.
 *
 * @module
 */

import type { QueueStatus } from "../core/events.ts";
import type { ReceiveBuffer } from "../core/adapter/accept_queue.ts";
import type { StatusReport } from "./status.ts";
import { ageText } from "./status.ts";

/** What is shown. */
export interface TopView {
  /** The pool now. */
  readonly now: StatusReport;
  /** The same before, and how long ago that was, in ms; undefined at first. */
  readonly before?: { readonly report: StatusReport; readonly ms: number };
  /** The row that is marked, from 0; undefined where none can be. */
  readonly marked?: number;
  /** What there is to say, instead of the keys. */
  readonly message?: string;
  /** Whether the help is shown instead of the workers. */
  readonly help?: boolean;
}

/** What it is shown on. */
export interface TopPlace {
  /** How many columns there are. */
  readonly columns: number;
  /** How many rows there are; Infinity on no terminal. */
  readonly rows: number;
  /** Whether text may be marked by sequences of ECMA-48. */
  readonly styled: boolean;
  /** Whether it may have colours, too. */
  readonly coloured: boolean;
  /** Whether it may have other characters than those of ASCII. */
  readonly unicode: boolean;
}

type Worker = StatusReport["status"]["workers"][number];

interface Column {
  readonly title: string;
  readonly width: number;
  /** Text to the left, numbers to the right. */
  readonly left?: boolean;
  /** From which width on it is shown. */
  readonly from?: number;
  /** Which workers it says something of; where there is none it is left out. */
  shown?(worker: Worker): boolean;
  text(worker: Worker, rates: Rates | undefined, place: TopPlace): string;
}

/** What a worker has done in a second, of late. */
interface Rates {
  /** Percent of one CPU. */
  readonly cpu: number | undefined;
  readonly accepted: number;
  readonly requests: number | undefined;
}

/** Those without `from` have 78 columns together, marks and gaps included. */
const COLUMNS: readonly Column[] = [
  { title: "SLOT", width: 4, text: ({ slot }) => String(slot) },
  { title: "PID", width: 7, text: ({ pid }) => String(pid) },
  { title: "STATE", width: 8, left: true, text: ({ state }) => state },
  {
    title: "RUN",
    width: 4,
    left: true,
    from: 100,
    text: ({ runtime }) => runtime,
  },
  { title: "GEN", width: 4, text: ({ generation }) => String(generation) },
  { title: "AGE", width: 4, text: ({ age }) => ageText(age) },
  { title: "RST", width: 4, text: ({ restarts }) => String(restarts) },
  { title: "CPU%", width: 6, text: (_, rates) => tenth(rates?.cpu) },
  { title: "RSS", width: 6, text: ({ rss }) => sizeText(rss) },
  {
    title: "LOOP%",
    width: 5,
    text: ({ busy }) => busy === undefined ? "-" : String(percent(busy)),
  },
  { title: "LAG", width: 5, text: ({ lag }) => lagText(lag) },
  {
    title: "CONN",
    width: 6,
    text: ({ connections }) => String(connections),
  },
  { title: "REQ/S", width: 6, text: (_, rates) => tenth(rates?.requests) },
  {
    title: "ACC/S",
    width: 6,
    from: 100,
    text: (_, rates) => tenth(rates?.accepted),
  },
  {
    title: "QUEUE",
    width: 9,
    from: 100,
    shown: ({ queue }) => queue !== undefined,
    text: ({ queue }) => queueText(queue) ?? "-",
  },
  {
    title: "REQUESTS",
    width: 10,
    from: 120,
    text: ({ requests }) => requests === undefined ? "-" : String(requests),
  },
  {
    title: "ACCEPTED",
    width: 10,
    from: 140,
    text: ({ accepted }) => String(accepted),
  },
  {
    title: "PASSED",
    width: 8,
    from: 140,
    text: ({ passedOn }) => String(passedOn),
  },
  {
    title: "TAKEN",
    width: 8,
    from: 140,
    text: ({ takenOver }) => String(takenOver),
  },
  {
    title: "CPU",
    width: 40,
    left: true,
    from: 185,
    text: (_, rates, { unicode }) => bar(rates?.cpu ?? 0, 40, unicode),
  },
];

const KEYS = "up/down move  r restart  s quiesce or resume  ? help  q quit";

const HELP = [
  "up, down, k, j   mark a worker        home, end   the first, the last",
  "r                restart its slot: the next one first, nothing is lost",
  "s                quiesce its worker: it accepts nothing and keeps what it",
  "                 has; once more, and it accepts again",
  "?                this, and back       q           quit",
  "",
  "RST    starts after a crash           CPU%        of one CPU, of late",
  "RSS    memory in use                  LOOP%       event loop busy (balanced)",
  "LAG    99 of 100 timers of the last   CONN        open connections",
  "       minute were late by less       REQ/S       requests a second",
  "ACC/S  accepted a second              QUEUE       waits to be accepted, of",
  "                                                  how many can",
];

/** The lines; no more than there are rows, none longer than there are columns. */
export function topLines(view: TopView, place: TopPlace): string[] {
  const { columns, rows } = place;
  const { status: { workers } } = view.now;
  const top = [...headLines(view), ""].slice(0, Math.max(0, rows - 1))
    .map((line) => cut(line, place));
  const bottom = place.rows === Infinity
    ? []
    : [dim(cut(view.message ?? KEYS, place), place)];
  const room = Math.max(0, rows - top.length - bottom.length);
  if (view.help) {
    const help = HELP.slice(0, room).map((line) => cut(line, place));
    return fill([...top, ...help], rows - bottom.length).concat(bottom);
  }
  const shown = COLUMNS.filter(({ from = 0, shown }) =>
    columns >= from && (shown === undefined || workers.some(shown))
  );
  const title = "  " +
    shown.map((each) => pad(each.title, each)).join(" ");
  const space = Math.max(0, room - 1);
  const first = firstRow(view.marked ?? 0, workers.length, space);
  const body = workers.slice(first, first + space).map((worker, at) => {
    const rates = ratesOf(worker, view.before);
    const marked = first + at === view.marked;
    const row = (paint: boolean): string => {
      const cells = shown.map((each) => {
        const text = pad(each.text(worker, rates, place), each);
        return paint ? colour(text, each, worker, place) : text;
      });
      return `${marked ? "> " : "  "}${cells.join(" ")}`.trimEnd();
    };
    const plain = row(false);
    const line = plain.length > columns ? cut(plain, place) : row(true);
    return marked && place.styled ? `\x1b[1m${line}\x1b[0m` : line;
  });
  const head = reverse(cut(title.trimEnd(), place), place);
  const lines = [...top, ...(room > 0 ? [head] : []), ...body];
  return fill(lines, rows - bottom.length).concat(bottom);
}

/** From which row on those are shown that fit, with the marked one. */
function firstRow(marked: number, count: number, space: number): number {
  return Math.max(0, Math.min(marked - Math.floor(space / 2), count - space));
}

function headLines({ now, before }: TopView): string[] {
  const { pool, status } = now;
  const { ready, wanted, generation, waiting, workers } = status;
  const sum = (of: (worker: Worker) => number | undefined): number =>
    workers.reduce((all, worker) => all + (of(worker) ?? 0), 0);
  const rates = workers.map((worker) => ratesOf(worker, before));
  const all = (of: (rates: Rates) => number | undefined): number | undefined =>
    before === undefined
      ? undefined
      : rates.reduce((sum, each) => sum + (each && of(each) || 0), 0);
  const counts = workers.some(({ requests }) => requests !== undefined);
  return [
    `prefork ${pool.name}  ${status.state}  ${ready}/${wanted} ready  generation ${generation}  pid ${pool.pid}  ${pool.runtime}`,
    `listen ${
      status.listeners.map(({ address, share, queue, buffer }) =>
        [
          address,
          share,
          ...queue ? [`queue ${queueText(queue)}`] : [],
          ...buffer
            ? [`buffer ${fullText(buffer)} dropped ${buffer.drops}`]
            : [],
        ]
          .join(" ")
      ).join(", ")
    }`,
    `CPU% ${tenth(all(({ cpu }) => cpu))}  RSS ${
      sizeText(sum(({ rss }) => rss))
    }  open ${sum(({ connections }) => connections)}  accepted/s ${
      tenth(all(({ accepted }) => accepted))
    }  requests/s ${
      counts ? tenth(all(({ requests }) => requests)) : "-"
    }  waiting ${waiting}`,
    ...(status.reload?.reason === undefined
      ? []
      : [`reload failed: ${status.reload.reason}`]),
  ];
}

/** By the process: a slot has another one after a restart. */
function ratesOf(
  worker: Worker,
  before: TopView["before"],
): Rates | undefined {
  const was = before?.report.status.workers.find(({ pid }) =>
    pid === worker.pid
  );
  if (before === undefined || was === undefined || before.ms <= 0) {
    return undefined;
  }
  const each = (change: number): number => Math.max(0, change) / before.ms;
  const { cpu, requests } = worker;
  return {
    cpu: cpu === undefined || was.cpu === undefined
      ? undefined
      : each(cpu - was.cpu) * 100,
    accepted: each(worker.accepted - was.accepted) * 1000,
    // It may not have had any before.
    requests: requests === undefined
      ? undefined
      : each(requests - (was.requests ?? 0)) * 1000,
  };
}

function tenth(value: number | undefined): string {
  if (value === undefined) return "-";
  return value >= 1000 ? String(Math.round(value)) : value.toFixed(1);
}

/** As in 0.4ms, 350ms, 2.1s. */
function lagText(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  return ms < 999.5 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}

/** How full a buffer is. */
function fullText({ bytes, limit }: ReceiveBuffer): string {
  return `${Math.round(100 * bytes / Math.max(limit, 1))} %`;
}

/** What waits, of how much can. */
function queueText(queue: QueueStatus | undefined): string | undefined {
  return queue && `${queue.length}/${queue.limit}`;
}

function percent(part: number): number {
  return Math.round(part * 100);
}

/** As in 812K, 56.1M, 1.2G. */
function sizeText(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  let value = bytes / 1024;
  for (const unit of ["K", "M", "G"]) {
    if (value < 1000 || unit === "G") {
      return `${value < 100 ? value.toFixed(1) : Math.round(value)}${unit}`;
    }
    value /= 1024;
  }
  return "-";
}

function bar(value: number, width: number, unicode: boolean): string {
  const length = Math.round(Math.min(100, value) / 100 * width);
  return (unicode ? "\u2588" : "#").repeat(length);
}

function pad(text: string, { width, left }: Column): string {
  const fits = text.slice(0, width);
  return left === true ? fits.padEnd(width) : fits.padStart(width);
}

/** As long as it fits, so that nothing wraps. */
function cut(line: string, { columns, unicode }: TopPlace): string {
  if (line.length <= columns) return line;
  const end = unicode ? "\u2026" : "..";
  return line.slice(0, Math.max(0, columns - end.length)) + end;
}

function fill(lines: readonly string[], rows: number): string[] {
  if (rows === Infinity) return [...lines];
  const all = lines.slice(0, Math.max(0, rows));
  while (all.length < rows) all.push("");
  return all;
}

const COLOURS: Readonly<Record<string, number>> = {
  ready: 32,
  quiesced: 33,
  draining: 33,
  killed: 31,
};

function colour(
  text: string,
  { title }: Column,
  { state }: Worker,
  { coloured }: TopPlace,
): string {
  const code = title === "STATE" ? COLOURS[state] : undefined;
  return coloured && code !== undefined ? `\x1b[${code}m${text}\x1b[39m` : text;
}

function reverse(line: string, { styled }: TopPlace): string {
  return styled ? `\x1b[7m${line}\x1b[0m` : line;
}

function dim(line: string, { styled }: TopPlace): string {
  return styled ? `\x1b[2m${line}\x1b[0m` : line;
}
