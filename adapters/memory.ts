/**
 * A world in memory: sockets, processes and time for tests that need none of
 * the real ones.
 *
 * @module
 */

import type {
  Adapter,
  BindRequest,
  Capabilities,
  HeldSocket,
  Signal,
} from "../core/adapter.ts";
import type { Pending } from "../core/adapter/accept_queue.ts";
import type { Answer } from "../core/control/socket.ts";
import type { Connection } from "../core/adapter/connection.ts";
import type { Predecessor } from "../core/adapter/successor.ts";
import { formatAddress } from "../core/options/address.ts";
import type { ProcessLook } from "../core/adapter/look.ts";
import { Heap } from "../core/heap.ts";
import { PreforkError } from "../core/errors.ts";
import { MemoryProcess, usageIn } from "./memory_process.ts";
import { arrayFile, filesOf, pidFileOf, resolveHere } from "./memory_file.ts";
import { MemoryNotifySockets, MemorySockets } from "./memory_socket.ts";
import { MemorySteering } from "./memory_steer.ts";

export { MemoryProcess };

interface Timer {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

/** A world in memory and the means to make things happen in it. */
export class MemoryWorld {
  /** Every process that was started, in order. */
  readonly processes: MemoryProcess[] = [];
  /** How many that is. */
  started = 0;
  /** What is bound. */
  readonly bound: Map<string, HeldSocket[]> = new Map();
  /** What happens to each process right after its start. */
  onSpawn: (process: MemoryProcess) => void = () => {};
  /** Addresses of bound sockets whose path was removed. */
  readonly removed: Set<string> = new Set();
  /** Addresses of sockets that were closed and left to another process. */
  readonly abandoned: string[] = [];
  /** The pool's own process. */
  pid = 1000;
  /** Its environment. */
  readonly env: Record<string, string> = { PATH: "/bin", LISTEN_FDS: "7" };
  /** What the pool was started with. */
  readonly inherited: MemorySockets = new MemorySockets();
  /** What chooses among shards. */
  readonly steered: MemorySteering = new MemorySteering();
  /** What the service manager was told, in order. */
  readonly notified: string[] = [];
  /** Where programs say how they are. */
  readonly notifySockets: MemoryNotifySockets = new MemoryNotifySockets();
  /** Why it cannot be told anything. */
  deaf: string | undefined;
  /** What was done with pid files, in order. */
  readonly pidFiles: string[] = [];
  /** Asks the pool as who connects to its control socket does. */
  control: Answer | undefined;
  /** Asks the pool as who connects to its addresses for monitors does. */
  readonly answers: Answer[] = [];
  /** Why there can be no control socket, if there cannot. */
  controlProblem: string | undefined;
  /** What files that are written in one step hold, by their paths. */
  readonly files: Map<string, string> = new Map();
  /** Whoever is told that files may have changed. */
  readonly hints: Set<() => void> = new Set();
  /** What the disk says of it, if it is full. */
  disk: Error | undefined;
  /** What a predecessor hands over. */
  predecessor: Predecessor | undefined;
  /** Links: paths, and what they lead to. */
  readonly links: Map<string, string> = new Map();
  /** What becomes of orphans: see {@linkcode Adapter.reapOrphans}. */
  orphans: Disposable | string | undefined;
  /** False where clients cannot be told to come again later. */
  declines = true;
  /** Sockets whose clients are, and how many were. */
  readonly declined: Map<HeldSocket | undefined, { count: number }> = new Map();
  /** Sockets that clients were refused on, and what was done last. */
  readonly refused: Map<HeldSocket, string> = new Map();
  /** False where a socket cannot be kept without accepting. */
  rests = true;
  /** Addresses that cannot be bound. */
  readonly taken: Set<string> = new Set();
  /** The kernel's settings. */
  readonly sysctl: Map<string, number> = new Map([
    ["net.core.somaxconn", 4096],
    ["net.ipv4.tcp_migrate_req", 0],
  ]);
  /** The stacks of processes on Node. */
  readonly stacks: Map<number, string> = new Map();
  /** What can be seen of processes. */
  readonly looks: Map<number, ProcessLook> = new Map();
  /** Processes that may do less than the supervisor. */
  readonly unprivileged: Set<number> = new Set();
  /** What processes hold, in bytes; the supervisor is 1. */
  readonly rss: Map<number, number> = new Map([[1, 50e6]]);
  /** How many processes of each cgroup were killed for memory. */
  readonly kills: Map<string, number> = new Map();
  /** The cgroup of each process that is not in "/pool". */
  readonly groups: Map<number, string> = new Map();
  /** The limit of the supervisor's cgroup, in bytes. */
  memoryLimit: number | undefined;
  /** How many connections wait on each listening socket, by its address. */
  readonly queued: Map<string, number> = new Map();
  /** Who is on the way to be accepted; undefined where nobody can be kept out. */
  pending: Pending | undefined;
  /** Sockets that new clients are kept out of. */
  readonly sealed: HeldSocket[] = [];
  /** How many connections of listeners processes hold, none unless given. */
  readonly accepted: Map<number, number> = new Map();
  /** What the kernel says of connections that it has dropped. */
  dropped: { overflows: number; drops: number } | undefined;
  /** The adapter of this world. */
  readonly adapter: Adapter;
  /** Those that are due first are first; the older ones of one moment. */
  readonly #due = new Heap<Timer>((a, b) =>
    a.at < b.at || a.at === b.at && a.number < b.number
  );
  readonly #timers = new Set<Timer>();
  #number = 0;
  readonly #traps = new Map<Signal, Set<() => void>>();
  readonly #acceptors = new Map<HeldSocket, (connection: Connection) => void>();
  #now = 0;

