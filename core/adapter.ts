/**
 * The seam between the core and a runtime: everything that the core may ask of
 * the world. One object of this shape per runtime, and one in memory for tests.
 *
 * @module
 */

import type {
  Answer,
  Answering,
  ControlPlace,
  ControlSocket,
} from "./control/socket.ts";
import type { Address } from "./options/address.ts";
import type { Clock } from "./adapter/clock.ts";
import type { Connection } from "./adapter/connection.ts";
import type { DeclineRequest, Declining, Refusing } from "./adapter/decline.ts";
import type { Host } from "./host.ts";
import type { NotifySockets } from "./adapter/notify_socket.ts";
import type { PathFile, PidFile, Predecessor } from "./adapter/successor.ts";
import type { Steer } from "./steer/steer.ts";

/** The runtimes that prefork runs on. */
export type RuntimeName = "node" | "deno" | "bun";

/** The ways one address reaches many workers. */
export type ShareMode =
  | "balanced"
  | "shared"
  | "sharded"
  | "reuseport"
  | "handoff";

/** The signals that a pool sends or reacts to. */
export type Signal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGHUP"
  | "SIGKILL"
  | "SIGABRT"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGTTIN"
  | "SIGTTOU"
  | "SIGWINCH"
  | "SIGCONT";

/** Why something cannot be done here, and what works instead. */
export interface Refusal {
  /** The reason, as the rest of a sentence that begins with "because". */
  readonly reason: string;
  /** The mode, flag or version that works, as the rest of "use". */
  readonly instead: string;
}

/** What a runtime can do here, measured by the adapter when it is made. */
export interface Capabilities {
  /** For each share mode `true`, or why this supervisor cannot do it. */
  readonly share: Readonly<Record<ShareMode, true | Refusal>>;
  /**
   * True when inherited sockets get the numbers 3, 4, .. in the worker, as
   * `LISTEN_FDS` of systemd requires (sd_listen_fds(3)).
   */
  readonly fdPlacement: boolean;
  /**
   * True when workers can pass a connection on to this process, which gives it
   * to another one.
   */
  readonly receives: boolean;
}

/** What is asked of {@linkcode Adapter.bind}. */
export interface BindRequest {
  /**
   * The socket of a predecessor that is bound there already, which is taken
   * over instead of bound. Its path, if it has one, stays as it is.
   */
  readonly inherited?: {
    /** The number that it has in this process. */
    readonly fd: number;
    /** Its path, where it has one. */
    readonly file?: PathFile;
  };
  /** Where; an `fd` address takes over a socket this process inherited. */
  readonly address: Address;
  /** The length of the accept queue. */
  readonly backlog: number;
  /** True to leave IPv4 out on an IPv6 address. */
  readonly ipv6Only: boolean;
  /** True to set SO_REUSEPORT, so that several sockets share the address. */
  readonly reusePort: boolean;
  /**
   * True to call listen(2) too, for workers that expect a socket that already
   * listens. Otherwise the first worker that accepts does.
   */
  readonly listen: boolean;
  /**
   * True where accept(2) on it is to wait, and false, or left out, where it is
   * not to: O_NONBLOCK belongs to the socket and not to a process.
   */
  readonly blocks?: boolean;
  /** Permission bits of a Unix socket's path, set before it is visible. */
  readonly mode?: number;
  /** User name or uid that gets a Unix socket's path. */
  readonly owner?: string;
  /** Group name or gid that gets a Unix socket's path. */
  readonly group?: string;
}

/** A bound socket that this process holds without ever accepting on it. */
export interface HeldSocket {
  /** The real address: with the port for 0, and a number for a name. */
  readonly address: Address;
  /** The file descriptor, for {@linkcode SpawnPlan.inherits}. */
  readonly fd: number;
  /**
   * Where it has a path: puts that back if it is gone. Never throws.
   *
   * @returns what has happened to the path, once for each time, as a sentence
   */
  mend?(): string | undefined;
  /** Where it has a path: which file that is. */
  readonly file?: PathFile;
  /**
   * Accepts no more, so that what comes stays in the queue, until it is accepted
   * on again. False where that cannot be without closing it. Never throws.
   */
  rest(): boolean;
  /**
   * Keeps new clients out, for good, and leaves those who have come: they are
   * accepted by whoever has it. A client of TCP hears nothing, and is refused
   * when it is closed; a Unix socket's path goes away. Never throws.
   *
   * @returns whether that can be done here
   */
  seal(): boolean;
  /**
   * Has it listen no more, for all who have it: clients are refused. Nobody may
   * wait for connections on it any more. Never throws; where libc cannot be
   * called it does nothing.
   */
  shut(): void;
  /** Closes it; a Unix socket's path goes away with it. Never throws. */
  close(): void;
  /**
   * Closes this process' copy and leaves the path, since another process has
   * the socket too. Nothing that waits in its queue is lost. Never throws.
   */
  abandon(): void;
}

