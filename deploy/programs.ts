/**
 * Servers in other languages as workers, the real ones: each is reloaded and ended
 * while it answers a request of three seconds, which has to be answered, and
 * nothing may be left then. `node deploy/programs.ts [node|deno|bun [NAME ..]]`,
 * as root, in some two minutes; installs Debian's unicorn, gunicorn, puma,
 * uvicorn, hypercorn, nginx, haproxy, starman, starlet and php-fpm where they are
 * missing; a worker by Einhorn's gem where `EINHORN` says where that is. Without
 * an argument the supervisor is on Node.
 */

import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createConnection } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { prefork } from "../tests/command.ts";
import { get } from "../tests/http.ts";
import { freePort } from "../tests/ports.ts";
import type { Runtime } from "../tests/runtimes.ts";
import { conclude, need, run, show, temporary, until } from "./lib/parts.ts";

/** How long the request takes that is in flight, in s. */
const SLOW = 3;

const PYTHON = "/usr/bin/python3";

/** A server, and how it is started. */
interface Program {
  readonly name: string;
  /** The command behind prefork's options. */
  readonly command: readonly string[];
  /** Options of prefork's own. */
  readonly options?: readonly string[];
  /** Asks it for a path, unless by HTTP. */
  ask?(path: string): Promise<string>;
}

need(
  ...["unicorn", "gunicorn", "puma", "uvicorn", "hypercorn", "nginx"],
  ...["haproxy", "starman", "plackup", "php-fpm8.2", "cgi-fcgi"],
);
process.env["PATH"] += ":/usr/sbin";
const packages = process.env["EINHORN"];
const [runtime = "node", ...names] = process.argv.slice(2);
using folder = temporary();
const place = (name: string): string => join(folder.path, name);
const port = await freePort();
const ADDRESS = `127.0.0.1:${port}`;

/** What stands behind the proxies. */
const backend = createServer((request, response) => {
  const slow = request.url === "/slow";
  setTimeout(() => response.end("backend\n"), slow ? SLOW * 1000 : 0);
}).listen(0, "127.0.0.1");
await new Promise((resolve) => backend.once("listening", resolve));
const behind = `127.0.0.1:${(backend.address() as { port: number }).port}`;

writeFileSync(
  place("config.ru"),
  `run(proc do |env|
  sleep ${SLOW} if env["PATH_INFO"] == "/slow"
  [200, { "content-type" => "text/plain" }, ["ruby\\n"]]
end)
`,
);
writeFileSync(
  place("web.py"),
  `import asyncio, time

def wsgi(environ, start):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(${SLOW})
    start("200 OK", [("content-type", "text/plain")])
    return [b"python\\n"]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        await asyncio.sleep(${SLOW})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"python\\n"})
`,
);
writeFileSync(
  place("web.psgi"),
  `sub { sleep ${SLOW} if $_[0]{PATH_INFO} eq "/slow";
  [200, ["Content-Type" => "text/plain"], ["perl\\n"]] }
`,
);
writeFileSync(
  place("nginx.conf"),
  `error_log stderr; events {}
http {
  access_log off;
  server { listen ${ADDRESS}; location / { proxy_pass http://${behind}; } }
}
`,
);
writeFileSync(
  place("haproxy.cfg"),
  `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend f
  bind fd@3
  default_backend b
backend b
  server s ${behind}
`,
);
writeFileSync(
  place("index.php"),
  `<?php if ($_SERVER["REQUEST_URI"] === "/slow") sleep(${SLOW}); echo "php\n";`,
);
writeFileSync(
  place("fpm.conf"),
  `[global]
error_log = ${place("fpm.log")}
process_control_timeout = 30s
[www]
listen = ${ADDRESS}
user = nobody
pm = static
pm.max_children = 3
`,
);
writeFileSync(
  place("einhorn.rb"),
  `require "socket"
require "einhorn/worker"
server = Socket.for_fd(Einhorn::Worker.socket!)
leaves = false
Einhorn::Worker.graceful_shutdown { leaves = true }
Einhorn::Worker.ack!
clients = []
until leaves
  next unless IO.select([server], nil, nil, 0.1)
  client = server.accept_nonblock(exception: false)
  next if client == :wait_readable
  clients << Thread.new(client[0]) do |one|
    path = one.gets.split[1]
    sleep ${SLOW} if path == "/slow"
    one.write("HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\neinhorn\\n")
    one.close
  end
end
clients.each(&:join)
`,
);
// PHP's children run as another user.
run(["chmod", "755", folder.path]);

