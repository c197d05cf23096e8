/**
 * What the adapter uses of Bun, described here so that Bun's own types do not
 * leak into code that runs elsewhere. `types/bun.ts` checks that it is true.
 *
 * @module
 */

/** A socket of `Bun.connect` or `Bun.listen`. */
export interface BunSocket {
  /** The file descriptor. */
  readonly fd: number;
  /** Closes it after what has been written. */
  end(): number;
}

/** What happens on a socket. */
export interface BunSocketHandler {
  /** It is open. */
  open?(socket: BunSocket): void;
  /** Bytes have come; the buffer is reused. */
  data(socket: BunSocket, bytes: Uint8Array): void;
  /** It is closed. */
  close?(socket: BunSocket): void;
  /** A handler threw, or the socket broke. */
  error?(socket: BunSocket, error: Error): void;
}

/** A process of `Bun.spawn`. */
export interface BunSubprocess {
  /** The process id. */
  readonly pid: number;
  /** A pipe's output, when it was asked for. */
  readonly stdout: unknown;
  /** A pipe's output, when it was asked for. */
  readonly stderr: unknown;
  /** The exit code, or null while it runs or after a signal. */
  readonly exitCode: number | null;
  /** The signal that ended it, or null. */
  readonly signalCode: string | number | null;
  /** Settles when the process has been reaped. */
  readonly exited: Promise<number>;
  /** What it has used (getrusage(2)), once it has been reaped; in us. */
  resourceUsage():
    | { readonly cpuTime: { readonly total: number | bigint } }
    | undefined;
  /** Sends a signal. */
  kill(signal?: NodeJS.Signals): void;
  /** Lets this process end before it. */
  unref(): void;
}

/** Where a file descriptor of a process comes from. */
export type BunStdio = "ignore" | "inherit" | "pipe" | number;

/** What `Bun.spawn` is told. */
export interface BunSpawnOptions {
  /** The executable and its arguments. */
  cmd: string[];
  /** The working directory. */
  cwd?: string;
  /** The complete environment. */
  env: Record<string, string>;
  /** True for a session of its own. */
  detached: boolean;
  /** The file descriptors from 0 on. */
  stdio: [BunStdio, BunStdio, BunStdio, ...BunStdio[]];
}

/** The global `Bun`. */
export interface BunLike {
  /** Its version. */
  readonly version: string;
  /** Starts a process. */
  spawn(options: BunSpawnOptions): BunSubprocess;
}

/** The member of `Bun` that answers on a Unix socket. */
export interface BunControl {
  /** Serves HTTP. */
  serve(options: {
    unix: string;
    idleTimeout: number;
    fetch(request: Request, server: object): Promise<Response>;
  }): { unref(): void; stop(): Promise<void> };
}

/**
 * The members of `Bun` that take a file descriptor. The types of Bun 1.4.4
 * know `fd` for `connect` alone; both were run on 1.4.4.
 */
export interface BunFdSockets {
  /** Reads and writes on an open socket. */
  connect(options: { fd: number; socket: BunSocketHandler }): Promise<unknown>;
  /** Accepts on a socket that listens. */
  listen(
    options: { fd: number; socket: BunSocketHandler },
  ): { stop(closeActiveConnections?: boolean): void };
}
