/** A supervisor below a parent that passes sockets on: `fixtures/parent.py`. */

import { spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Command, fixture, prefork } from "./command.ts";
import { libraryFile } from "./fixtures/library_file.ts";
import { afterAll, beforeAll } from "./harness.ts";
import { target } from "./http.ts";
import { commandOn, ownRuntime } from "./runtimes.ts";

/** Where they are. */
export const dir: string = join(tmpdir(), `prefork-inherited-${process.pid}`);

/** A program that answers with its variables of parents. */
export const program: string = join(dir, "app.mjs");

/** The program is there for the tests of a file, of several in one process. */
export function writeProgram(): void {
  beforeAll(() => {
    mkdirSync(dir);
    writeFileSync(
      program,
      `import http from "node:http";
import process from "node:process";
const names = /^(LISTEN_|SERVER_STARTER_|EINHORN_|UNICORN_|GUNICORN_|PUMA_|NGINX|FPM_)/;
http.createServer((_, response) => {
  const known = Object.keys(process.env).filter((name) => names.test(name));
  response.end(\`pid \${process.pid} \${known}\`);
}).listen(3000);
`,
    );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
}

const python = spawnSync("python3", ["--version"]).status === 0;
/** Why there can be none. */
export const skip: string | false = process.platform !== "linux"
  ? "numbers of sockets are looked at on Linux only"
  : python
  ? false
  : "python3 is not here, by which the parent is written";

/** What is passed on, and how it is said. */
export interface Plan {
  readonly sockets: readonly {
    readonly at: number;
    readonly kind: string;
    readonly path?: string;
  }[];
  readonly env?: Readonly<Record<string, string>>;
  readonly block?: readonly number[];
  readonly stay?: boolean;
}

/** Runs the command as the child of a parent that passes sockets on. */
export function below(plan: Plan, args: readonly string[]): Command {
  return prefork(args, {
    command: [
      "python3",
      fixture("parent.py"),
      JSON.stringify(plan),
      ...commandOn(ownRuntime, libraryFile("cli")),
    ],
  });
}

/** Where the sockets of the parent are. */
export async function addresses(command: Command): Promise<readonly string[]> {
  const [, text] = await command.line(/^parent (.*)$/);
  return text!.split(" ").map((one) =>
    one.startsWith("/") ? `unix:${one}` : one
  );
}

/** One socket by each format, and one that has no variable. */
export function everyFormat(name: string): Plan {
  const path = (which: string): string => join(dir, `${name}-${which}.sock`);
  const tcp = (at: number) => ({ at, kind: "tcp" });
  return {
    stay: true,
    // HUP, USR2 and TERM are to come all the same.
    block: [1, 12, 15],
    sockets: [
      tcp(3),
      { at: 4, kind: "unix", path: path("systemd") },
      tcp(6),
      { at: 8, kind: "unix", path: path("starter") },
      tcp(10),
      tcp(12),
      tcp(14),
      { at: 16, kind: "tcp6" },
      tcp(18),
      tcp(20),
      tcp(0),
    ],
    env: {
      LISTEN_PID: "{pid}",
      LISTEN_FDS: "2",
      LISTEN_FDNAMES: "web:web",
      SERVER_STARTER_PORT: "{2}=6;{3}=8",
      // Below Einhorn SIGUSR2 is no upgrade.
      EINHORN_MASTER_PID: name === "all" ? "{ppid}" : "1",
      EINHORN_FD_COUNT: "1",
      EINHORN_FD_0: "10",
      UNICORN_FD: "12",
      GUNICORN_PID: "{ppid}",
      GUNICORN_FD: "14",
      PUMA_INHERIT_0: "16:tcp://{7}",
      NGINX: "18;",
      FPM_SOCKETS: "{9}=20",
    },
  };
}

/** A connection that Einhorn passes on, and its other end in `parent.py`. */
export const einhorn: Plan = {
  stay: true,
  sockets: [{ at: 5, kind: "tcp" }, { at: 7, kind: "pair" }],
  env: {
    EINHORN_MASTER_PID: "{ppid}",
    EINHORN_FD_COUNT: "1",
    EINHORN_FD_0: "5",
    EINHORN_SOCK_FD: "7",
  },
};

/** Resolves when a connection stands, whoever accepts it. */
export function connected(address: string): Promise<void> {
  const { host, port, socketPath } = target(address);
  return new Promise((resolve, reject) => {
    const socket = net.connect(
      socketPath ? { path: socketPath } : { host: host!, port: Number(port) },
      () => {
        socket.destroy();
        resolve();
      },
    );
    socket.on("error", reject);
  });
}

/** Sends a datagram; resolves with what comes back. */
export async function echoed(address: string, text: string): Promise<string> {
  const [host, port] = address.split(":");
  const socket = dgram.createSocket("udp4");
  try {
    const answer = new Promise<string>((resolve) =>
      socket.once("message", (bytes) => resolve(bytes.toString()))
    );
    socket.send(text, Number(port), host);
    return await answer;
  } finally {
    socket.close();
  }
}
