/**
 * A pool under s6, runit and supervisord, by Debian's, each in a temporary
 * directory and none as an init: `node deploy/supervisors.ts`, in about a minute;
 * as root it installs s6, runit and supervisor where they are missing. The sources
 * are run, by Node, Deno and Bun.
 */

import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../tests/ports.ts";
import {
  attempt,
  conclude,
  need,
  type Ran,
  ROOT,
  run,
  show,
  temporary,
  until,
} from "./lib/parts.ts";

need("s6-svscan", "runsv", "supervisord");
process.env["PATH"] = `${ROOT}node_modules/.bin:${
  process.env["PATH"]
}:/usr/sbin`;

using folder = temporary();
const app = join(folder.path, "server.mjs");
const broken = join(folder.path, "broken.mjs");
writeFileSync(broken, `throw new Error("this release does not boot");\n`);

/** One release, which says so, and can be slow. */
function release(name: string): void {
  writeFileSync(
    app,
    `import { createServer } from "node:http";
createServer((request, response) => {
  const ms = Number(/^\\/slow\\/(\\d+)/.exec(request.url)?.[1] ?? 0);
  setTimeout(() => response.end("${name}"), ms);
}).listen(3000);\n`,
  );
}

const RUNTIMES: Readonly<Record<string, string>> = {
  node: "node",
  deno: "deno run -A --no-check",
  bun: "bun",
};

/** The command line of a pool. */
const command = (
  runtime: string,
  port: number,
  program: string,
  ...more: readonly string[]
): string =>
  [
    ...[RUNTIMES[runtime], `${ROOT}cli.ts`, "-w", "2", "-l"],
    ...[`127.0.0.1:${port}`, "--control", "off", "--soak", "0"],
    ...["--probation", "0", ...more, program],
  ].join(" ");

const answer = (port: number, path = "/"): string =>
  attempt([
    "curl",
    "-sS",
    "--max-time",
    "10",
    `http://127.0.0.1:${port}${path}`,
  ])
    .text;

/** A request that is being answered while the service is stopped. */
function slow(port: number): Promise<string> {
  const child = spawn("curl", [
    ...["-sS", "--max-time", "20", `http://127.0.0.1:${port}/slow/2000`],
  ]);
  let text = "";
  child.stdout.on("data", (part) => text += part);
  return new Promise((resolve) => child.on("close", () => resolve(text)));
}

