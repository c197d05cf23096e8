/**
 * Reads the process file of PM2 (`ecosystem.config.js`): each app of it is a
 * pool. The fields are those of `lib/API/schema.json` of PM2 7.0.4.
 *
 * @module
 */

import { basename, extname } from "node:path";
import { type PoolEntry, within } from "../core/options/config.ts";
import { insteadOf } from "../core/options/names.ts";
import type { ProgramFiles } from "./log_options.ts";
import { IGNORED, SILENT } from "./pm2_ignored.ts";
import { outputOf } from "./pm2_output.ts";
import { watchOf } from "./pm2_watch.ts";
import { bytes } from "./values.ts";

/** A pool out of PM2's file. */
export interface Pm2App {
  /** Its options. */
  readonly entry: PoolEntry & { readonly name: string };
  /** Files for what its workers write, if it names any; they begin at `cwd`. */
  readonly output: ProgramFiles | undefined;
  /** What of the app does not count here, as sentences. */
  readonly ignored: readonly string[];
}

/** What an app's options depend on, beside its fields. */
export interface Pm2Place {
  /** The file, as it is named in errors. */
  readonly file: string;
  /** How many CPUs there are. */
  readonly cpus: number;
  /** As in `--env production`: which `env_production` counts, if any. */
  readonly env?: string;
}

/** An app as it stands in the file. */
type Fields = Readonly<Record<string, unknown>>;

/** Endings of programs, and what PM2 runs them by (`lib/API/interpreter.json`). */
const INTERPRETERS: Readonly<Record<string, string>> = {
  ".sh": "bash",
  ".py": "python3",
  ".rb": "ruby",
  ".php": "php",
  ".pl": "perl",
};

/** Other names of a field (`alias` in the schema). */
const ALIASES: Readonly<Record<string, string>> = {
  exec: "script",
  cmd: "script",
  command: "script",
  exec_interpreter: "interpreter",
  interpreterArgs: "node_args",
  interpreter_args: "node_args",
  cron: "cron_restart",
  combine_logs: "merge_logs",
  user: "uid",
  pid: "pid_file",
  log: "log_file",
  ...alias("out_file", ["out", "output", "out_log"]),
  ...alias("error_file", ["error", "err", "err_file", "err_log"]),
};

/** Fields that count. */
const COUNTING: readonly string[] = [
  ...["script", "args", "name", "instances", "exec_mode", "cwd", "env", "port"],
  ...["interpreter", "node_args", "max_memory_restart", "kill_timeout"],
  ...["wait_ready", "listen_timeout", "autostart", "uid", "gid"],
  ...["out_file", "error_file", "log_file", "disable_logs", "merge_logs"],
  ...["watch", "ignore_watch", "instance_var"],
];

/**
 * Refuses a process file that PM2 can read and prefork cannot.
 *
 * @throws {TypeError} when it is YAML
 */
export function requireNoYaml(file: string, name: string): void {
  if (!/^\.ya?ml$/.test(extname(file))) return;
  throw new TypeError(
    `Cannot read "${name}": YAML needs a package, and prefork has none; write it as ecosystem.config.js`,
  );
}

/**
 * Reads what a process file exports.
 *
 * @throws {TypeError} when it cannot be used, naming the app and the field
 * @throws {RangeError} when a number in it cannot be used
 */
export function readPm2(value: unknown, place: Pm2Place): readonly Pm2App[] {
  const { default: exported = value } = fieldsOf(value) ?? {};
  const whole = fieldsOf(exported) ?? {};
  const apps = [whole["apps"] ?? whole["pm2"] ?? exported].flat().map(fieldsOf);
  if (apps.length === 0 || apps.includes(undefined)) {
    throw new TypeError(
      `Cannot use ${place.file}: it must export { apps: [{ script: "server.js" }] }`,
    );
  }
  const deployed = fieldsOf(fieldsOf(whole["deploy"])?.[place.env ?? ""]);
  const found = apps.map((app) =>
    readApp(app!, place, fieldsOf(deployed?.["env"]))
  );
  return found.flatMap((app) => app ?? []);
}

function readApp(
  given: Fields,
  place: Pm2Place,
  deployed: Fields = {},
): Pm2App | undefined {
  const fields = usual(given);
  if (fields["autostart"] === false) return undefined;
  const script = fields["script"];
  const where = `app "${fields["name"] ?? script ?? "?"}" of ${place.file}`;
  if (typeof script !== "string" || script === "") {
    throw new TypeError(`Cannot use ${where}: it has no "script"`);
  }
  return within(where, () => {
    const name = nameOf(fields["name"] ?? basename(script, extname(script)));
    const { files, ignored } = outputOf(fields);
    const watch = watchOf(fields);
    const entry = {
      name,
      ...programOf(fields, script),
      workers: instancesOf(fields["instances"] ?? 1, place.cpus),
      env: envOf(fields, place.env, deployed),
      ...option(fields, "cwd", textOf, "cwd"),
      ...option(fields, "max_memory_restart", sizeOf, "maxRss"),
      ...option(fields, "kill_timeout", timeOf, "grace"),
      ...option(fields, "listen_timeout", timeOf, "startTimeout"),
      ...option(fields, "wait_ready", (value) => value === true, "waitReady"),
      ...option(fields, "uid", ownerOf, "user"),
      ...option(fields, "gid", ownerOf, "group"),
      ...option(fields, "instance_var", textOf, "slotVariable"),
      ...watch.entry,
    };
    return {
      entry,
      output: files,
      ignored: [
        ...ignoredIn(fields, name, place),
        ...[...ignored, ...watch.ignored].map((what) =>
          `${what} (${place.file})`
        ),
      ],
    };
  });
}