/** A file that belongs to this process and to whoever inherits it. */
export interface SharedFile {
  /** The file descriptor, for {@linkcode SpawnPlan.inherits}. */
  readonly fd: number;
  /** Reads from a place in bytes, 0 unless given; returns how many there were. */
  read(into: Uint8Array, at?: number): number;
  /** Writes at a place in bytes. */
  write(bytes: Uint8Array, at: number): void;
  /** Closes it; it is gone once nobody has it open. Never throws. */
  close(): void;
}

/** How a worker ended. */
export interface ExitStatus {
  /** The exit code, or null when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it, or null. */
  readonly signal: string | null;
}

/** What {@linkcode Adapter.spawn} is to start. */
export interface SpawnPlan {
  /** The executable and its arguments; looked up in PATH without a slash. */
  readonly command: readonly [string, ...string[]];
  /** What runs the worker: a runtime, or `exec` for the command itself. */
  readonly runtime: RuntimeName | "exec";
  /** The working directory; this process' own unless given. */
  readonly cwd?: string;
  /** What to inherit, in order. */
  readonly inherits: readonly { readonly fd: number }[];
  /**
   * The complete environment, once the numbers are known under which the
   * worker will find {@linkcode SpawnPlan.inherits}. The adapter adds the
   * channel's variables.
   */
  env(fds: readonly number[]): Readonly<Record<string, string>>;
  /**
   * True for a supervisor that is to take this one's place: it has all of its
   * capabilities, of which workers may have less.
   */
  readonly succeeds?: boolean;
  /** Where the output goes: to this process' own, or to `onLine`. */
  readonly output: "inherit" | "lines";
  /** Called with each line of output, without its end. */
  onLine(stream: "stdout" | "stderr", line: string): void;
  /** Called with each message from the worker, parsed but not yet trusted. */
  onMessage(message: unknown): void;
  /**
   * Called with a message that came with a connection, where
   * {@linkcode Capabilities.receives}. Whoever is called has to close it. Just
   * before, the worker's runtime was sent a confirmation, which counts as a
   * message in the rule of {@linkcode WorkerProcess.sendConnection}; what the
   * worker says after this call has been said after reading it.
   */
  onConnection(message: unknown, connection: Connection): void;
  /** Called with what was wrong when the channel carried no message. */
  onNoise(problem: string): void;
  /**
   * Called once at most, before `onExit`, when the system shows that the worker
   * runs nothing of its program any more. Its status and its last lines are
   * known a moment later, or much later where a process of its own holds its
   * output.
   */
  onEnding?(): void;
  /**
   * Called once at most, when the process itself has ended and others of its
   * process group have not: `onExit` follows when they have, or SIGKILL has ended
   * them. Left out, nobody waits for those.
   */
  readonly onLeft?: (() => void) | undefined;
  /**
   * Called exactly once, after the last line of output; with the CPU that the
   * process has used, in ms, where that was seen.
   */
  onExit(status: ExitStatus, cpu?: number): void;
}

/** A worker process. Nothing here throws: "already gone" is normal. */
export interface WorkerProcess {
  /** The process id. */
  readonly pid: number;
  /** Sends a message; false when the worker is already gone. */
  send(message: unknown): boolean;
  /**
   * Sends a message with a connection. This process' copy stays open until
   * {@linkcode Connection.close}. The worker must have read every message
   * before it: Deno 2.9.5 loses a connection that it reads together with one.
   * False when the worker is already gone.
   *
   * @param onSettled called once when the worker's runtime has confirmed that
   * it has the connection, or that it did not get it; not at all when the
   * worker ends before that
   */
  sendConnection(
    message: unknown,
    connection: Connection,
    onSettled: (taken: boolean) => void,
  ): boolean;
  /**
   * True while more than {@linkcode MAX_BEHIND} messages wait here for the
   * worker to read: it gets no answers then.
   */
  readonly behind: boolean;
  /**
   * Sends a signal; false when the worker is already gone. SIGKILL goes to all
   * of its process group, what it has started included.
   */
  kill(signal: Signal): boolean;
  /** Lets it outlive this process, which does not wait for its end any more. */
  release(): void;
}

