/**
 * What `prefork doctor` judges: plain data, so that every machine can be one in
 * a test.
 *
 * @module
 */

import type { Capabilities, RuntimeName } from "../adapter.ts";
import type { PoolConfig, WorkerRuntime } from "../options/options.ts";

/** The kernel's settings that matter to a pool; those that can be read. */
export interface KernelFacts {
  /** `net.core.somaxconn`: the longest accept queue. */
  readonly longestQueue: number | undefined;
  /** `net.ipv4.tcp_abort_on_overflow`: a full queue resets who connects. */
  readonly resetsWhenFull: boolean;
  /** `net.ipv4.tcp_migrate_req`: 1 where what waits in a closed queue gets another. */
  readonly migrates: number | undefined;
  /** `net.ipv4.ip_local_port_range`: ports of connections to elsewhere. */
  readonly ephemeral: readonly [first: number, last: number] | undefined;
  /** `net.ipv4.ip_local_reserved_ports`: those among them that are not used. */
  readonly reserved: string;
  /** `net.ipv4.ip_unprivileged_port_start`: the first port for everybody. */
  readonly firstUnprivileged: number;
}

/** A place where a control socket can be. */
export interface ControlFacts {
  /** The directory. */
  readonly directory: string;
  /** Why it cannot be used; undefined where it can. */
  readonly problem: string | undefined;
}

/** What was seen of this machine and this process. */
export interface MachineFacts {
  /** The operating system, as `process.platform` names it. */
  readonly platform: string;
  /** What supervises. */
  readonly runtime: RuntimeName;
  /** Its version. */
  readonly version: string;
  /** Which share modes it can do here. */
  readonly share: Capabilities["share"];
  /** Why libc cannot be called here; undefined where it can. */
  readonly noLibc: string | undefined;
  /** The kernel's settings. */
  readonly kernel: KernelFacts;
  /** True where it can be made to pick among shards; else why not. */
  readonly picks: true | string;
  /** The CPUs that affinity and cgroup grant. */
  readonly cpus: number;
  /** The least limit of the cgroups, in bytes. */
  readonly memoryLimit: number | undefined;
  /**
   * What each worker would have of the pool's memory in bytes, of the cgroup's
   * where the pool has none; undefined without both.
   */
  readonly memoryShare: number | undefined;
  /** How many files a process may have open. */
  readonly openFiles: number | undefined;
  /** This process' id. */
  readonly pid: number;
  /** The command line of process 1, where it can be seen. */
  readonly first: string | undefined;
  /** True when this process may bind any port. */
  readonly privileged: boolean;
  /** True when a service manager wants to hear of this process. */
  readonly notifies: boolean;
  /** True where systemd-notify(1) is in PATH. */
  readonly notifyCommand: boolean;
  /** The package manager that this process was started by. */
  readonly packageManager: string | undefined;
  /** True when /proc shows this process. */
  readonly proc: boolean;
  /** True when it hides the processes of other users from this one. */
  readonly procHides: boolean;
  /** Where control sockets go, the usual place first. */
  readonly control: readonly ControlFacts[];
  /** The versions of the runtimes that are in PATH. */
  readonly runtimes: Readonly<Partial<Record<RuntimeName, string>>>;
}

/** What Deno does not allow, where nothing else could be looked at. */
export interface ForbiddenFacts {
  /** The missing flags. */
  readonly missing: readonly string[];
}

/** The pool that is to run there. */
export interface PoolPlan {
  /** Its options. */
  readonly config: PoolConfig;
  /** What is to run its workers. */
  readonly runtimes: readonly WorkerRuntime[];
}
