/**
 * The units of systemd, run by systemd: Debian's, as PID 1 of a container that has
 * its own files, processes and network. `npm run build && node deploy/systemd.ts
 * [bookworm|trixie [DIRECTORY]]`, as root, in about five minutes: systemd 252, or
 * 257 with what that has beside. Installs podman, runc and mmdebstrap of Debian
 * where they are missing; the directory keeps the image for the next time.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { load } from "../tests/strict_client.ts";
import {
  baseImage,
  CLIENT,
  layRelease,
  type Release,
  remove,
} from "./lib/image.ts";
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

const RELEASES = ["1", "2", "3", "broken"];
const CONTAINER = "prefork-systemd";

using folder = temporary();
const [release = "bookworm", directory = folder.path] = process.argv.slice(2);
const containers = baseImage(directory, release as Release);
const { command, limits, image } = containers;

const web = join(folder.path, "web");
for (const name of RELEASES) {
  layRelease(join(web, "releases", name));
  writeFileSync(join(web, "releases", name, "RELEASE"), name);
}
mkdirSync(join(folder.path, "units"));
for (const file of ["app/web.service", "socket/web.socket"]) {
  run(["cp", `${ROOT}deploy/${file}`, join(folder.path, "units")]);
}
run(["cp", "-r", `${ROOT}deploy/socket/web.service.d`, folder.path]);
run(["ln", "-s", "releases/1", join(web, "current")]);

/** Runs a command beside systemd. */
const inside = (...words: readonly string[]): Ran =>
  attempt([...command, "exec", CONTAINER, ...words]);
const told = (...words: readonly string[]): string => inside(...words).text;
const property = (name: string): string =>
  told("systemctl", "show", "web", "-P", name);
const answer = (): string =>
  told("curl", "-sS", "--max-time", "10", "http://127.0.0.1:8080/");
const point = (release: string): void =>
  void told("ln", "-sfn", `releases/${release}`, "/srv/web/current");

/** The client that never retries, beside systemd. */
const clients = () =>
  load(
    [
      { kind: "connect", address: "127.0.0.1:8080", loops: 2 },
      { kind: "keepalive", address: "127.0.0.1:8080", loops: 4 },
    ],
    undefined,
    [...command, "exec", "-i", CONTAINER, "node", CLIENT],
  );

