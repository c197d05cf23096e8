/**
 * Looks at this machine and this process for `prefork doctor`. Makes and
 * changes nothing.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { Adapter, RuntimeName } from "../../core/adapter.ts";
import type {
  ControlFacts,
  ForbiddenFacts,
  KernelFacts,
  MachineFacts,
} from "../../core/doctor/facts.ts";
import { messageOf } from "../../core/errors.ts";
import { kernelPicks } from "../../core/preflight_steer.ts";
import { MAX_UNIX_PATH } from "../../core/options/address.ts";
import type { PoolConfig } from "../../core/options/options.ts";
import { MemoryBudget } from "../../core/supervise/memory_budget.ts";
import { openLibc } from "../../libc/open.ts";
import { directoryProblem, isWritable } from "./cache_directory.ts";
import { controlDirectories } from "./control_directory.ts";
import { readProc } from "./proc.ts";

/** What every supervisor on Deno needs, by the names of its permissions. */
const NEEDED = [
  ["read", "--allow-read"],
  ["env", "--allow-env"],
  ["run", "--allow-run"],
  ["sys", "--allow-sys=uid"],
] as const;

/** How long a runtime may take to say its version, in ms. */
const VERSION_MS = 10_000;

/** CAP_NET_BIND_SERVICE of capabilities(7). */
const BIND_ANY_PORT = 1n << 10n;

/**
 * Looks. On Deno nothing is asked for that is not allowed: it would ask at the
 * terminal.
 *
 * @param managerOf finds the package manager that started this process
 */
export async function gatherFacts(
  adapter: Adapter,
  config: PoolConfig,
  managerOf: () => string | undefined,
): Promise<MachineFacts | ForbiddenFacts> {
  const missing = missingPermissions();
  if (missing.length > 0) return { missing };
  const { host, runtime, version, capabilities } = adapter;
  const status = readProc("/proc/self/status");
  const { memoryLimit, memoryShare } = memoryFacts(adapter, config);
  return {
    platform: host.platform,
    runtime,
    version,
    share: capabilities.share,
    noLibc: whyNoLibc(),
    kernel: kernelFacts(host.sysctl),
    picks: kernelPicks(adapter),
    cpus: host.cpus,
    memoryLimit,
    memoryShare,
    openFiles: openFiles(),
    pid: host.pid,
    first: process.ppid === 1 ? commandOf(1) : undefined,
    privileged: isPrivileged(status),
    notifies: Boolean(host.env["NOTIFY_SOCKET"]),
    notifyCommand: host.which("systemd-notify") !== undefined,
    packageManager: managerOf(),
    proc: status !== undefined,
    procHides: status !== undefined && !isPrivileged(status) &&
      commandOf(1) === undefined,
    control: controlDirectories().map(controlFacts),
    runtimes: await runtimesInPath(adapter),
  };
}

function missingPermissions(): readonly string[] {
  if (process.versions["deno"] === undefined) return [];
  return NEEDED.flatMap(([name, flag]) =>
    Deno.permissions.querySync(
        name === "sys" ? { name, kind: "uid" } : { name },
      ).state === "granted"
      ? []
      : [flag]
  );
}

function whyNoLibc(): string | undefined {
  try {
    openLibc();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function kernelFacts(
  sysctl: (name: string) => number | undefined,
): KernelFacts {
  const text = (name: string): string =>
    (readProc(`/proc/sys/net/ipv4/${name}`) ?? "").trim();
  const [first, last] = text("ip_local_port_range").split(/\s+/).map(Number);
  return {
    longestQueue: sysctl("net.core.somaxconn"),
    resetsWhenFull: sysctl("net.ipv4.tcp_abort_on_overflow") === 1,
    migrates: sysctl("net.ipv4.tcp_migrate_req"),
    ephemeral: first && last ? [first, last] : undefined,
    reserved: text("ip_local_reserved_ports"),
    firstUnprivileged: sysctl("net.ipv4.ip_unprivileged_port_start") ?? 1024,
  };
}

/** As the pool itself divides it. */
function memoryFacts(
  adapter: Adapter,
  config: PoolConfig,
): Pick<MachineFacts, "memoryLimit" | "memoryShare"> {
  const { host } = adapter;
  const { memory = "auto", range, workers } = config;
  const wanted = range?.max ?? workers ?? host.cpus;
  const budget = new MemoryBudget(
    { config: { ...config, memory }, adapter },
    { wanted },
  );
  return {
    memoryLimit: host.memoryGroup()?.limit,
    memoryShare: budget.share,
  };
}

/**
 * The limit that is in force (proc_pid_limits(5)); each runtime raises it to the
 * hard one when it starts (Node 26.10, Deno 2.9.5, Bun 1.4.4).
 */
function openFiles(): number | undefined {
  const limits = readProc("/proc/self/limits") ?? "";
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Root, also of a namespace, and who was given the capability. */
function isPrivileged(status: string | undefined): boolean {
  const effective = /^CapEff:\s+([\da-f]+)$/m.exec(status ?? "")?.[1];
  return effective === undefined
    ? process.geteuid?.() === 0
    : (BigInt(`0x${effective}`) & BIND_ANY_PORT) !== 0n;
}

function commandOf(pid: number): string | undefined {
  return readProc(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ").trim();
}

/** As a pool would find it, without making it. */
function controlFacts(directory: string): ControlFacts {
  const longest = path.join(directory, ".pf-XXXXXX", "s").length;
  let above = directory;
  while (!existsSync(above)) above = path.dirname(above);
  const problem = longest > MAX_UNIX_PATH
    ? "has a path that is too long for a socket"
    : above === directory
    ? directoryProblem(directory)
    : isWritable(above)
    ? undefined
    : "cannot be made";
  return { directory, problem };
}

async function runtimesInPath(
  { host, runtime: own }: Adapter,
): Promise<MachineFacts["runtimes"]> {
  const names: readonly RuntimeName[] = ["node", "deno", "bun"];
  const found = await Promise.all(names.map(async (name) => {
    const file = name === own ? undefined : host.which(name);
    const version = file && await versionOf(file);
    return version ? [[name, version] as const] : [];
  }));
  return Object.fromEntries(found.flat());
}

/** `v26.10.0`, `deno 2.9.5 (..)` and `1.4.4` are how they say it. */
function versionOf(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, ["--version"], { timeout: VERSION_MS }, (_error, stdout) => {
      resolve(/\d+\.\d+\.\d+/.exec(stdout)?.[0]);
    });
  });
}
