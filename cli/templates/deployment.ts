/**
 * What is known of a program that is to be deployed, and the numbers that follow
 * from the pool's options. The templates beside this file make files of it.
 *
 * @module
 */

import { isAbsolute, relative } from "node:path";
import { parseListener, type TcpAddress } from "../../core/options/address.ts";
import type { PoolOptions } from "../../core/options/options.ts";

/** A program with its options, on this machine. */
export interface Deployment {
  /** What it is called: a label of DNS (RFC 1123), which names files as well. */
  readonly name: string;
  /** Where it is started, by the name that a deploy keeps. */
  readonly directory: string;
  /** The user who runs it; undefined for one that systemd makes. */
  readonly user: string | undefined;
  /** The command without its arguments: absolute, as this machine has it. */
  readonly command: readonly string[];
  /** The runtime of the supervisor. */
  readonly runtime: "node" | "deno" | "bun";
  /** Its version. */
  readonly version: string;
  /** The version of prefork. */
  readonly prefork: string;
  /** The files beside the program that say what it needs. */
  readonly manifest: readonly string[];
  /** The options, the program and its arguments, as they were written. */
  readonly words: readonly string[];
  /** The same, parsed. */
  readonly options: PoolOptions;
}

/** A port that others reach. */
export interface Port {
  /** Its name, as Kubernetes wants it: at most 15 of `a-z0-9-`. */
  readonly name: string;
  /** The number. */
  readonly port: number;
}

/** A pool as it is run in a container. */
export interface Contained {
  /** The command line, with what was added. */
  readonly words: readonly string[];
  /** Where clients connect. */
  readonly ports: readonly Port[];
  /** Where the supervisor says how the pool is. */
  readonly health: number;
}

/** Where a program listens in a container, and its health, unless given. */
const PORT = 8080;
const HEALTH_PORT = 8081;

/**
 * How long Kubernetes needs until the last node has stopped to send to a pod
 * that leaves, in ms: a guess on the safe side, which `--drain-delay` replaces.
 */
export const ROUTES_MS = 10_000;

/** What a stop may take beyond its deadlines, in s: SIGKILL, and the last lines. */
export const MARGIN_S = 5;

/**
 * How long a stop may take before whoever asked for it has the right to kill,
 * in s: `--drain-delay` + `--grace` + 5, whole seconds.
 */
export function stopSeconds(
  { drainDelay = 0, grace = 30_000 }: PoolOptions,
): number {
  return Math.ceil((drainDelay + grace) / 1000) + MARGIN_S;
}

/** The addresses that were given. */
export function listenersOf(
  { listen = [] }: PoolOptions,
): ReturnType<typeof parseListener>[] {
  return [listen].flat().map((text) => parseListener(text));
}

/**
 * How the pool is run in a container: with an address that does not depend on
 * what the program says, and with its health.
 *
 * @throws {TypeError} when an option of it makes no sense there
 */
export function contained(deployment: Deployment): Contained {
  const { options } = deployment;
  const given = listenersOf(options);
  const tcp = given.flatMap(({ name, address }) =>
    address.kind === "tcp" ? [{ name, address }] : []
  );
  const ports = given.length === 0
    ? [{ name: "http", port: PORT }]
    : tcp.map(({ name, address }, i) => portOf(name, address, i));
  const taken = ports.map(({ port }) => port);
  const health = healthPort(options) ??
    [HEALTH_PORT, PORT, 9000].find((port) => !taken.includes(port))!;
  return {
    words: [
      ...(options.name === undefined ? ["--name", deployment.name] : []),
      ...(given.length === 0 ? ["-l", `:${PORT}`] : []),
      ...(options.health === undefined ? ["--health", `:${health}`] : []),
      ...withProgram(deployment, programInside(deployment)),
    ],
    ports,
    health,
  };
}

/** The program as a container has it: below the directory that is copied. */
function programInside(
  { directory, options: { program } }: Deployment,
): string {
  return isAbsolute(program) && program.startsWith(`${directory}/`)
    ? relative(directory, program)
    : program;
}

/** The words, with another program. */
function withProgram(
  { words, options: { program: given, args = [] } }: Deployment,
  program: string,
): readonly string[] {
  const at = words.length - args.length - 1;
  // A configuration file may say which program it is.
  return words[at] === given ? words.with(at, program) : words;
}

function portOf(name: string, { port }: TcpAddress, index: number): Port {
  if (/^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(name)) {
    return { name, port };
  }
  return { name: index === 0 ? "http" : `port-${port}`, port };
}

/** The port of `--health`. */
function healthPort({ health }: PoolOptions): number | undefined {
  if (health === undefined) return undefined;
  const { address } = parseListener(health);
  if (address.kind === "tcp") return address.port;
  throw new TypeError(
    `Cannot use "${health}" for "--health" here: who looks at a container asks a TCP port, as in --health :${HEALTH_PORT}`,
  );
}

/** What has to be known of it, a sentence each. */
export function notesOn(deployment: Deployment): string[] {
  const { command, options, manifest, runtime } = deployment;
  const notes: string[] = [];
  const loopback = [
    ...listenersOf(options).map(({ address }) => address),
    ...(options.health === undefined
      ? []
      : [parseListener(options.health).address]),
  ].flatMap((address) =>
    address.kind === "tcp" && /^(127\.|localhost$|::1$)/.test(address.host)
      ? [address]
      : []
  );
  for (const { host, port } of loopback) {
    notes.push(
      `${host}:${port} is reached from inside of a container only, ":${port}" from outside too`,
    );
  }
  if (isAbsolute(programInside(deployment))) {
    notes.push(
      `${options.program} is outside of ${deployment.directory}, and so no part of the image`,
    );
  }
  if (command.some((word) => word.includes("/_npx/"))) {
    notes.push(
      "npx has run a copy of its own, which may go at any time: npm install prefork, and write the files anew",
    );
  }
  if (manifest.length === 0 && runtime !== "deno") {
    notes.push(
      "there is no package.json here, from which the image would be built",
    );
  }
  const others = runtimesOf(options).filter((name) =>
    name !== runtime && name !== "exec"
  );
  if (others.length > 0) {
    notes.push(
      `the image has ${runtime}: what the workers run on (${
        others.join(", ")
      }) has to be added to it`,
    );
  }
  return notes;
}

function runtimesOf({ runtime }: PoolOptions): string[] {
  if (runtime === undefined) return [];
  return typeof runtime === "string" ? [runtime] : Object.keys(runtime);
}

/**
 * A text as a label of DNS (RFC 1035, which names of services have to be): what
 * can be no part of one is `-`. None of YAML's other values, such as `null`.
 */
export function labelOf(text: string): string {
  const label = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "").slice(0, 40).replace(/-+$/, "");
  return /^(?!(?:true|false|null|yes|no|on|off|[yn])$)[a-z]/.test(label)
    ? label
    : `app-${label}`.replace(/-$/, "");
}
