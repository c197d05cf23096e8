/**
 * The Dockerfile, built and run: the supervisor as PID 1 of a container without
 * rights, on a file system that is read-only. `npm run build && node
 * deploy/container.ts [DIR]`, as root, in about two minutes; installs podman, runc
 * and mmdebstrap of Debian where they are missing. The base image is made of
 * Debian's packages in the place of the official one, which needs a registry.
 */

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { watch } from "../tests/command.ts";
import { load } from "../tests/strict_client.ts";
import { baseImage, CLIENT, remove } from "./lib/image.ts";
import {
  attempt,
  conclude,
  type Ran,
  ROOT,
  run,
  show,
  showLoad,
  temporary,
  until,
} from "./lib/parts.ts";

const NAME = "prefork-web";
const CLI = ["node", "node_modules/prefork/dist/cli.js"];

using folder = temporary();
const containers = baseImage(process.argv[2] ?? folder.path);
const { command, limits } = containers;

/** How a container is run, as compose.yaml says. */
const RUN = [
  ...["run", "-d", "--name", NAME, "--network", "none", ...limits],
  ...["--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"],
  ...["--security-opt", "no-new-privileges"],
];

build();
try {
  await serve();
  await reload();
  await stop();
  ends();
} catch (error) {
  show("all of it", false, error);
  process.stdout.write(`${attempt([...command, "logs", NAME]).text}\n`);
} finally {
  remove(containers, NAME);
}
conclude();

/** Builds the image by the Dockerfile as it is. */
function build(): void {
  const app = join(folder.path, "app");
  cpSync(`${ROOT}deploy/app`, app, { recursive: true });
  mkdirSync(join(folder.path, "package"));
  run([
    ...["npm", "pack", "--ignore-scripts", "--silent", ROOT],
    ...["--pack-destination", join(folder.path, "package")],
  ]);
  run([
    ...["sh", "-c", 'mv "$0"/*.tgz "$0"/prefork.tgz'],
    join(folder.path, "package"),
  ]);
  // No registry has this version yet: the package lies in the base image.
  const file = join(app, "package.json");
  const text = readFileSync(file, "utf8");
  const depends = "file:/opt/prefork/prefork.tgz";
  writeFileSync(file, text.replace(/"\^[\d.]+"/, JSON.stringify(depends)));
  const base = join(folder.path, "base");
  mkdirSync(base);
  cpSync(join(folder.path, "package"), join(base, "prefork"), {
    recursive: true,
  });
  writeFileSync(
    join(base, "Dockerfile"),
    `FROM ${containers.image}\nCOPY prefork /opt/prefork\n`,
  );
  const how = ["build", "--isolation", "chroot", "--format", "docker"];
  run([...command, ...how, "-t", "localhost/web-base", base]);
  run([
    ...[...command, "run", "--rm", "--network", "none", ...limits],
    ...["-v", `${app}:/app`, "-w", "/app", "localhost/web-base"],
    ...["npm", "install", "--package-lock-only", "--offline", "--no-audit"],
  ]);
  const built = attempt([
    ...[...command, ...how, "--build-arg", "BASE=localhost/web-base"],
    ...["-t", "localhost/web", app],
  ]);
  show("the Dockerfile", built.code === 0, built.code === 0 ? "" : built.text);
  if (built.code !== 0) process.exit(1);
}

/** Runs a command in the container. */
function inside(...words: readonly string[]): Ran {
  return attempt([...command, "exec", NAME, ...words]);
}

async function serve(): Promise<void> {
  run([...command, ...RUN, "localhost/web"]);
  await until("it is ready", () => healthy() === 0);
  show("HEALTHCHECK", healthy() === 0);
  const first = inside("ps", "-o", "pid=,user=,args=", "1").text;
  show(
    "PID 1 is the supervisor, not root",
    /^1 1000 .*cli\.js/.test(first),
    first,
  );
  // Its parent ends at once: PID 1 has it then.
  const orphan = inside("sh", "-c", "sleep 1 & echo $!").text;
  const adopted = inside("ps", "-o", "ppid=,stat=", orphan).text;
  await until("it has ended", () => !inside("ps", "-o", "stat=", orphan).text);
  show("an orphan is adopted and reaped", /^1 /.test(adopted), adopted);
}

function healthy(): number {
  return attempt([...command, "healthcheck", "run", NAME]).code;
}

async function reload(): Promise<void> {
  const address = "127.0.0.1:8080";
  const running = await load(
    [
      { kind: "connect", address, loops: 2 },
      { kind: "keepalive", address, loops: 4 },
    ],
    undefined,
    [...command, "exec", "-i", NAME, "node", CLIENT],
  );
  const reloaded = inside(...CLI, "reload");
  show("prefork reload", reloaded.code === 0, reloaded.text);
  run([...command, "kill", "-s", "USR2", NAME]);
  await until(
    "another supervisor serves",
    () =>
      attempt([...command, "logs", NAME]).text.includes(
        "prefork upgrade-finished",
      ),
    90,
  );
  showLoad("a reload and an upgrade under load", await running.stop());
}

/** Stops it while a request runs that takes a while. */
async function stop(): Promise<void> {
  const url = "http://127.0.0.1:8080/slow/4000";
  const [file, ...args] = [...command, "exec", NAME, "curl", "-sS", url];
  const client = watch(
    spawn(file!, args, { stdio: ["ignore", "pipe", "pipe"] }),
  );
  await new Promise((done) => setTimeout(done, 1500));
  const since = performance.now();
  run([...command, "stop", "--time", "35", NAME]);
  const ms = Math.round(performance.now() - since);
  const [answer] = await client.line(/^release .*$/);
  show("docker stop drains: a request of 4 s is answered", true, answer);
  const code = run([
    ...[...command, "inspect", "-f", "{{.State.ExitCode}}", NAME],
  ]);
  const log = attempt([...command, "logs", NAME]).text;
  const last = log.split("\n").findLast((line) => / stopped /.test(line));
  show(
    "exit code 0, nobody killed",
    code === "0" && /killed=0/.test(last!),
    `${ms} ms`,
  );
}

/** A program that is not there, and options that cannot be understood. */
function ends(): void {
  const rows = [["none.js", 3], ["--nonsense", 2]] as const;
  for (const [word, code] of rows) {
    const ran = attempt([
      ...[...command, "run", "--rm", "--network", "none", ...limits],
      ...["localhost/web", ...CLI, "-l", ":8080", word],
    ], 60);
    const said = ran.text.split("\n").findLast((line) =>
      /^prefork: /.test(line)
    );
    show(`prefork ${word} ends with ${code}`, ran.code === code, said);
  }
}
