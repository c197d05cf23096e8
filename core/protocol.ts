/**
 * The messages between the supervisor and its workers, over Node's IPC channel
 * (newline-delimited JSON). Ours carry the key {@linkcode TAG}; whatever does
 * not is the user's own and passes through. `docs/PROTOCOL.md` has the rules.
 *
 * @module
 */

import { messageOf } from "./errors.ts";
import { MAX_PAGE } from "./exposition/parse.ts";

/** The key that marks a message as ours; its value is the version. */
export const TAG = "prefork";

/** The version of these messages. A worker of another version is refused. */
export const PROTOCOL_VERSION = 1;

/** What a worker says. */
export type FromWorker =
  /** It has attached and understands this protocol. */
  | { readonly type: "hello"; readonly runtime: string; readonly pid: number }
  /** It accepts connections. */
  | { readonly type: "ready" }
  /** A standby: it could accept, and does so once it is told to resume. */
  | { readonly type: "standby" }
  /**
   * How `check` was answered: by a status and its text, or by nothing (0), and
   * the text says why.
   */
  | {
    readonly type: "checked";
    readonly status: number;
    readonly reason: string;
  }
  /** Told to park or to quiesce: it does not accept; parked, nothing is left. */
  | { readonly type: "parked" }
  /** It can do neither; nothing has changed. The text says why. */
  | { readonly type: "unparkable"; readonly reason: string }
  /** It has begun as many requests as it may before it is recycled. */
  | { readonly type: "spent"; readonly count: number }
  /** It wants to leave, and goes on until it is told to drain. */
  | { readonly type: "leaving" }
  /** Told to drain: nothing is left, and it ends once it is told to leave. */
  | { readonly type: "drained" }
  /** It cannot use a listener; the text says why. */
  | { readonly type: "failed"; readonly reason: string }
  /** The operator should know; what several workers say is told once. */
  | { readonly type: "warn"; readonly message: string }
  /** It accepts on another slot's shard. */
  | {
    readonly type: "adopted";
    readonly listener: string;
    readonly shard: number;
  }
  /** So many handed connections have ended since the last such message. */
  | { readonly type: "closed"; readonly count: number }
  /** It takes so many connections of a listener, counted from its start. */
  | {
    readonly type: "limit";
    readonly listener: string;
    readonly total: number;
  }
  /**
   * It has read so many messages without a connection; only where connections
   * are handed over or passed on.
   */
  | { readonly type: "heard"; readonly count: number }
  /** It wants an address opened for all workers; `nth` of those at port 0. */
  | {
    readonly type: "open";
    readonly id: number;
    readonly address: string;
    readonly nth: number;
  }
  /** The program has closed the server of a listener. */
  | { readonly type: "left"; readonly listener: string }
  /** A listener of the pool that it had left has a server again. */
  | { readonly type: "serves"; readonly listener: string }
  /** Its server of a listener answers HTTP/1, and not within TLS. */
  | { readonly type: "http"; readonly listener: string }
  /**
   * The calls that its event loop was in when it had not turned for a while,
   * the innermost first, one a line; told by a thread of it.
   */
  | { readonly type: "stack"; readonly calls: string }
  /** In `balanced`: another worker should have the connection with this. */
  | { readonly type: "pass"; readonly id: number; readonly listener: string }
  /**
   * In `sharded`: it begins requests or connections after a while without, or
   * goes on to.
   */
  | { readonly type: "active" }
  /** The connection that it wanted to pass on is the supervisor's now. */
  | { readonly type: "gave"; readonly id: number }
  /** It serves that connection itself: there was no room for too long. */
  | { readonly type: "kept"; readonly id: number }
  /**
   * Where it has no row on the scoreboard: how many requests it has begun, and
   * what 99 of 100 timers of the last minute were late by at most, in us.
   */
  | { readonly type: "load"; readonly requests: number; readonly lag: number }
  /** What its program counts, as text for Prometheus; replaces what it told. */
  | { readonly type: "metrics"; readonly text: string }
  /** A client's id is its own: connections that come with it are, too. */
  | { readonly type: "stick"; readonly id: string };