  /** Makes a world in which everything works. */
  constructor(capabilities: Partial<Capabilities["share"]> = {}) {
    this.adapter = this.#createAdapter({
      share: {
        balanced: true,
        shared: true,
        sharded: true,
        reuseport: true,
        handoff: true,
        ...capabilities,
      },
      fdPlacement: true,
      receives: true,
    });
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The processes that are alive. */
  get alive(): readonly MemoryProcess[] {
    return this.processes.filter(({ alive }) => alive);
  }

  /**
   * This process stands still, as by SIGSTOP, or the whole machine does: time
   * passes, and what fell due meanwhile runs afterwards.
   */
  standStill(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }

  /** Lets time pass, and runs what falls due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    while (this.runNext(end - this.#now));
    this.#now = end;
  }

  /** Goes on to what falls due next, if it does within so many ms, and runs it. */
  runNext(ms: number): boolean {
    let due = this.#due.first;
    for (; due !== undefined && !this.#timers.has(due); due = this.#due.first) {
      this.#due.pop();
    }
    if (due === undefined || due.at > this.#now + ms) return false;
    this.#due.pop();
    this.#timers.delete(due);
    this.#now = Math.max(this.#now, due.at);
    due.run();
    return true;
  }

  /** Sends the supervisor a signal; false when it does not trap it. */
  signal(signal: Signal): boolean {
    const traps = this.#traps.get(signal) ?? new Set();
    for (const trap of traps) trap();
    return traps.size > 0;
  }

  /**
   * A client connects to the first socket that is accepted on.
   *
   * @param peer its address
   * @param text what it sends to whoever reads, one character per byte
   */
  connect(peer?: string, text = ""): { closed: boolean } {
    const client = { closed: false };
    const [accept] = this.#acceptors.values();
    if (accept === undefined) throw new Error("Nobody accepts");
    accept({
      peer,
      peeks: false,
      read: (limit, reader) => {
        const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
        queueMicrotask(() => reader.bytes(bytes.subarray(0, limit)));
        return { [Symbol.dispose]: () => {} };
      },
      close: () => client.closed = true,
    });
    return client;
  }

  #createAdapter(capabilities: Capabilities): Adapter {
    const ownPid = (): number => this.pid;
    return {
      runtime: "node",
      version: "0.0.0",
      capabilities,
      host: {
        platform: "linux",
        cpus: 2,
        cpuList: (which) => which === "granted" ? "2,4-5" : "0-7",
        terminal: false,
        get pid() {
          return ownPid();
        },
        env: this.env,
        execPath: "/bin/node",
        preload: "/lib/preload.js",
        which: (name) => `/bin/${name}`,
        exists: (path) => !path.includes("missing"),
        real: (path) => this.links.get(path) ?? path,
        head: () => "",
        programProblem: () => undefined,
        resolve: resolveHere,
        certificateProblem: ({ cert }) =>
          cert.includes("missing") ? `"${cert}" is not there` : undefined,
        cacheDirectory: (given = "/home/.cache/prefork") => {
          if (given.includes("missing")) throw new Error(`"${given}" is bad`);
          return given;
        },
        hasRights: (pid) => !this.unprivileged.has(pid),
        rss: (pid = 1) => this.rss.get(pid),
        memoryGroup: (pid = 1) => {
          const path = this.groups.get(pid) ?? "/pool";
          return {
            path,
            limit: this.memoryLimit,
            kills: () => this.kills.get(path) ?? 0,
          };
        },
        ...filesOf(this.files, this.hints),
        ...this.inherited.host,
        asksQuickly: () => false,
        queued: () => Math.max(0, ...this.queued.values()),
        pending: () => this.pending,
        dropped: () => this.dropped,
        accepted: (_fd, pid) => this.accepted.get(pid) ?? 0,
        look: (pid) => this.looks.get(pid),
        state: (pid) => this.looks.get(pid)?.state,
        usage: (pid) => usageIn(this.looks.get(pid)),
        stack: (pid) => Promise.resolve(this.stacks.get(pid)),
        sysctl: (name) => this.sysctl.get(name),
        random: () => 0,
      },
      clock: {
        now: () => this.#now,
        after: (ms, run) => {
          const timer = { at: this.#now + ms, number: this.#number++, run };
          this.#timers.add(timer);
          this.#due.push(timer);
          return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
        },
      },
      bind: (request) => Promise.resolve().then(() => this.#bind(request)),
      shareFile: arrayFile,
      steer: (slots) => this.steered.steer(slots),
      accept: (socket, _backlog, onConnection) => {
        this.#acceptors.set(socket, onConnection);
        return {
          [Symbol.dispose]: () => void this.#acceptors.delete(socket),
        };
      },
      decline: (socket) => {
        if (!this.declines) return undefined;
        const end = (): void => void this.declined.delete(socket);
        const declined = {
          count: 0,
          take(connection: Connection) {
            this.count++;
            connection.close();
          },
          [Symbol.dispose]: end,
        };
        this.declined.set(socket, declined);
        return declined;
      },
      refuse: (socket) => {
        if (socket.address.kind !== "tcp") return undefined;
        const set = (what: string) => () => void this.refused.set(socket, what);
        return {
          close: set("closed"),
          release: set("released"),
          listen: set("open"),
        };
      },
      spawn: (plan) => {
        const process = new MemoryProcess(1001 + this.started++, plan);
        this.processes.push(process);
        this.onSpawn(process);
        return process;
      },
      reapOrphans: () => this.orphans,
      onSignal: (signal, listener) => {
        const traps = this.#traps.get(signal) ?? new Set();
        this.#traps.set(signal, traps.add(listener));
        return { [Symbol.dispose]: () => void traps.delete(listener) };
      },
      notify: (_socket, state) => this.deaf ?? void this.notified.push(state),
      notifier: (fd, line = "") => () =>
        void this.notified.push(`line ${fd}${line}`),
      ...this.notifySockets.members,
      control: (place, answer) => {
        const { controlProblem: problem } = this;
        if (problem !== undefined) return Promise.reject(new Error(problem));
        this.control = answer;
        const path = "path" in place ? place.path : `/run/${place.name}.sock`;
        return Promise.resolve({
          path,
          close: () => this.control = undefined,
        });
      },
      placeFile: (path, text) => {
        if (this.disk !== undefined) throw this.disk;
        if (text === undefined) this.files.delete(path);
        else this.files.set(path, text);
      },
      pidFile: pidFileOf(this.pidFiles),
      answer: (answer) => {
        this.answers.push(answer);
        return {
          take: (connection) => connection.close(),
          [Symbol.dispose]: () => {
            this.answers.splice(this.answers.indexOf(answer), 1);
          },
        };
      },
      takeText: () => undefined,
      predecessor: () => this.predecessor,
    };
  }

  #bind({ address, reusePort, inherited }: BindRequest): HeldSocket {
    const real = address.kind === "tcp" && address.port === 0
      ? { ...address, port: 40_000 + this.bound.size }
      : this.inherited.addressOf(address);
    const key = formatAddress(real);
    const holders = this.bound.get(key) ?? [];
    const free = !this.taken.has(key) && (holders.length === 0 || reusePort);
    if (!free && inherited === undefined) {
      throw new PreforkError("ERR_BIND", `Cannot listen on ${key}: in use`, {
        code: "EADDRINUSE",
      });
    }
    const socket: HeldSocket = {
      address: real,
      fd: inherited?.fd ?? 10,
      ...(real.kind === "unix" && !real.abstract && {
        mend: () =>
          this.removed.delete(key)
            ? `"${key}" was removed, and is there again`
            : undefined,
      }),
      rest: () => {
        if (this.rests) this.#acceptors.delete(socket);
        return this.rests;
      },
      seal: () => this.pending !== undefined && this.sealed.push(socket) > 0,
      shut: () => {},
      abandon: () => this.abandoned.push(key),
      close: () => {
        const left = (this.bound.get(key) ?? []).filter((one) =>
          one !== socket
        );
        if (left.length > 0) this.bound.set(key, left);
        else this.bound.delete(key);
      },
    };
    this.bound.set(key, [...holders, socket]);
    return socket;
  }
}
