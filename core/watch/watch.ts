/**
 * Reloads a pool when its files change, for who edits them. Files are looked at
 * when the runtime hints at a change, and every two seconds whatever it says: on
 * network disks and in some containers nobody does. A reload begins when two
 * looks have seen the same, and a change that comes while it goes on leads to
 * one more. Code that does not boot is a reload that fails, as ever.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { messageOf } from "../errors.ts";
import type { PoolState } from "../events.ts";
import type { WatchEvent } from "./event.ts";
import { type Watched, watchedBy } from "./names.ts";
import { changes, look, type Tree } from "./look.ts";

/** The pool. */
export interface WatchingPool {
  /** How it is. */
  status(): { readonly state: PoolState };
  /** Replaces its workers. */
  reload(): Promise<void>;
  /** Tells the operator something. */
  warn(message: string): void;
}

/** What it works with. */
export interface WatchContext {
  /** The options. */
  readonly config: Parameters<typeof watchedBy>[0];
  /** The runtime. */
  readonly adapter: Pick<Adapter, "clock" | "host">;
  /** Tells the user. */
  emit(event: WatchEvent): void;
}

/** How long after a change, or a look that has seen one, is looked again, in ms. */
export const SETTLE_MS = 50;

/** Files that are written without end are not waited for longer, in ms. */
const UNREST_MS = 1_000;

/** How long without a hint is waited for the next look, in ms. */
export const LOOK_MS = 2_000;

/**
 * So many times what a look has taken passes before the next one, that is 2 % of
 * the time at most; after a hint 10 %.
 */
const REST = 50;
const REST_HINTED = 10;

/** A change so long after a reload may be the new workers' own, in ms. */
const ECHO_MS = 1_000;

/** After so many reloads by the same files in a row they are held back. */
export const ECHOES = 4;

/** The longest that they are held back, in ms. */
const LONGEST_MS = 60_000;

/** States in which a reload can be asked for. */
const RELOADABLE: ReadonlySet<PoolState> = new Set<PoolState>([
  "running",
  "drained",
  "degraded",
  "down",
  "reloading",
]);

/** Watches the files of a pool, if it is to, until disposed. */
export class Watch implements Disposable {
  readonly #pool: WatchingPool;
  readonly #context: WatchContext;
  readonly #watched: Watched | undefined;
  readonly #hints = new Map<string, Disposable>();
  #tree: Tree = { files: new Map(), directories: new Set() };
  /** What has changed since the last reload was asked for. */
  readonly #changed = new Set<string>();
  #timer: Disposable | undefined;
  /** When the next look is due, and when the last one was and what it took. */
  #due = Infinity;
  #last = { at: -Infinity, took: 0 };
  /** Since when there is something in {@linkcode Watch.#changed}. */
  #since = 0;
  /** True when that was during a reload, or right after it. */
  #soon = false;
  #blind = false;
  /** How many reloads go on or wait. */
  #reloads = 0;
  #lastEnd = -Infinity;
  #lastFiles = "";
  #echoes = 0;
  #notBefore = -Infinity;