/** What the supervisor says. */
export type ToWorker =
  /** Stop accepting, finish within `ms`, leave. Idle connections get `idle`. */
  | { readonly type: "drain"; readonly ms: number; readonly idle: number }
  /** No connection comes any more: end. */
  | { readonly type: "leave" }
  /**
   * Stop accepting and finish as in a drain that may take `ms`, but stay: the
   * program hears nothing of it.
   */
  | { readonly type: "park"; readonly ms: number; readonly idle: number }
  /** Stop accepting, and stay as you are. */
  | { readonly type: "quiesce" }
  /** Accept, or accept again, as the worker of this slot, and say "ready". */
  | { readonly type: "resume"; readonly slot: number }
  /** Make this request of the program, and say how it was answered. */
  | { readonly type: "check"; readonly path: string }
  /** Accept on another slot's shard as well. */
  | {
    readonly type: "adopt";
    readonly listener: string;
    readonly shard: number;
  }
  /** Stop accepting on another slot's shard. */
  | {
    readonly type: "release";
    readonly listener: string;
    readonly shard: number;
  }
  /** The address is open; connections of it are handed over. */
  | {
    readonly type: "opened";
    readonly id: number;
    readonly name: string;
    readonly address: string;
  }
  /** It cannot be opened: a sentence that says why, and the system's code. */
  | {
    readonly type: "refused";
    readonly id: number;
    readonly code: string;
    readonly reason: string;
  }
  /** Log files were renamed: who has some open opens them anew. */
  | { readonly type: "reopen" }
  /** Are you awake? A worker that is says "heard". */
  | { readonly type: "wake" }
  /** A worker waits for the connection that you want to pass on. */
  | { readonly type: "room"; readonly id: number }
  /**
   * A connection comes with this message. The head is what the supervisor has
   * read of it, one character per byte.
   */
  | {
    readonly type: "connection";
    readonly listener: string;
    readonly head?: string;
  };

/** What a message turned out to be. */
export type Parsed<T> =
  /** One of ours. */
  | { readonly kind: "ours"; readonly message: T }
  /** The user's own. */
  | { readonly kind: "user"; readonly message: unknown }
  /** Tagged as ours but not understood. */
  | { readonly kind: "noise"; readonly problem: string };

/** What a member of a message holds; the "?" is that of a member that may lack. */
export type Field = "string" | "count" | "head?" | "page";

/** Types of messages, each with its members. */
export type Shapes<T extends { type: string }> = {
  readonly [K in T["type"]]: {
    readonly [F in Exclude<keyof Extract<T, { type: K }>, "type">]: Field;
  };
};

/** Every message of a worker; a test compares `docs/PROTOCOL.md` with it. */
export const FROM_WORKER: Shapes<FromWorker> = {
  hello: { runtime: "string", pid: "count" },
  ready: {},
  standby: {},
  checked: { status: "count", reason: "string" },
  parked: {},
  unparkable: { reason: "string" },
  spent: { count: "count" },
  leaving: {},
  drained: {},
  failed: { reason: "string" },
  warn: { message: "string" },
  adopted: { listener: "string", shard: "count" },
  closed: { count: "count" },
  limit: { listener: "string", total: "count" },
  heard: { count: "count" },
  open: { id: "count", address: "string", nth: "count" },
  left: { listener: "string" },
  serves: { listener: "string" },
  http: { listener: "string" },
  stack: { calls: "string" },
  active: {},
  pass: { id: "count", listener: "string" },
  gave: { id: "count" },
  kept: { id: "count" },
  stick: { id: "string" },
  load: { requests: "count", lag: "count" },
  metrics: { text: "page" },
};

/** Every message of the supervisor. */
export const TO_WORKER: Shapes<ToWorker> = {
  drain: { ms: "count", idle: "count" },
  leave: {},
  park: { ms: "count", idle: "count" },
  quiesce: {},
  resume: { slot: "count" },
  check: { path: "string" },
  adopt: { listener: "string", shard: "count" },
  release: { listener: "string", shard: "count" },
  opened: { id: "count", name: "string", address: "string" },
  refused: { id: "count", code: "string", reason: "string" },
  reopen: {},
  wake: {},
  room: { id: "count" },
  connection: { listener: "string", head: "head?" },
};

