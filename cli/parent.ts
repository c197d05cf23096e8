/**
 * The package manager that started the command, as in `npx prefork` or a script
 * of `package.json`. Some have a shell between them and the command, and leave
 * the command behind when a signal ends them and the shell.
 *
 * @module
 */

/** A package manager and what is between it and this process. */
export interface PackageManager {
  /** What it runs, as in `npm start`. */
  readonly name: string;
  /** Its process id. */
  readonly pid: number;
  /** Pairs of a process and its parent, from this process up to it. */
  readonly links: readonly (readonly [child: number, parent: number])[];
}

/** What is seen of processes. */
export interface ParentLook {
  /** The parent of one; undefined where there is none. */
  parentOf(pid: number): number | undefined;
  /** Its command line, the words apart by NUL; undefined where there is none. */
  commandOf(pid: number): string | undefined;
}

/** How often is looked whether it is still there, in ms. */
export const LOOK_MS = 500;

/** npm, npm-cli.js, yarn-4.9.1.cjs; `bun run` and `deno task` are two words. */
const MANAGER =
  /^(?:(?:\S*\/)?(?:node|bun) )?(?:\S*\/)?((?:npm|npx|pnpm|pnpx|yarn|yarnpkg|bunx)(?:-cli|-[\d.]*\d)?(?:\.[cm]?js)?|bun (?:--bun )?(?:run|x)|deno task)(?: |$)/;

/** A shell that runs one command line. */
const SHELL = /^(?:\S*\/)?(?:\w*sh) -c /;

/** A command in it that the shell does not wait for. */
const BACKGROUND = /(?<![&<>])&(?=[\s)]|$)/;

/**
 * Finds the package manager that started a process and waits for it; undefined
 * where there is none, or it cannot be seen (proc(5) is Linux's).
 */
export function packageManagerOf(
  pid: number,
  env: Readonly<Record<string, string | undefined>>,
  processes: ParentLook,
): PackageManager | undefined {
  // All of them set it; it is inherited, so it does not suffice.
  if (env["npm_config_user_agent"] === undefined) return undefined;
  const links: [number, number][] = [];
  for (let child = pid;;) {
    const parent = processes.parentOf(child);
    if (parent === undefined) return undefined;
    links.push([child, parent]);
    const command = processes.commandOf(parent)?.replaceAll("\0", " ").trim() ??
      "";
    const [, name] = MANAGER.exec(command) ?? [];
    if (name !== undefined) {
      return { name: command.slice(command.indexOf(name)), pid: parent, links };
    }
    if (!SHELL.test(command) || BACKGROUND.test(command)) return undefined;
    child = parent;
  }
}

/** True once it, or a shell between it and this process, has ended. */
export function isGone(
  { links }: PackageManager,
  processes: ParentLook,
): boolean {
  return links.some(([child, parent]) => processes.parentOf(child) !== parent);
}
