/**
 * Programs that export what answers requests, and leave listening to whoever
 * runs them.
 *
 * @module
 */

import { createRequire } from "node:module";
import process from "node:process";
import { failed } from "../../core/protocol.ts";
import type { Core } from "../process/worker_core.ts";
import { RUNTIME } from "../process/runtime.ts";
import type { Settings } from "../match/settings.ts";
import { isLearning } from "../listening/learning.ts";
import { isServed } from "../match/claims.ts";
import { formatWanted } from "../match/wanted.ts";
import { warnDefaultPort, warnElsewhere } from "../match/warn.ts";
import { type Servable, servable } from "./servable.ts";

/**
 * How long a program that exports a `fetch` and is kept alive by something
 * else has to listen itself, in ms.
 */
const OTHERWISE_MS = 1000;

/**
 * Serves the default export of the main module if the program has come to its
 * end without listening. A program that has something else open may be about
 * to listen; only one that exports a mere `fetch` is served all the same.
 */
export function serveExport(core: Core, { wrapped }: Settings): void {
  if (core.worker.listeners.size === 0 && !isLearning(core)) return;
  // Now: npx changes it, and what it names then has not run.
  const path = process.argv[1];
  let looked = false;
  const isDone = (): boolean =>
    looked || isServed(core) || core.worker.draining.aborted;
  const look = async (atEnd: boolean): Promise<void> => {
    if (isDone()) return;
    const { default: exported } = await importMain(path);
    const found = servable(exported, RUNTIME.servesExport);
    if (isDone() || (!atEnd && (found === undefined || found.listens))) return;
    looked = true;
    if (found === undefined) {
      // It may be any tool that a command starts before the program.
      if (wrapped) return;
      core.tell(failed("the program ended without calling listen()"));
    } else await serveFound(core, found);
  };
  const fail = (error: unknown): void => {
    core.tell(failed(error));
  };
  // Nothing keeps the program alive: it will not listen any more.
  process.on("beforeExit", () => void look(true).catch(fail));
  setTimeout(() => void look(false).catch(fail), OTHERWISE_MS).unref();
}

// What is imported here is loaded when it is needed: most programs listen, and
// every worker waits for what is loaded before its program.
async function serveFound(core: Core, found: Servable): Promise<void> {
  const { wanted } = found;
  if (wanted === undefined) warnDefaultPort(core, "the default export");
  if (found.kind === "fetch") {
    const { serve } = await import("../serve.ts");
    const address = wanted && formatWanted(wanted);
    const at = await serve(found.handler, { address });
    if (wanted !== undefined) warnElsewhere(core, wanted, at);
  } else {
    const { createServer } = await import("node:http");
    const { listen } = await import("../listen.ts");
    await listen(createServer(found.handler));
  }
}

/**
 * The main module, which has run: importing it again gives the same instance.
 * The specifier stays a variable, so that no tool looks for it.
 */
async function importMain(
  path: string | undefined,
): Promise<{ readonly default?: unknown }> {
  const deno = (globalThis as { readonly Deno?: { mainModule: string } }).Deno;
  const url = deno?.mainModule ?? urlOf(path);
  return url === undefined ? {} : await import(url);
}

/** Where Node and Bun found it: the ending may have been left out. */
function urlOf(path: string | undefined): string | undefined {
  const { pathToFileURL } = process.getBuiltinModule("node:url");
  return path === undefined
    ? undefined
    : pathToFileURL(createRequire(path).resolve(path)).href;
}