/** The longest text in one of our messages, in UTF-16 units. */
const MAX_TEXT = 4096;

/** Why something failed, for the `reason` of a message: what fits into it. */
export function reasonOf(error: unknown): string {
  return messageOf(error).slice(0, MAX_TEXT);
}

/** The longest id that a client can be stuck to a worker by, in UTF-16 units. */
export const MAX_ID = 256;

/**
 * The most bytes of a connection that the supervisor reads: as much as Node
 * grants the head of a request (`http.maxHeaderSize`).
 */
export const MAX_HEAD: number = 16 * 1024;

/** What may be longer than others. */
const LONGER: Readonly<Partial<Record<Field, number>>> = {
  "head?": MAX_HEAD,
  page: MAX_PAGE,
};

/** A worker's word that it cannot go on, and why. */
export function failed(why: unknown): FromWorker {
  return { type: "failed", reason: reasonOf(why) };
}

/** Tags a message as ours. */
export function encode(message: FromWorker | ToWorker): unknown {
  return { [TAG]: PROTOCOL_VERSION, ...message };
}

/**
 * Refuses a message of the user's own that the other end would not get as it is.
 *
 * @throws {TypeError} when JSON cannot carry it, or it looks like one of ours
 */
export function refuseForeign(message: unknown): void {
  if (typeof message === "object" && message !== null && TAG in message) {
    throw new TypeError(
      `Cannot send the message: its key "${TAG}" marks messages of prefork itself, use another name`,
    );
  }
  let json: string | undefined;
  try {
    json = JSON.stringify(message);
  } catch (cause) {
    throw new TypeError(
      "Cannot send the message: JSON cannot carry it, send something without a bigint, and without an object that is in itself",
      { cause },
    );
  }
  if (json === undefined) {
    throw new TypeError(
      `Cannot send ${
        String(message)
      }: JSON has nothing for it, send null or an object`,
    );
  }
}

/** Reads what came from a worker. Never throws. */
export function parseFromWorker(message: unknown): Parsed<FromWorker> {
  return parseMessage(message, FROM_WORKER);
}

/** Reads what came from the supervisor. Never throws. */
export function parseToWorker(message: unknown): Parsed<ToWorker> {
  return parseMessage(message, TO_WORKER);
}

function parseMessage<T extends { type: string }>(
  message: unknown,
  shapes: Shapes<T>,
): Parsed<T> {
  if (typeof message !== "object" || message === null || !(TAG in message)) {
    return { kind: "user", message };
  }
  const fields = message as Record<string, unknown>;
  if (fields[TAG] !== PROTOCOL_VERSION) {
    return noise(
      `it speaks version ${excerpt(fields[TAG])}, not ${PROTOCOL_VERSION}`,
    );
  }
  const type = fields["type"];
  if (typeof type !== "string" || !Object.hasOwn(shapes, type)) {
    return noise(`its type ${excerpt(type)} is unknown`);
  }
  const shape: Readonly<Record<string, Field>> = shapes[type as T["type"]];
  const known: Record<string, unknown> = { type };
  for (const [name, field] of Object.entries(shape)) {
    const value = fields[name];
    if (field === "head?" && value === undefined) continue;
    const fits = field === "count"
      ? isCount(value)
      : typeof value === "string" &&
        value.length <= (LONGER[field] ?? MAX_TEXT);
    if (!fits) {
      return noise(`"${name}" of a "${type}" message is ${excerpt(value)}`);
    }
    known[name] = value;
  }
  return { kind: "ours", message: known as T };
}

/** True for a whole number from 0, as all are that processes tell each other. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function noise(problem: string): { kind: "noise"; problem: string } {
  return { kind: "noise", problem };
}

function excerpt(value: unknown): string {
  const text = typeof value === "string"
    ? JSON.stringify(value)
    : asText(value);
  return text.length > 60
    ? `${text.slice(0, 57)}.. (${text.length} long)`
    : text;
}

function asText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A channel that carries more than JSON can bring what JSON has no text for.
    return typeof value;
  }
}
