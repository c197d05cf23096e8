/**
 * Sockets that the service manager keeps (FDSTORE of sd_notify(3)), so that they
 * outlive this supervisor however it ends: whoever connects meanwhile waits, and
 * is served by the next one. What cannot be seen of them goes along in a file in
 * memory, in the words of an upgrade.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { announcements } from "../inherited/environment.ts";
import { KEPT_PREFIX } from "../inherited/names.ts";
import {
  decodeHandover,
  encodeHandover,
  type HandedListener,
  handedListeners,
  type Handover,
} from "../listeners/handover.ts";
import type { Listener } from "../listeners/listeners.ts";
import type { ServiceState } from "./manager.ts";

/** What is kept of a pool begins with this: no other pool's does. */
function recordOf(key: string): string {
  return `${KEPT_PREFIX}${key.replaceAll(".", "%2E")}`;
}

/** The longest name that systemd takes. */
const LONGEST = 255;

/** What is kept of a pool. */
export interface StoredPool {
  /** Its listeners. */
  readonly listeners: readonly Listener[];
  /** Where it answers by itself. */
  readonly monitors: readonly Listener[];
}

/** What is kept by now. */
export interface Stored {
  /** Other shards have workers that listen. */
  update(shards: readonly number[]): void;
  /** Closes this process' own copy of the record. */
  close(): void;
}

/** What was kept. */
export interface Restored {
  /** The sockets, by their numbers in this process. */
  readonly handover: Handover;
  /** What is of no use here, by its name: it is to be closed. */
  readonly rest: ReadonlyMap<string, number>;
  /** The names of all that is kept. */
  readonly names: readonly string[];
}

/**
 * Reads what was kept of a pool (sd_listen_fds(3)); undefined where nothing was.
 * Its record is closed, all else is left as it is.
 */
export function restore(
  key: string,
  { host, takeText }: Pick<Adapter, "host" | "takeText">,
): Restored | undefined {
  const fds = new Map<string, number>();
  const record = recordOf(key);
  let text: string | undefined;
  for (
    const { variable, name = "", fd } of announcements(host.env, host).sockets
  ) {
    if (variable !== "LISTEN_FDS") continue;
    if (name === record) text = takeText(fd) ?? text;
    else if (name.startsWith(`${record}.`)) fds.set(name, fd);
  }
  const names = [...fds.keys()];
  if (text === undefined && names.length === 0) return undefined;
  const used = new Set<number>();
  const here = (listener: HandedListener): HandedListener[] => {
    const { file, fds: at } = listener;
    const numbers = at.map((i) => fds.get(stored[i] ?? ""));
    // The directory of a path may have been removed with the service.
    const isThere = file === undefined || host.exists(file.path);
    if (!isThere || numbers.includes(undefined)) return [];
    for (const number of numbers) used.add(number!);
    return [{ ...listener, fds: numbers as number[] }];
  };
  const { names: stored, handover } = recordIn(text ?? "");
  const { listeners, monitors = [] } = handover;
  return {
    handover: {
      ...handover,
      listeners: listeners.flatMap(here),
      monitors: monitors.flatMap(here),
    },
    rest: new Map([...fds].filter(([, fd]) => !used.has(fd))),
    names: names.filter((name) => used.has(fds.get(name)!)),
  };
}

/**
 * Has the sockets of a pool kept, and nothing else of it.
 *
 * @param key what it is called among those of its process
 * @param before the names of what is kept by now
 * @param say tells the manager, with a file descriptor
 */
export function store(
  key: string,
  { listeners, monitors }: StoredPool,
  before: readonly string[],
  { host: { pid }, shareFile }: Pick<Adapter, "host" | "shareFile">,
  say: (state: ServiceState, fd?: number) => void,
): Stored {
  const record = recordOf(key);
  const names: string[] = [];
  const sockets: number[] = [];
  const handed = (kind: string, all: readonly Listener[]) =>
    // What keeps an address is free for the next one when this one is gone, and
    // so are the shards for another map.
    all.map(({ claim: _claim, map: _map, ...listener }) => listener)
      .filter(({ mode }) => mode !== "reuseport")
      .flatMap((listener) => {
        const known = nameOf(record, kind, listener.name);
        if (known.length + 5 > LONGEST) return [];
        let shard = 0;
        return handedListeners([listener], () => {
          sockets.push(listener.sockets[shard]!.fd);
          return names.push(`${known}.${shard++}`) - 1;
        });
      });
  const all = {
    pid,
    listeners: handed("l", listeners),
    opened: [],
    monitors: handed("m", monitors),
  };
  const file = shareFile();
  let length = 0;
  const update = (shards: readonly number[]): void => {
    const handover = encodeHandover({ ...all, shards });
    // What was longer before is blank now.
    const text = JSON.stringify({ names, handover }).padEnd(length);
    length = text.length;
    file.write(new TextEncoder().encode(text), 0);
  };
  update([]);
  // One that is there under this name is of another process.
  say({ FDSTOREREMOVE: 1, FDNAME: record });
  for (const name of before) {
    if (!names.includes(name)) say({ FDSTOREREMOVE: 1, FDNAME: name });
  }
  for (const [i, fd] of sockets.entries()) {
    // Not watched: a socket that does not listen yet looks hung up (poll(2)).
    say({ FDSTORE: 1, FDNAME: names[i]!, FDPOLL: 0 }, fd);
  }
  say({ FDSTORE: 1, FDNAME: record, FDPOLL: 0 }, file.fd);
  return { update, close: () => file.close() };
}

/** The names that the sockets of a handed pool have. */
export function storedNames(
  key: string,
  { listeners, monitors = [] }: Handover,
): readonly string[] {
  const named = (kind: string) => ({ name, fds }: HandedListener): string[] =>
    fds.map((_, i) => `${nameOf(recordOf(key), kind, name)}.${i}`);
  return [...listeners.flatMap(named("l")), ...monitors.flatMap(named("m"))];
}

/** Without colons, which are between names. */
function nameOf(record: string, kind: string, name: string): string {
  return `${record}.${kind}.${encodeURIComponent(name)}`;
}

const NOTHING: Handover = { pid: 0, listeners: [], opened: [], shards: [] };

/** What is in a record; nothing where it is damaged, or of another version. */
function recordIn(
  text: string,
): { readonly names: readonly string[]; readonly handover: Handover } {
  try {
    const { names, handover } = JSON.parse(text) as Record<string, unknown>;
    if (!Array.isArray(names)) throw new TypeError("no names");
    return { names, handover: decodeHandover(String(handover)) };
  } catch {
    return { names: [], handover: NOTHING };
  }
}
