/**
 * Asks a pool by its control socket; `core/control/verbs.ts` answers.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import process from "node:process";
import { codeOf, PreforkError } from "../core/errors.ts";
import {
  CONTROL_VERSION,
  type ControlIdentity,
} from "../core/control/verbs.ts";
import type { PoolStatus } from "../core/events.ts";
import type { UpgradeReport } from "../core/upgrade/upgrades.ts";

/** What a pool answers. */
export interface Reply {
  /** Who it is. */
  readonly pool: ControlIdentity;
  /** How it is. */
  readonly status: PoolStatus;
  /** What has come of an upgrade, where that was asked for. */
  readonly upgrade?: UpgradeReport;
}

/** How often is looked whether the process of a pool is gone, in ms. */
const LOOK_MS = 50;

/** Asks pools; what they do not do is an error with their own sentence. */
export class ControlClient {
  readonly #patience: number;
  readonly #isThere: (pid: number) => boolean;

  /**
   * @param patience how long a pool may take to say how it is, in ms: it does
   * so at once
   * @param isThere whether a process is there
   */
  constructor(patience: number, isThere: (pid: number) => boolean) {
    this.#patience = patience;
    this.#isThere = isThere;
  }

  /** How the pool at a socket is. */
  async status(file: string): Promise<Reply> {
    using asked = new Asked(file, "GET", "status");
    const timer = setTimeout(
      () => asked.fail(this.#silence(file)),
      this.#patience,
    );
    try {
      return await asked.told;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Has a pool do something. That may take long: it is waited for as long as
   * the pool goes on saying how it is.
   */
  async command(file: string, what: string): Promise<Reply> {
    using asked = new Asked(file, "POST", what);
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const watch = (): void => {
      if (over) return;
      timer = setTimeout(
        () =>
          void this.status(file).then(watch, (error: PreforkError) => {
            // One that has gone ends the first connection too, or has answered
            // there: who has another server take its place leaves at once.
            if (error.cause === undefined) asked.fail(error);
          }),
        this.#patience,
      );
    };
    watch();
    try {
      return await asked.told;
    } finally {
      over = true;
      clearTimeout(timer);
    }
  }

  /** Resolves when nobody answers any more at the socket of a pool that stops. */
  async ended(file: string): Promise<void> {
    for (;;) {
      try {
        await this.status(file);
      } catch (error) {
        if ((error as PreforkError).cause === undefined) throw error;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /**
   * Resolves when the socket is that of another supervisor, with true; or when it
   * has not become so in the time that one has to answer, as where it could not
   * be made.
   */
  async changed(file: string, pid: number): Promise<boolean> {
    for (let waited = 0; waited < this.#patience; waited += LOOK_MS) {
      const told = await this.status(file).catch(() => undefined);
      if (told?.pool.pid === pid) return true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return false;
  }

  /**
   * Reads the log of a pool: its last lines, and with `follow` those that come
   * until it has ended. Returns whether all of that was read.
   *
   * @param lines as many as the pool tells by itself unless given
   * @param take what is done with each part of it: reads on when that resolves,
   * unless with false
   */
  async logs(
    file: string,
    { lines, follow }: { lines?: number | undefined; follow: boolean },
    take: (text: string) => Promise<boolean>,
  ): Promise<boolean> {
    const query = new URLSearchParams({ follow: String(follow) });
    if (lines !== undefined) query.set("lines", String(lines));
    using asked = new Asked(file, "GET", `logs?${query}`);
    const response = await asked.response;
    // The error is thrown.
    if (response.statusCode !== 200) return await asked.told !== undefined;
    response.setEncoding("utf8");
    try {
      for await (const text of response) {
        if (!await take(text)) return false;
      }
    } catch (error) {
      // A supervisor that is gone at once does not end its answer.
      if (codeOf(error) !== "ECONNRESET") throw unreachable(file, error);
    }
    return true;
  }

  /** Resolves when the process of a pool that stops is gone. */
  async gone(file: string, pid: number): Promise<void> {
    for (let waited = 0; this.#isThere(pid); waited += LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (waited < this.#patience) continue;
      waited = 0;
      await this.status(file).catch((error: PreforkError) => {
        // Shortly before its end it can be asked no more.
        if (error.cause === undefined && this.#isThere(pid)) throw error;
      });
    }
  }

  #silence(file: string): PreforkError {
    return failure(
      `the pool at "${file}" has not answered for ${
        this.#patience / 1000
      } s: it is stopped (SIGSTOP), or its machine is very busy`,
    );
  }
}

/** One request. */
class Asked implements Disposable {
  readonly #file: string;
  readonly #response = Promise.withResolvers<IncomingMessage>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #end: () => void;

  constructor(file: string, method: "GET" | "POST", what: string) {
    this.#file = file;
    const { request } = process.getBuiltinModule("node:http");
    const asked = request(
      { socketPath: file, method, path: `/v1/${what}`, agent: false },
      this.#response.resolve,
    );
    asked.on("error", (error) => this.fail(unreachable(file, error)));
    asked.end();
    // It may fail when nobody waits any more.
    this.#failed.promise.catch(() => undefined);
    this.#end = () => asked.destroy();
  }

  /** What is answered, as it begins to come. */
  get response(): Promise<IncomingMessage> {
    return Promise.race([this.#response.promise, this.#failed.promise]);
  }

  /** What was answered. */
  get told(): Promise<Reply> {
    return Promise.race([this.#read(), this.#failed.promise]);
  }

  /** Waits no longer. */
  fail(error: unknown): void {
    this.#failed.reject(error);
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  async #read(): Promise<Reply> {
    const response = await this.#response.promise;
    let text = "";
    response.setEncoding("utf8");
    try {
      for await (const part of response) text += part;
    } catch (error) {
      throw unreachable(this.#file, error);
    }
    return understand(this.#file, text);
  }
}

function understand(file: string, text: string): Reply {
  let told: Partial<Reply> & {
    readonly prefork?: unknown;
    readonly error?: { readonly message: string };
  };
  try {
    told = JSON.parse(text);
  } catch {
    throw failure(`what answers at "${file}" is no pool`);
  }
  const { error, pool, status, prefork } = told;
  // The pool's own sentence is whole.
  if (error !== undefined) throw new PreforkError("ERR_CONTROL", error.message);
  if (
    prefork === CONTROL_VERSION && pool !== undefined && status !== undefined
  ) {
    return { ...told, pool, status };
  }
  throw failure(
    `what answers at "${file}" is no pool of this version: use the prefork that runs it`,
  );
}

function unreachable(file: string, cause: unknown): PreforkError {
  const code = codeOf(cause);
  const why = code === "ENOENT"
    ? "there is none"
    : code === "ECONNREFUSED"
    ? "the pool that it belonged to is gone"
    : code === "ECONNRESET"
    ? "it has ended before it had answered"
    : code === "EACCES"
    ? "it is another user's"
    : code ?? String(cause);
  return new PreforkError(
    "ERR_CONTROL",
    `Cannot ask the pool at "${file}": ${why}`,
    cause,
  );
}

/** The error of a question that is not answered. */
export function failure(why: string): PreforkError {
  return new PreforkError("ERR_CONTROL", `Cannot ask a pool: ${why}`);
}