const PROGRAMS: readonly Program[] = [
  { name: "unicorn", command: ["unicorn"] },
  { name: "gunicorn", command: ["gunicorn", "web:wsgi"] },
  { name: "puma", command: ["puma", "--threads", "1:3"] },
  { name: "uvicorn", command: ["uvicorn", "web:asgi"] },
  { name: "hypercorn", command: [PYTHON, "-m", "hypercorn", "web:asgi"] },
  { name: "nginx", command: ["nginx", "-c", place("nginx.conf")] },
  { name: "haproxy", command: ["haproxy", "-f", place("haproxy.cfg")] },
  {
    name: "haproxy -W",
    command: ["haproxy", "-W", "-f", place("haproxy.cfg")],
  },
  { name: "starlet", command: ["plackup", "-s", "Starlet", "web.psgi"] },
  { name: "starman", command: ["starman", "--workers", "2", "web.psgi"] },
  {
    name: "php-fpm",
    command: ["php-fpm8.2", "-y", place("fpm.conf")],
    ask: askFpm,
  },
  {
    name: "php-fpm --ready-notify",
    command: ["php-fpm8.2", "-y", place("fpm.conf")],
    options: ["--ready-notify"],
    ask: askFpm,
  },
  ...packages === undefined ? [] : [{
    name: "Einhorn::Worker",
    command: ["ruby", `-I${packages}/lib`, place("einhorn.rb")],
    // Its ACK alone has it ready.
    options: ["--pass", "einhorn", "--ready-notify", "--stop-signal", "USR2"],
  }],
];

const rows: string[][] = [];
for (const program of PROGRAMS) {
  if (names.length === 0 || names.includes(program.name)) await cross(program);
}
for (const row of rows) process.stdout.write(`| ${row.join(" | ")} |\n`);
backend.close();
conclude();

/** Starts a pool, reloads it and ends it. */
async function cross(
  { name, command, options = [], ask = askHttp }: Program,
): Promise<void> {
  await using pool = prefork(
    ["-w", "2", "-l", ADDRESS, "--grace", "20s", ...options, ...command],
    {
      runtime: runtime as Runtime,
      cwd: folder.path,
      env: { XDG_RUNTIME_DIR: folder.path },
    },
  );
  let answers = "not ready";
  let reloaded = "";
  let ended = "";
  const slowly = async (): Promise<() => Promise<string>> => {
    const answer = ask("/slow").catch((error: Error) => error.message);
    // It is accepted and begun; one of the other workers may be asked meanwhile.
    await pause(700);
    return () => answer;
  };
  try {
    await pool.line(/^prefork ready /);
    answers = await ask("/");
    const first = await slowly();
    pool.signal("SIGHUP");
    reloaded = await first();
    await pool.line(/^prefork reload-finished /);
    const second = await slowly();
    pool.signal("SIGTERM");
    ended = await second();
  } catch (error) {
    show(`${name} runs`, false, `${error} ${pool.lines.join("\n")}`);
    // One that does not start is started again for ever.
    pool.signal("SIGTERM");
  }
  const { code } = await pool.ended;
  const pids = pool.lines.flatMap((line) =>
    /^prefork worker-ready .*pid=(\d+)/.exec(line)?.[1] ?? []
  );
  const left = [
    ...remaining(new Set(pids)),
    ...readdirSync(place("prefork")),
    ...(await refused() ? [] : [ADDRESS]),
  ];
  const told = pool.lines.find((line) => line.startsWith("prefork program "));
  const good = /^\w+\s*$/.test(answers) && reloaded === answers &&
    ended === answers && left.length === 0 && code === 0;
  show(
    name,
    good,
    good ? told?.slice(16) : JSON.stringify({
      ...{ answers, reloaded, ended, left, code },
      lines: pool.lines.slice(-25),
    }),
  );
  const word = (text: string): string => text === answers ? "answered" : text;
  const nothing = left.length === 0 ? "nothing" : left.join(" ");
  rows.push([name, runtime, word(reloaded), word(ended), nothing]);
  await until(
    "the address is free",
    () => remaining(new Set(pids)).length === 0,
  );
}

async function askHttp(path: string): Promise<string> {
  const { status, body } = await get(ADDRESS, path);
  return status === 200 ? body : `${status}`;
}

async function askFpm(path: string): Promise<string> {
  const words = ["-bind", "-connect", ADDRESS];
  const { stdout } = await promisify(execFile)("cgi-fcgi", words, {
    env: {
      ...process.env,
      REQUEST_METHOD: "GET",
      REQUEST_URI: path,
      SCRIPT_FILENAME: place("index.php"),
    },
  });
  return stdout.split("\r\n\r\n")[1] ?? stdout;
}

/** The processes of these sessions. */
function remaining(sessions: ReadonlySet<string>): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return sessions.has(fields[3]!) && fields[0] !== "Z";
    } catch {
      return false;
    }
  });
}

async function refused(): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  return await new Promise((resolve) => {
    socket.once("connect", () => resolve(false)).once(
      "error",
      () => resolve(true),
    );
  }).finally(() => socket.destroy()) as boolean;
}