/** How many messages may wait for a worker that reads none. */
export const MAX_BEHIND = 1000;

/** Everything the core may ask of a runtime. */
export interface Adapter extends NotifySockets {
  /** The runtime. */
  readonly runtime: RuntimeName;
  /** Its version. */
  readonly version: string;
  /** What it can do here. */
  readonly capabilities: Capabilities;
  /** Facts about the machine and this process. */
  readonly host: Host;
  /** Time. */
  readonly clock: Clock;
  /**
   * Binds a socket that this process holds and never accepts on.
   *
   * @throws {PreforkError} `ERR_BIND` with the address, the holder where it is
   * visible, and the way out
   */
  bind(request: BindRequest): Promise<HeldSocket>;
  /**
   * Makes a file without a name, in memory where the system can.
   *
   * @param size in bytes, all 0, which nobody can change where the system can
   * promise that; without it the file is empty and grows
   */
  shareFile(size?: number): SharedFile;
  /**
   * Makes what has the kernel choose among so many shards of an address by what
   * workers hold.
   *
   * @throws {Error} why it cannot be had, as the rest of a sentence that begins
   * with "because"
   */
  steer(slots: number): Steer;
  /** Accepts on a held socket, for the `handoff` mode, until disposed. */
  accept(
    socket: HeldSocket,
    backlog: number,
    onConnection: (connection: Connection) => void,
  ): Disposable;
  /**
   * Answers whoever connects to a held socket, or without one only those whose
   * connections it is given, if that can be done here.
   */
  decline(
    socket: HeldSocket | undefined,
    request: DeclineRequest,
  ): Declining | undefined;
  /** Closes a held socket for clients and opens it, if that can be done. */
  refuse(socket: HeldSocket): Refusing | undefined;
  /**
   * Starts a worker.
   *
   * @throws {PreforkError} `ERR_SPAWN` when the command cannot be executed
   */
  spawn(plan: SpawnPlan): WorkerProcess;
  /**
   * Reaps the processes that this one adopts, where it is the first one of a
   * system or container (PID 1), until disposed. Never a worker.
   *
   * @returns why it cannot be done, as the rest of a sentence that begins with
   * "because"; undefined where this process adopts none
   */
  reapOrphans(): Disposable | string | undefined;
  /** Traps a signal; disposing gives it back its default action. */
  onSignal(signal: Signal, listener: () => void): Disposable;
  /**
   * Sends one datagram to the service manager: a Unix socket, abstract where its
   * name begins with `@`. `RELOADING=1` gets the time that goes with it.
   *
   * @param passing a file descriptor that goes with it
   * @returns why it cannot be sent, as the rest of a sentence that begins with
   * "because"
   */
  notify(socket: string, state: string, passing?: number): string | undefined;
  /**
   * A descriptor of this process' parent to which a line is written by the
   * function that comes back, once, before it is closed. No child inherits it.
   *
   * @param line an empty one unless given, with its end
   * @throws {Error} when it is not open, or no pipe; its message is the rest of
   * a sentence that begins with "because"
   */
  notifier(fd: number, line?: string): () => void;
  /** Writes a file in one step, or removes it; throws what the system says. */
  placeFile(path: string, text: string | undefined): void;
  /** A pid file at an absolute path; nothing is written yet. */
  pidFile(path: string): PidFile;
  /**
   * Answers whoever connects to a Unix socket that only this user, and root, can
   * connect to.
   *
   * @throws {Error} when there can be none; its message is the reason
   */
  control(place: ControlPlace, answer: Answer): Promise<ControlSocket>;
  /** Answers, by HTTP, whoever comes over accepted connections. */
  answer(answer: Answer): Answering;
  /**
   * The text of a file that this process was started with, whose descriptor is
   * closed; undefined where it cannot be read.
   */
  takeText(fd: number): string | undefined;
  /**
   * The supervisor that has started this process to succeed it, and that hands
   * over by this environment variable. A second call gets nothing.
   */
  predecessor(variable: string): Predecessor | undefined;
}
