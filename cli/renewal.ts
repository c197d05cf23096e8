/**
 * What a configuration file says now, for a reload. It is read in a thread of its
 * own, since a module is loaded once in a process, with all that it imports.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import process from "node:process";
import type { Load } from "./config.ts";
import type { LogOptions } from "./log_options.ts";
import type { RunLine } from "./options.ts";
import { type Place, type Plan, type PlannedPool, planOf } from "./pools.ts";

/** How long a file may take, in ms. */
const READ_MS = 10_000;

/**
 * What the thread runs, a script on its own. Functions of the file stay there:
 * hooks are those of the start.
 */
const THREAD = `
const { parentPort, workerData: { file, url, commonjs } } =
  require("node:worker_threads");
const { createRequire } = require("node:module");
(async () => {
  const found = commonjs
    ? createRequire(file)(file)
    : (await import(url)).default;
  return !commonjs && typeof found === "function" ? await found() : found;
})().then(
  (value) => JSON.stringify(
    value,
    (_, each) => each instanceof RegExp ? String(each) : each,
  ),
).then(
  (text) => parentPort.postMessage({ text }),
  (error) => parentPort.postMessage({
    message: String(error?.message ?? error),
    stack: String(error?.stack ?? ""),
  }),
);
`;

/** What the thread says. */
interface Said {
  readonly text?: string;
  readonly message?: string;
  readonly stack?: string;
}

/**
 * Reads the options of a pool again.
 *
 * @throws {TypeError | RangeError} when the file cannot be used, or has the pool
 * no more
 */
export async function renewed(
  { options: { name }, log }: PlannedPool,
  before: Plan,
  line: RunLine,
  place: Place,
): Promise<Pick<PlannedPool, "options" | "warnings">> {
  const { pools, file } = await planOf(line, { ...place, load: inThread });
  const several = before.pools.length > 1;
  const now = several
    ? pools.find(({ options }) => options.name === name)
    : pools.length === 1
    ? pools[0]
    : undefined;
  if (now === undefined) {
    throw new TypeError(
      several
        ? `${file} has no pool "${name}" any more, "prefork stop ${name}" ends it`
        : `${file} has ${pools.length} pools now, and this is one: start the command anew`,
    );
  }
  const old = new Set(before.pools.map(({ options }) => options.name));
  const isFirst = before.pools[0]?.options.name === name;
  const added = several && isFirst
    ? pools.filter(({ options }) => !old.has(options.name))
    : [];
  return {
    options: now.options,
    warnings: [
      ...added.map(({ options }) =>
        `the pool "${options.name}" is new in ${file}: it runs from the next start of the command on`
      ),
      ...changedLog(log, now.log),
    ],
  };
}

/** The log is the supervisor's: it has the files open. */
function changedLog(before: LogOptions, now: LogOptions): readonly string[] {
  const options = { form: "log", time: "logTime", file: "logFile" } as const;
  const names = Object.entries({ ...options, programs: "output" } as const);
  return names.flatMap(([member, name]) => {
    const [old, next] = [before, now].map((log) =>
      JSON.stringify(log[member as keyof LogOptions])
    );
    return old === next
      ? []
      : [`"${name}" has changed, which counts from an upgrade on`];
  });
}

/** Loads a file as if for the first time. */
const inThread: Load = async (file, { commonjs } = { commonjs: false }) => {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const thread = new Worker(THREAD, {
    eval: true,
    name: "prefork: configuration",
    workerData: { file, url: pathToFileURL(file).href, commonjs },
  });
  const said = Promise.withResolvers<Said>();
  const timer = setTimeout(
    () => said.reject(new Error(`it has not ended after ${READ_MS / 1000} s`)),
    READ_MS,
  );
  thread.on("message", said.resolve);
  thread.on("error", said.reject);
  thread.on("exit", () => said.reject(new Error("it ends the process")));
  try {
    const { text, message, stack = "" } = await said.promise;
    if (message === undefined) return text && JSON.parse(text);
    throw Object.assign(new Error(message), { stack });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
};