  /**
   * Begins to watch: what changes from now on is seen.
   *
   * @throws {RangeError} when there are too many files
   */
  constructor(pool: WatchingPool, context: WatchContext) {
    this.#pool = pool;
    this.#context = context;
    const { config, adapter: { host }, emit } = context;
    this.#watched = watchedBy(config, host);
    if (this.#watched === undefined) return;
    this.#tree = look(this.#watched, host);
    this.#follow();
    emit({
      type: "watching",
      directories: this.#watched.roots.join(","),
      files: this.#tree.files.size,
    });
    this.#wait(LOOK_MS);
  }

  /** Watches no longer. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    for (const hint of this.#hints.values()) hint[Symbol.dispose]();
    this.#hints.clear();
  }

  #wait(ms: number): void {
    const { clock } = this.#context.adapter;
    this.#timer?.[Symbol.dispose]();
    this.#due = clock.now() + ms;
    this.#timer = clock.after(ms, () => this.#look());
  }

  /** Something may have changed. Many hints do not put the look off. */
  #hint(): void {
    const { clock } = this.#context.adapter;
    const { at, took } = this.#last;
    const now = clock.now();
    const due = Math.max(now + SETTLE_MS, at + REST_HINTED * took);
    if (due < this.#due) this.#wait(due - now);
  }

  #look(): void {
    const { clock, host } = this.#context.adapter;
    const begin = clock.now();
    const before = this.#tree;
    try {
      this.#tree = look(this.#watched!, host);
    } catch (error) {
      return this.#pool.warn(
        `${messageOf(error)}; nothing is watched any more`,
      );
    }
    // A directory of which nobody hinted may have been written to before.
    const grown = this.#follow();
    const changed = changes(before, this.#tree);
    if (this.#changed.size === 0) {
      this.#since = begin;
      this.#soon = this.#reloads > 0 || begin - this.#lastEnd < ECHO_MS;
    }
    for (const file of changed) this.#changed.add(file);
    const settles = (grown || changed.length > 0) &&
      begin - this.#since < UNREST_MS;
    if (!settles && this.#changed.size > 0) this.#reload();
    const now = clock.now();
    this.#last = { at: now, took: now - begin };
    const rest = Math.max(LOOK_MS, REST * this.#last.took);
    this.#wait(settles ? SETTLE_MS : rest);
  }

  /** Listens to the directories that are there; true when one is new. */
  #follow(): boolean {
    const { host } = this.#context.adapter;
    let grown = false;
    for (const [directory, hint] of this.#hints) {
      if (this.#tree.directories.has(directory)) continue;
      hint[Symbol.dispose]();
      this.#hints.delete(directory);
    }
    for (const directory of this.#tree.directories) {
      if (this.#blind || this.#hints.has(directory)) continue;
      try {
        const hint = host.hint(directory, () => this.#hint());
        this.#hints.set(directory, hint);
        grown = true;
      } catch (error) {
        // It may have gone meanwhile, which is no want of the machine's.
        if (host.entries(directory) === undefined) continue;
        this.#blind = true;
        this.#pool.warn(
          `the system does not tell when files change (${
            messageOf(error)
          }): they are looked at every ${LOOK_MS / 1000} s`,
        );
      }
    }
    return grown;
  }

  /** Asks for a reload, now or when that can be. */
  #reload(): void {
    const { adapter: { clock }, config, emit } = this.#context;
    const now = clock.now();
    if (!RELOADABLE.has(this.#pool.status().state)) return;
    if (now < this.#notBefore) return;
    const files = [...this.#changed].sort();
    this.#changed.clear();
    this.#listenForEchoes(files, now);
    const place = `${config.cwd ?? "."}/`;
    const [first = ""] = files;
    emit({
      type: "files-changed",
      file: first.startsWith(place) ? first.slice(place.length) : first,
      count: files.length,
    });
    this.#reloads++;
    // How it ends is told by events of its own.
    Promise.resolve().then(() => this.#pool.reload()).catch(() => {}).then(
      () => {
        this.#reloads--;
        this.#lastEnd = clock.now();
      },
    );
  }

  /** Holds reloads back that the program itself brings about. */
  #listenForEchoes(files: readonly string[], now: number): void {
    const same = files.join("\0");
    this.#echoes = this.#soon && same === this.#lastFiles
      ? this.#echoes + 1
      : 0;
    this.#lastFiles = same;
    const beyond = this.#echoes - ECHOES;
    if (beyond < 0) return;
    this.#notBefore = now + Math.min(LONGEST_MS, ECHO_MS * 2 ** beyond);
    if (beyond > 0) return;
    const name = files[0]!.slice(files[0]!.lastIndexOf("/") + 1);
    this.#pool.warn(
      `"${name}" changes whenever the workers are new, so each reload leads to the next: these are held back now, a minute at most; leave it out by --watch --watch='!**/${name}'`,
    );
  }
}
