/**
 * What can be seen of a process from outside.
 *
 * @module
 */

/** What a process does at one moment. */
export interface ProcessLook {
  /** The process. */
  readonly pid: number;
  /**
   * The state of its main thread: `R` runs, `S` sleeps, `D` sleeps and cannot be
   * interrupted, `T` is stopped, `t` is held by a debugger
   * (proc_pid_stat(5)).
   */
  readonly state: string;
  /** The session that it belongs to. */
  readonly session: number;
  /** CPU that all of its threads have used, in milliseconds. */
  readonly cpu: number;
  /** CPU that its main thread has used, in milliseconds. */
  readonly mainCpu: number;
  /** How long its main thread has waited for a CPU, in milliseconds. */
  readonly waited: number;
  /** Its memory, in bytes. */
  readonly rss: number;
  /** True while it writes a core dump. */
  readonly dumps: boolean;
  /** The function of the kernel in which its main thread sleeps. */
  readonly wchan?: string;
  /** The system call that its main thread is in, and of which file. */
  readonly syscall?: string;
}

/** What a process uses. */
export interface ProcessUsage {
  /** CPU that all of its threads have used, in milliseconds. */
  readonly cpu: number;
  /** Its memory, in bytes. */
  readonly rss: number;
}

/** Where the memory of a process counts, by the kernel's reckoning. */
export interface MemoryGroup {
  /** The directory of the cgroup. */
  readonly path: string;
  /**
   * The least limit of it and of those around it, in bytes; undefined when none
   * has any.
   */
  readonly limit: number | undefined;
  /**
   * How many of its processes the kernel has killed for memory so far;
   * undefined when it does not say.
   */
  kills(): number | undefined;
}
