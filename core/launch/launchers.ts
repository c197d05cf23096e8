/**
 * Which commands lead to a program in JavaScript.
 *
 * @module
 */

/** Commands that run JavaScript, or what is in `package.json`. */
const JAVASCRIPT: ReadonlySet<string> = new Set([
  "node",
  "nodejs",
  "deno",
  "bun",
  "bunx",
  "npm",
  "npx",
  "pnpm",
  "pnpx",
  "yarn",
  "tsx",
  "ts-node",
]);

/** Commands that run the command which follows. */
const PREFIXES: ReadonlySet<string> = new Set([
  "env",
  "nice",
  "ionice",
  "chrt",
  "taskset",
  "nohup",
  "setpriv",
  "sudo",
  "time",
  "timeout",
  "dotenv",
  "dotenvx",
  "cross-env",
]);

/**
 * True when a command starts JavaScript for certain: such a worker says itself
 * that it is ready. Of others only time tells.
 */
export function startsJavaScript(
  program: string,
  args: readonly string[],
): boolean {
  const [name, ...rest] = [program, ...args].map((word) =>
    word.slice(word.lastIndexOf("/") + 1)
  );
  return JAVASCRIPT.has(name!) ||
    (PREFIXES.has(name!) && rest.some((word) => JAVASCRIPT.has(word)));
}