/** A field under the name that an option has here. */
function option<K extends keyof PoolEntry, T>(
  fields: Fields,
  field: string,
  read: (value: unknown, field: string) => T,
  name: K,
): { readonly [name in K]?: T } {
  const value = fields[field];
  if (value === undefined) return {};
  return { [name]: read(value, field) } as { readonly [name in K]?: T };
}

/** What runs: the program, its arguments, and what runs it. */
function programOf(fields: Fields, script: string): PoolEntry {
  const args = wordsOf(fields["args"], "args");
  const runtimeArgs = wordsOf(fields["node_args"], "node_args");
  // As PM2 does with a command line in the place of a file.
  if (script.includes(" ")) {
    return { program: "sh", args: ["-c", script], runtime: "exec" };
  }
  const interpreter = textOf(
    fields["interpreter"] ?? INTERPRETERS[extname(script)] ?? "",
    "interpreter",
  );
  const own = runtimeArgs.length > 0 ? { runtimeArgs } : {};
  if (interpreter === "") return { program: script, args, ...own };
  if (interpreter === "none") return { program: script, args, runtime: "exec" };
  // A version, as in "node@22", is not looked for: a line says so.
  const [runtime = ""] = interpreter.split("@");
  if (runtime === "node" || runtime === "deno" || runtime === "bun") {
    return { program: script, args, runtime, ...own };
  }
  return {
    program: interpreter,
    args: [...runtimeArgs, script, ...args],
    runtime: "exec",
  };
}

/** `max` and 0 are one for each CPU, -1 one fewer. */
function instancesOf(value: unknown, cpus: number): number | "auto" {
  const count = value === "max" ? 0 : Number(value);
  if (value === "" || !Number.isInteger(count)) {
    throw wrong(value, "instances", `a whole number or "max"`);
  }
  if (count === 0) return "auto";
  return count < 0 ? Math.max(1, cpus + count) : count;
}

/** PM2 turns what is no text into text; objects into JSON. */
function envOf(
  fields: Fields,
  name: string | undefined,
  deployed: Fields,
): Readonly<Record<string, string>> {
  const all = {
    ...deployed,
    ...fieldsOf(fields["env"]),
    ...(fields["port"] !== undefined && { PORT: fields["port"] }),
    ...(name !== undefined && fieldsOf(fields[`env_${name}`])),
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      value === undefined || value === null ? [] : [[
        key,
        typeof value === "object" ? JSON.stringify(value) : String(value),
      ]]
    ),
  );
}

/** A user or a group, by name or number. */
function ownerOf(value: unknown, field: string): string {
  if (typeof value === "string" || typeof value === "number") {
    return String(value);
  }
  throw wrong(value, field, "a name or a number");
}

function ignoredIn(
  fields: Fields,
  name: string,
  { file, env }: Pm2Place,
): readonly string[] {
  const sentences: string[] = [];
  const say = (what: string): void => void sentences.push(`${what} (${file})`);
  const given = fields["name"];
  if (given !== undefined && given !== name) {
    say(`the app "${String(given)}" is called "${name}" here`);
  }
  if (/^node@/.test(String(fields["interpreter"]))) {
    say(
      `"interpreter" is "${
        String(fields["interpreter"])
      }", of which the version does not count: the node in PATH runs the workers`,
    );
  }
  if (env !== undefined && fields[`env_${env}`] === undefined) {
    say(`the app "${name}" has no "env_${env}"`);
  }
  for (const [field, value] of Object.entries(fields)) {
    if (COUNTING.includes(field) || field.startsWith("env_")) continue;
    if (Object.hasOwn(SILENT, field) && SILENT[field] === value) continue;
    const why = Object.hasOwn(IGNORED, field) ? IGNORED[field] : undefined;
    const known = [...COUNTING, ...Object.keys(IGNORED)];
    say(
      why === undefined
        ? `"${field}" does not count: PM2 7 has no such field, ${
          shortened(insteadOf(field, known))
        }`
        : `"${field}" does not count: ${why}`,
    );
  }
  return sentences;
}

/** Not the whole list of fields in a line of the log. */
function shortened(instead: string): string {
  return instead.startsWith("valid are ") ? "see docs/PM2.md" : instead;
}

/** An app with each field under its usual name. */
function usual(given: Fields): Fields {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined || value === null
        ? []
        : [[Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name, value]]
    ),
  );
}

/** A name as a pool can have it: it names a file. */
function nameOf(value: unknown): string {
  return String(value).replaceAll(/[^\w.-]+/g, "-").replace(/^[-.]+/, "")
    .slice(0, 48);
}

/** Words, also of one text: what stands in quotes is one of them. */
function wordsOf(value: unknown, field: string): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.map(String);
  if (typeof value !== "string") {
    throw wrong(value, field, "a text or an array of words");
  }
  return (value.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [])
    .map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

function textOf(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw wrong(value, field, "a text");
}

/** Bytes, or as in "150M". */
function sizeOf(value: unknown, field: string): number {
  return bytes(String(value), field);
}

/** In ms, as PM2 has it. */
function timeOf(value: unknown, field: string): number {
  const ms = Number(value);
  if (value !== "" && Number.isFinite(ms) && ms >= 0) return ms;
  throw wrong(value, field, "a time in milliseconds");
}

function wrong(value: unknown, field: string, wanted: string): TypeError {
  const given = typeof value === "string" ? `"${value}"` : String(value);
  return new TypeError(
    `Cannot use ${given} for "${field}": it must be ${wanted}`,
  );
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : undefined;
}

function alias(
  field: string,
  others: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(others.map((other) => [other, field]));
}
