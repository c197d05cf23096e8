/**
 * Reads a configuration file as if for the first time: in a thread of its own,
 * since a module is loaded once in a process, with all that it imports.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import process from "node:process";
import { inTime, type Load, READ_MS } from "./config.ts";

/**
 * What the thread runs, a script on its own. Functions of the file stay there:
 * hooks are those of the start. What it exports is told so that the checks say
 * here what they say at a start: of what cannot be sent, how it reads.
 */
const THREAD = `
const { parentPort, workerData: { file, url, commonjs } } =
  require("node:worker_threads");
const { createRequire } = require("node:module");
// No option is deeper; what hooks work with can be anything.
const DEEPEST = 8;
const seen = new Map();
// A promise that never settles leaves nothing to do, which would be an exit.
setInterval(() => {}, 1000);
const textOf = (value) => {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
};
const tell = (value, depth) => {
  if (typeof value === "function") {
    return { kind: "function", text: textOf(value) };
  }
  if (typeof value === "symbol") {
    return { kind: "symbol", text: value.description };
  }
  const asIs = typeof value !== "object" || value === null ||
    value instanceof Date || value instanceof RegExp;
  if (asIs) return { kind: "value", value };
  if (seen.has(value)) return seen.get(value);
  const told = Array.isArray(value)
    ? { kind: "array", members: [] }
    : { kind: "object", members: [] };
  seen.set(value, told);
  const ends = depth > DEEPEST;
  if (told.kind === "array") {
    // Not by map(), which leaves holes out.
    if (!ends) told.members = Array.from(value, (each) => tell(each, depth + 1));
    return told;
  }
  if (!ends) {
    told.members = Object.entries(value).map(([name, each]) => [
      name,
      tell(each, name === "hooks" ? DEEPEST : depth + 1),
    ]);
  }
  const shape = Object.getPrototypeOf(value);
  if (ends || shape !== null && shape !== Object.prototype) {
    told.text = textOf(value);
    told.inherited = ends ? [] : inheritedBy(value);
  }
  return told;
};
// The methods of a class and what its getters say.
const inheritedBy = (value) => {
  const found = new Map();
  let shape = value;
  while ((shape = Object.getPrototypeOf(shape)) !== null) {
    if (shape === Object.prototype) break;
    for (const name of Object.getOwnPropertyNames(shape)) {
      if (name === "constructor" || found.has(name)) continue;
      try {
        const each = value[name];
        if (Object(each) !== each || typeof each === "function") {
          found.set(name, tell(each, DEEPEST));
        }
      } catch {
        // It is no option's, or the checks would have read it at the start.
      }
    }
  }
  return [...found];
};
(async () => {
  const found = commonjs
    ? createRequire(file)(file)
    : (await import(url)).default;
  return !commonjs && typeof found === "function" ? await found() : found;
})().then((value) => parentPort.postMessage({ told: tell(value, 0) })).catch(
  (error) => parentPort.postMessage({
    message: textOf(error?.message ?? error),
    stack: textOf(error?.stack ?? ""),
  }),
);
`;

/** A value of the file, as the thread tells it. */
type Told =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "function" | "symbol"; readonly text?: string }
  | { readonly kind: "array"; readonly members: readonly Told[] }
  | {
    readonly kind: "object";
    readonly members: Members;
    /** How it reads and what it has of its class, unless it is a plain one. */
    readonly text?: string;
    readonly inherited?: Members;
  };

type Members = readonly (readonly [string, Told])[];

/** What the thread says. */
interface Said {
  readonly told?: Told;
  readonly message?: string;
  readonly stack?: string;
}

/** Loads a file as if for the first time. */
export const inThread: Load = inThreadFor(READ_MS);

/** The same with so many ms for it. */
export function inThreadFor(ms: number): Load {
  return (file, { commonjs } = { commonjs: false }) => read(file, commonjs, ms);
}

async function read(
  file: string,
  commonjs: boolean,
  ms: number,
): Promise<unknown> {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const thread = new Worker(THREAD, {
    eval: true,
    name: "prefork: configuration",
    workerData: { file, url: pathToFileURL(file).href, commonjs },
  });
  const said = Promise.withResolvers<Said>();
  thread.on("message", said.resolve);
  thread.on("error", said.reject);
  thread.on("exit", () => said.reject(new Error("it ends the process")));
  try {
    const { told, message, stack = "" } = await inTime(said.promise, ms);
    if (told !== undefined) return valueOf(told, new Map());
    throw Object.assign(new Error(message), { stack });
  } finally {
    // Not awaited: one that is in a system call ends when that does. Until then
    // Node cannot exit (26.10), which Bun and Deno can.
    thread.unref();
    void thread.terminate();
  }
}

/** What was told; functions and symbols only read as those of the file. */
function valueOf(told: Told, made: Map<Told, unknown>): unknown {
  switch (told.kind) {
    case "value":
      return told.value;
    case "symbol":
      return Symbol(told.text);
    case "function":
      return reading(() => {}, told.text);
    default:
      return made.get(told) ?? valueWithin(told, made);
  }
}

function valueWithin(
  told: Told & { readonly kind: "array" | "object" },
  made: Map<Told, unknown>,
): unknown {
  // Before its members, one of which may be itself.
  if (told.kind === "array") {
    const array: unknown[] = [];
    made.set(told, array);
    for (const each of told.members) array.push(valueOf(each, made));
    return array;
  }
  const { members, inherited, text } = told;
  const shape = inherited === undefined
    ? Object.prototype
    : reading(withMembers({}, inherited, made), text);
  const object: object = Object.create(shape);
  made.set(told, object);
  return withMembers(object, members, made);
}

/** Defined, as a name may be that of a setter. */
function withMembers(
  object: object,
  members: Members,
  made: Map<Told, unknown>,
): object {
  for (const [name, each] of members) {
    const value = valueOf(each, made);
    const enumerable = true;
    Object.defineProperty(object, name, {
      ...{ value, enumerable, configurable: true, writable: true },
    });
  }
  return object;
}

/** Has something read in an error as what it stands for. */
function reading(value: object, text: string | undefined): object {
  return Object.defineProperty(value, "toString", { value: () => text });
}