try {
  run([
    ...[...command, "run", "-d", "--name", CONTAINER, "--network", "none"],
    ...[...limits, "--systemd=always"],
    // To give services mounts of their own, as the unit asks for.
    ...["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"],
    ...["-v", `${web}:/srv/web`, "-v", `${folder.path}/units:/units:ro`],
    ...["-v", `${folder.path}/web.service.d:/drop-in:ro`],
    // 257 wants to be asked for cgroups of version 1, where that is all there is;
    // what stands here it takes for the kernel's own command line.
    ...[image, "/lib/systemd/systemd", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"],
  ]);
  await until(
    "systemd runs",
    () => told("systemctl", "is-system-running") === "running",
  );
  show("systemd", true, told("systemctl", "--version").split("\n")[0]);
  inside("sh", "-c", "cp /units/* /etc/systemd/system/");
  const verified = inside(
    ...["systemd-analyze", "verify", "web.service", "web.socket"],
  );
  show("systemd-analyze verify", verified.text === "", verified.text);
  const exposure = told("systemd-analyze", "security", "web.service");
  show("systemd-analyze security", true, exposure.split("\n").at(-1));

  await start();
  await reloads();
  await failures();
  await stops();
  await others();
  await sockets();
} finally {
  remove(containers, CONTAINER);
}
conclude();

async function start(): Promise<void> {
  const { code, text } = inside("systemctl", "start", "web");
  show("systemctl start, when every worker is ready", code === 0, text);
  if (code !== 0) show("its log", false, told("journalctl", "-u", "web"));
  show("it serves at once", answer().startsWith("release 1 "), answer());
  show("it is no root", true, told("ps", "-o", "user=", property("MainPID")));
  const status = inside(
    ...["node", "/srv/web/current/node_modules/prefork/dist/cli.js"],
    ...["status", "/run/web/control.sock"],
  );
  show("root asks it", status.code === 0, status.text.split("\n")[0]);
  await Promise.resolve();
}

async function reloads(): Promise<void> {
  const pid = property("MainPID");
  await using running = await clients();
  point("2");
  show("systemctl reload", inside("systemctl", "reload", "web").code === 0);
  show("the release of the link", answer().startsWith("release 2 "), answer());
  point("broken");
  const failed = inside("systemctl", "reload", "web");
  const reason = told("journalctl", "-u", "web", "-n", "200", "-o", "cat")
    .split("\n").find((line) => line.startsWith("prefork: Cannot reload"));
  show("a broken release: systemctl reload fails", failed.code !== 0, reason);
  show("the old one serves on", answer().startsWith("release 2 "), answer());
  show("the unit is active", property("ActiveState") === "active");
  show("the same supervisor", property("MainPID") === pid, pid);
  point("3");
  inside("systemctl", "kill", "--kill-whom=main", "-s", "USR2", "web");
  await until("another supervisor", () => property("MainPID") !== pid);
  await until("release 3", () => answer().startsWith("release 3 "));
  await until(
    "the old one is gone",
    () => inside("kill", "-0", pid).code !== 0,
  );
  show(
    "USR2: MAINPID moves, the unit stays active",
    property("ActiveState") === "active",
    `${pid} -> ${property("MainPID")}`,
  );
  showLoad("clients that never retry saw none of it", await running.stop());
}

async function failures(): Promise<void> {
  const pid = property("MainPID");
  inside("sh", "-c", `kill -9 $(pgrep -P ${pid} | head -1)`);
  await until("it serves", () => answer().startsWith("release 3 "));
  show("a killed worker is prefork's", property("MainPID") === pid, pid);
  inside("kill", "-9", pid);
  await until(
    "another one",
    () => property("MainPID") !== pid && property("ActiveState") === "active",
  );
  await until("it serves", () => answer().startsWith("release 3 "));
  show(
    "a killed supervisor is systemd's: Restart=on-failure",
    property("NRestarts") === "1",
    `NRestarts=${property("NRestarts")}`,
  );
}

async function stops(): Promise<void> {
  const slow = inside.bind(
    undefined,
    ...["sh", "-c"],
    `curl -sS --max-time 20 http://127.0.0.1:8080/slow/3000 & sleep 1
    systemctl stop web; echo "stopped $?"; wait`,
  );
  const { text } = slow();
  show(
    "systemctl stop drains: a request of 3 s is answered",
    /release 3 .*\n?stopped 0|stopped 0\n?release 3/.test(text),
    text,
  );
  show("its result", property("Result") === "success", property("Result"));
  show("nothing is left", inside("pgrep", "-f", "server.js").code !== 0);
  show("nor in /run", inside("test", "-e", "/run/web").code !== 0);
  await Promise.resolve();
}

/** The same unit with another runtime in the place of Node, and with Node. */
async function others(): Promise<void> {
  point("1");
  inside("mkdir", "-p", "/etc/systemd/system/web.service.d");
  for (const runtime of ["node", "bun", "deno run -A"]) {
    inside(
      ...["sh", "-c"],
      `sed -n 's|^Exec\\(.*\\)=/usr/bin/node|Exec\\1=\\nExec\\1=/usr/bin/${runtime}|p' \
        /etc/systemd/system/web.service |
        sed '1i [Service]\\nWatchdogSec=3\\nTimeoutStopSec=1' >/etc/systemd/system/web.service.d/runtime.conf
      systemctl daemon-reload`,
    );
    const started = inside("systemctl", "start", "web");
    const answered = answer();
    point("2");
    const reloaded = inside("systemctl", "reload", "web");
    const then = answer();
    if (started.code === 0) await outlives(runtime);
    if (started.code === 0 && release === "trixie") await newer(runtime);
    // Longer than TimeoutStopSec=: more time is asked for.
    const stopped = inside(
      ...["sh", "-c"],
      `curl -sS --max-time 20 http://127.0.0.1:8080/slow/4000 & sleep 1
      systemctl stop web; code=$?; wait; exit $code`,
    );
    show(
      `${runtime}: EXTEND_TIMEOUT_USEC=, a request of 4 s with TimeoutStopSec=1`,
      /release 2 /.test(stopped.text) && property("Result") === "success",
      stopped.text,
    );
    point("1");
    show(
      `the same on ${runtime}: start, reload, stop`,
      started.code + reloaded.code + stopped.code === 0 &&
        answered.startsWith("release 1 ") && then.startsWith("release 2 ") &&
        property("Result") === "success",
      `${answered} | ${then} | ${property("Result")}`,
    );
    if (started.code !== 0) {
      show("its log", false, told("journalctl", "-u", "web", "-n", "20"));
    }
  }
  inside("rm", "/etc/systemd/system/web.service.d/runtime.conf");
  await Promise.resolve();
}

/** What systemd knows of the pool, its watchdog, and the sockets that it keeps. */
async function outlives(runtime: string): Promise<void> {
  const seen = (what: string): string => `${runtime}: ${what}`;
  const kept = (): number => Number(property("NFileDescriptorStore"));
  const status = property("StatusText");
  show(seen("STATUS="), /^4 of 4 workers ready/.test(status), status);
  // One socket, and the record of it.
  show(seen("FDSTORE="), kept() === 2, kept());

  const restarting = await clients();
  const restart = inside("systemctl", "restart", "web");
  await until("it serves", () => answer().startsWith("release 2 "));
  showLoad(
    seen(`a cold restart under load (${restart.code})`),
    await restarting.stop(),
  );

  const before = property("MainPID");
  const killing = await clients();
  inside("kill", "-9", before);
  await until("another one", () => {
    const pid = property("MainPID");
    return pid !== before && pid !== "0" &&
      property("ActiveState") === "active";
  });
  const { done, failed, cut } = await killing.stop();
  const all = [...failed, ...cut].map(String);
  const refused = all.filter((each) => /ECONNREFUSED/.test(each));
  show(
    seen("kill -9 of the supervisor under load: nobody is refused"),
    refused.length === 0 && kept() === 2,
    `${JSON.stringify(done)} failed=${failed.length} cut=${cut.length} ${
      all.slice(0, 2)
    }`,
  );

  const stopped = property("MainPID");
  const times = property("NRestarts");
  inside("kill", "-STOP", stopped);
  await until(
    "the watchdog",
    () =>
      property("NRestarts") !== times && property("ActiveState") === "active",
  );
  const line = told("journalctl", "-u", "web", "-n", "400", "-o", "cat")
    .split("\n").find((each) => each.includes("Watchdog timeout"));
  show(
    seen("a supervisor that stands still is started anew"),
    line !== undefined && property("MainPID") !== stopped,
    line,
  );
}

/**
 * What systemd 252 does not have: Type=notify-reload, which begins with SIGHUP and
 * ends with READY=1, and $FDSTORE, by which sockets are kept without a word.
 */
async function newer(runtime: string): Promise<void> {
  const seen = (what: string): string => `${runtime}: ${what}`;
  inside(
    ...["sh", "-c"],
    `cd /etc/systemd/system/web.service.d
    { printf '[Service]\nType=notify-reload\nExecReload=\n'
      sed -n 's/ --fd-store//; /^ExecStart=/p' runtime.conf; } >type.conf
    systemctl daemon-reload; systemctl stop web; systemctl start web`,
  );
  show(seen("Type="), property("Type") === "notify-reload", property("Type"));
  const kept = property("NFileDescriptorStore");
  show(seen("$FDSTORE, without --fd-store"), kept === "2", kept);
  const pid = property("MainPID");
  await using running = await clients();
  point("3");
  const { code, text } = inside("systemctl", "reload", "web");
  const answered = answer();
  show(
    seen("notify-reload: systemctl reload ends when the next release serves"),
    code === 0 && answered.startsWith("release 3 ") &&
      property("MainPID") === pid,
    `${text} ${answered}`,
  );
  point("broken");
  const failed = inside("systemctl", "reload", "web");
  show(
    seen("notify-reload, a broken release: the old one serves on"),
    answer().startsWith("release 3 ") && property("MainPID") === pid,
    `code ${failed.code}, ${property("ActiveState")}: ${
      property("StatusText")
    }`,
  );
  point("2");
  inside("systemctl", "reload", "web");
  showLoad(seen("clients that never retry saw none"), await running.stop());
  inside(
    ...["sh", "-c"],
    "rm /etc/systemd/system/web.service.d/type.conf; systemctl daemon-reload",
  );
}

async function sockets(): Promise<void> {
  inside(
    ...["sh", "-c"],
    `cp /drop-in/* /etc/systemd/system/web.service.d/ && systemctl daemon-reload`,
  );
  const verified = inside("systemd-analyze", "verify", "web.service");
  show("verify, with web.socket", verified.text === "", verified.text);
  inside("systemctl", "start", "web.socket");
  show("a socket, no service", property("ActiveState") === "inactive");
  show("a connection starts it", answer().startsWith("release 1 "), answer());
  await using running = await load(
    [{ kind: "connect", address: "127.0.0.1:8080", loops: 4 }],
    undefined,
    [...command, "exec", "-i", CONTAINER, "node", CLIENT],
  );
  const { code } = inside("systemctl", "restart", "web");
  await until("it serves", () => answer().startsWith("release 1 "));
  const { done, failed } = await running.stop();
  show(
    "a cold restart: new connections wait, none is refused",
    code === 0 && failed.length === 0,
    `${JSON.stringify(done)} failed=${failed.length} ${failed.slice(0, 3)}`,
  );
  inside("systemctl", "stop", "web.socket", "web.service");
}