function script(file: string, text: string): void {
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

/** Who watches a service, and how it is asked. */
interface Manager {
  readonly name: string;
  /** Lays the service down, and starts who watches it. */
  start(service: string, command: string): ChildProcess;
  /** Waits until it is up, as the manager sees it. */
  up(service: string): void | Promise<void>;
  pid(service: string): number;
  reload(service: string): Ran;
  stop(service: string): Ran;
  /** How the pool has ended, as the manager has seen it. */
  ended(service: string): string;
}

/** What a finish script of s6 and runit is told: the code, or a signal. */
const FINISH = `echo "$1 $2" >>ended`;
const lastOf = (service: string): string =>
  existsSync(join(service, "ended"))
    ? readFileSync(join(service, "ended"), "utf8").trim().split("\n").at(-1)!
    : "";

const s6: Manager = {
  name: "s6",
  start: (service, line) => {
    mkdirSync(service, { recursive: true });
    // Before the program, behind which all is the program's.
    script(
      join(service, "run"),
      `exec ${line.replace(" --control", " --notification-fd 3 --control")}`,
    );
    writeFileSync(join(service, "notification-fd"), "3\n");
    script(join(service, "finish"), `${FINISH}; [ "$1" != 3 ] || exit 125`);
    return spawn("s6-supervise", [service], { stdio: "ignore" });
  },
  up: (service) => void run(["s6-svwait", "-U", "-t", "30000", service]),
  pid: (service) => Number(run(["s6-svstat", "-o", "pid", service])),
  reload: (service) => attempt(["s6-svc", "-h", service]),
  stop: (service) => attempt(["s6-svc", "-wD", "-T", "40000", "-d", service]),
  ended: lastOf,
};

const runit: Manager = {
  name: "runit",
  start: (service, line) => {
    mkdirSync(service, { recursive: true });
    script(join(service, "run"), `exec ${line}`);
    script(join(service, "finish"), `${FINISH}; [ "$1" != 3 ] || sv down .`);
    return spawn("runsv", [service], { stdio: "ignore" });
  },
  // It has no word for "ready": that is what answers.
  up: () => {},
  pid: (service) =>
    Number(readFileSync(join(service, "supervise/pid"), "utf8") || 0),
  reload: (service) => attempt(["sv", "hup", service]),
  stop: (service) => attempt(["sv", "-w", "40", "stop", service]),
  ended: lastOf,
};

const asked = (service: string, ...words: readonly string[]): Ran =>
  attempt(["supervisorctl", "-c", join(service, "conf"), ...words]);

const supervisord: Manager = {
  name: "supervisord",
  start: (service, line) => {
    mkdirSync(service, { recursive: true });
    writeFileSync(
      join(service, "conf"),
      `[unix_http_server]
file=${service}/s
[supervisord]
nodaemon=true
logfile=${service}/log
pidfile=${service}/pid
childlogdir=${service}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${service}/s
[program:web]
command=${line}
environment=PATH="${process.env["PATH"]}"
autorestart=unexpected
exitcodes=0
stopwaitsecs=35
startsecs=2
startretries=0
redirect_stderr=true
`,
    );
    return spawn("supervisord", ["-c", join(service, "conf")], {
      stdio: "ignore",
    });
  },
  up: (service) =>
    until("it runs", () => /RUNNING/.test(asked(service, "status").text)),
  pid: (service) => Number(asked(service, "pid", "web").text),
  reload: (service) => asked(service, "signal", "HUP", "web"),
  stop: (service) => asked(service, "stop", "web"),
  ended: (service) =>
    !existsSync(join(service, "log"))
      ? ""
      : /(?:exited: web \(|stopped: web \()([^)]*)\)(?![\s\S]*(?:exited|stopped): web)/
        .exec(readFileSync(join(service, "log"), "utf8"))?.[1] ?? "",
};

for (const manager of [s6, runit, supervisord]) {
  for (const runtime of Object.keys(RUNTIMES)) await under(manager, runtime);
}
conclude();

async function under(manager: Manager, runtime: string): Promise<void> {
  const what = (text: string): string => `${manager.name}, ${runtime}: ${text}`;
  const service = join(folder.path, `${manager.name}-${runtime}`);
  const port = await freePort();
  release("one");
  const watcher = manager.start(service, command(runtime, port, app));
  try {
    await up(manager, service, port);
    show(what("it serves when it is up"), answer(port) === "one");
    const pid = manager.pid(service);
    const line = run(["ps", "-o", "args=", "-p", String(pid)]);
    const parent = run(["ps", "-o", "ppid=", "-p", String(pid)]).trim();
    show(
      what("one process in the foreground: the supervisor"),
      line.includes("cli.ts") && parent === String(watcher.pid),
      pid,
    );
    release("two");
    manager.reload(service);
    await until("the release of a reload", () => answer(port) === "two");
    show(what("HUP reloads in place"), manager.pid(service) === pid);

    process.kill(pid, "SIGKILL");
    await until("another one", () => {
      const now = manager.pid(service);
      return now > 0 && now !== pid && answer(port) === "two";
    });
    show(what("kill -9: another one"), true, manager.ended(service));

    const answered = slow(port);
    await pause(500);
    const { code } = manager.stop(service);
    const text = await answered;
    show(
      what("a stop drains, and ends with 0"),
      code === 0 && text === "two" &&
        /^(0 0|exit status 0.*)$/.test(manager.ended(service)),
      `${text}, ${manager.ended(service)}`,
    );
  } catch (error) {
    show(what("as it should be"), false, (error as Error).message);
  } finally {
    await end(watcher);
  }
  rmSync(service, { recursive: true, force: true });
  const failing = manager.start(service, command(runtime, port, broken));
  try {
    await until(
      "it has given up",
      () => /^3 |exit status 3/.test(manager.ended(service)),
    );
    show(what("a program that does not boot ends with 3"), true);
  } catch (error) {
    show(what("a program that does not boot ends with 3"), false, error);
  } finally {
    await end(failing);
  }
}

/** Up as the manager sees it, which for runit is no more than started. */
async function up(
  manager: Manager,
  service: string,
  port: number,
): Promise<void> {
  await until(
    "it is watched",
    () =>
      manager === supervisord
        ? existsSync(join(service, "s"))
        : existsSync(join(service, "supervise/status")),
  );
  await manager.up(service);
  if (manager !== s6) await until("it serves", () => answer(port) === "one");
}

async function end(watcher: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => watcher.once("exit", resolve));
  if (watcher.exitCode !== null || watcher.signalCode !== null) return;
  watcher.kill("SIGTERM");
  await ended;
}
