/**
 * What starts prefork, the real ones: each passes its sockets on, and has the pool
 * replaced while clients ask that never retry. `node deploy/parents.ts
 * [node|deno|bun [NAME ..]]`, as root, in some two minutes; installs Debian's
 * systemd, libserver-starter-perl, unicorn, gunicorn and nginx-light where they
 * are missing. supervisord and circus are Debian's packages where they are here,
 * or where `SUPERVISOR` and `CIRCUS` say, as Einhorn is where `EINHORN` says: a
 * directory each with its packages. Of one that is not here a line says that the
 * scene is not shown. Without an argument the supervisor is on Node.
 */

import {
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { type Command, isAlive, PATH } from "../tests/command.ts";
import { get } from "../tests/http.ts";
import {
  answering,
  controlled,
  FOLDER,
  free,
  place,
  pool,
  readyTimes,
  start,
  supervisors,
  table,
  tell,
  under,
  wrapper,
} from "./lib/below.ts";
import { conclude, need, show, until } from "./lib/parts.ts";

const PYTHON = "/usr/bin/python3";

need(
  ...[
    "systemd-socket-activate",
    "start_server",
    "unicorn",
    "gunicorn",
    "nginx",
  ],
);
const names = process.argv.slice(3);

const SCENES: Readonly<Record<string, () => Promise<void>>> = {
  async "systemd-socket-activate"() {
    const address = await free();
    await using command = start([
      ...["systemd-socket-activate", "-E", `PATH=${PATH}`, "-l", address],
      ...pool([address]),
    ]);
    await command.line(/^Listening on /);
    await get(address);
    await readyTimes(command, 1);
    tell(
      "systemd-socket-activate, HUP",
      await under([address], async () => {
        await pause(500);
        command.signal("SIGHUP");
        await command.line(/^prefork reload-finished /);
      }),
    );
    tell(
      "systemd-socket-activate, USR2",
      await under([address], async () => {
        command.signal("SIGUSR2");
        await command.line(/^prefork upgrade-finished /);
        await until("the first has gone", () => !isAlive(command.pid));
        await pause(500);
      }),
    );
    process.kill(supervisors(command).at(-1)!, "SIGTERM");
    await command.ended;
  },

  async start_server() {
    for (const delay of [0, 8]) {
      const address = await free();
      const path = place(`web-${delay}.sock`);
      const pid = place("starter.pid");
      const status = place("starter.status");
      await using command = start([
        ...["start_server", "--port", address, "--path", path],
        ...["--kill-old-delay", String(delay), "--pid-file", pid],
        ...["--status-file", status, "--"],
        ...pool([address, `unix:${path}`], 3000),
      ]);
      await readyTimes(command, 1);
      const name = `start_server, a boot of 3 s, --kill-old-delay ${delay}`;
      tell(
        name,
        await under([address, `unix:${path}`], async () => {
          command.signal("SIGHUP");
          await readyTimes(command, 2);
          await command.line(/old worker \d+ died, status:0/);
        }),
      );
      command.signal("SIGTERM");
      const { code } = await command.ended;
      show("its end", code === 0 && !existsSync(path), `code ${code}`);
    }
  },

  async supervisord() {
    const packages = packagesOf("SUPERVISOR", "supervisor");
    if (packages === undefined) return absent("supervisord", "SUPERVISOR");
    const address = await free();
    writeFileSync(
      place("supervisord.conf"),
      `[supervisord]
logfile=${place("supervisord.log")}
pidfile=${place("supervisord.pid")}
[unix_http_server]
file=${place("supervisor.sock")}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${place("supervisor.sock")}
[fcgi-program:web]
socket=tcp://${address}
command=${pool(["fd:0"]).join(" ")}
process_name=%(program_name)s_%(process_num)s
numprocs=2
stopwaitsecs=20
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
redirect_stderr=true
`,
    );
    const env = { PYTHONPATH: packages };
    const run = (entry: string): readonly string[] => [
      ...[PYTHON, "-W", "ignore", "-c"],
      `from supervisor.${entry} import main; main()`,
      ...["-c", place("supervisord.conf")],
    ];
    await using command = start([
      // Its own output has to be one that can be opened again.
      ...["bash", "-c", `exec "$@" > >(cat) 2>&1`, "--"],
      ...[...run("supervisord"), "-n"],
    ], env);
    const control = (...words: string[]): Promise<void> =>
      controlled([
        ...["env", `PYTHONPATH=${packages}`],
        ...run("supervisorctl"),
        ...words,
      ]);
    await readyTimes(command, 2);
    tell(
      "supervisord fcgi-program, signal HUP",
      await under([address], async () => {
        await control("signal", "HUP", "web:web_0");
        await command.line(/prefork reload-finished /);
      }),
    );
    tell(
      "supervisord fcgi-program, restart one by one",
      await under([address], async () => {
        await pause(300);
        await control("restart", "web:web_0");
        await readyTimes(command, 3);
        await control("restart", "web:web_1");
        await readyTimes(command, 4);
      }),
    );
    command.signal("SIGTERM");
    await command.ended;
  },

  async circus() {
    const packages = packagesOf("CIRCUS", "circus");
    if (packages === undefined) return absent("circus", "CIRCUS");
    const address = await free();
    const [host, port] = address.split(":");
    const [endpoint, pubsub] = [await free(), await free()];
    writeFileSync(
      place("circus.ini"),
      `[circus]
endpoint = tcp://${endpoint}
pubsub_endpoint = tcp://${pubsub}
[watcher:web]
cmd = ${pool(["fd:$(circus.sockets.web)"]).join(" ")}
copy_env = True
use_sockets = True
numprocesses = 1
graceful_timeout = 20
stdout_stream.class = StdoutStream
stderr_stream.class = StdoutStream
[socket:web]
host = ${host}
port = ${port}
`,
    );
    const env = { PYTHONPATH: packages };
    await using command = start(
      [PYTHON, "-W", "ignore", "-m", "circus.circusd", place("circus.ini")],
      env,
    );
    await readyTimes(command, 1);
    tell(
      "circus, reload",
      await under([address], async () => {
        await pause(300);
        await controlled([
          ...["env", `PYTHONPATH=${packages}`, PYTHON, "-W", "ignore", "-m"],
          ...["circus.circusctl", "--endpoint", `tcp://${endpoint}`],
          ...["reload", "web"],
        ]);
        await readyTimes(command, 2);
      }),
    );
    command.signal("SIGTERM");
    await command.ended;
  },

  async einhorn() {
    const packages = process.env["EINHORN"];
    if (packages === undefined) return absent("Einhorn", "EINHORN");
    const address = await free();
    await using command = start([
      ...["ruby", `${packages}/bin/einhorn`],
      ...["-m", "manual", "-n", "1", "-b", address],
      ...["-d", place("einhorn.sock"), "-e", place("einhorn.pid")],
      ...pool([address], 1000),
    ], { RUBYLIB: `${packages}/lib` });
    await readyTimes(command, 1);
    await command.line(/has been acked|ACK/i);
    tell(
      "Einhorn -m manual, HUP",
      await under([address], async () => {
        command.signal("SIGHUP");
        await readyTimes(command, 2);
        await until(
          "the old one has gone",
          () => !isAlive(supervisors(command)[0]!),
        );
      }),
    );
    command.signal("SIGTERM");
    await command.ended;
  },

  async unicorn() {
    const address = await free();
    wrapper(address);
    writeFileSync(
      place("config.ru"),
      `run(proc { |_| [200, {}, ["ruby"]] })\n`,
    );
    writeFileSync(
      place("unicorn.rb"),
      `listen "${address}"
pid "${place("unicorn.pid")}"
worker_processes 2
Unicorn::HttpServer::START_CTX[0] = "${place("next")}"
`,
    );
    await using command = start([
      "unicorn",
      "-c",
      place("unicorn.rb"),
      place("config.ru"),
    ]);
    await command.line(/master process ready/);
    await takeOver("unicorn", command, address, "SIGQUIT");
  },

  async gunicorn() {
    const address = await free();
    wrapper(address);
    writeFileSync(
      place("web.py"),
      `def app(environ, start):
    start("200 OK", [("Content-Length", "6")])
    return [b"python"]
`,
    );
    writeFileSync(
      place("gunicorn.py"),
      `bind = "${address}"
workers = 2
def on_starting(server):
    server.START_CTX[0] = "${place("next")}"
`,
    );
    await using command = start([
      "gunicorn",
      "-c",
      place("gunicorn.py"),
      "web:app",
    ]);
    await command.line(/Booting worker/);
    await takeOver("gunicorn", command, address, "SIGTERM");
  },

  async nginx() {
    const address = await free();
    const log = place("next.log");
    writeFileSync(log, "");
    wrapper(address, log);
    // It is replaced only where it has left who started it.
    writeFileSync(
      place("nginx.conf"),
      `daemon on; worker_processes 2; pid ${place("nginx.pid")};
error_log ${place("nginx.log")};
events {}
http { access_log off; server { listen ${address}; return 200 "nginx"; } }
`,
    );
    const link = place("server");
    symlinkSync("/usr/sbin/nginx", link);
    await start([link, "-c", place("nginx.conf"), "-p", FOLDER]).ended;
    const pid = Number(readFileSync(place("nginx.pid"), "utf8"));
    rmSync(link);
    symlinkSync(place("next"), link);
    await using command = start(["tail", "-F", log]);
    await takeOver("nginx", command, address, "SIGQUIT", pid);
  },
};

/** Another server starts prefork as its own next version, and ends. */
async function takeOver(
  name: string,
  command: Command,
  address: string,
  end: NodeJS.Signals,
  pid = command.pid,
): Promise<void> {
  // nginx ends connections that are kept without a word.
  const kinds = name === "nginx" ? ["connect"] as const : undefined;
  tell(
    `${name} becomes prefork`,
    await under([address], async () => {
      await pause(300);
      process.kill(pid, "SIGUSR2");
      await readyTimes(command, 1);
      process.kill(pid, end);
      await until(`${name} has gone`, () => !isAlive(pid));
      await pause(500);
    }, kinds),
  );
  show("prefork serves", (await answering(address)).startsWith("pid"));
  const [supervisor] = supervisors(command);
  process.kill(supervisor!, "SIGTERM");
  // Not by its pid: process 1 may reap nobody.
  await command.line(/^prefork stopped /);
}

/** Where a package of Python is: as a variable says, or Debian's own place. */
function packagesOf(variable: string, name: string): string | undefined {
  const usual = "/usr/lib/python3/dist-packages";
  return process.env[variable] ??
    (existsSync(`${usual}/${name}`) ? usual : undefined);
}

function absent(name: string, variable: string): void {
  process.stdout.write(`--   ${name} is not here: ${variable}=DIRECTORY\n`);
}

for (const [name, run] of Object.entries(SCENES)) {
  if (names.length > 0 && !names.includes(name)) continue;
  await run().catch((error) => show(name, false, error));
}
table();
conclude();
