/**
 * BENCH_WORKERS processes of a program on ports of their own, and nginx before
 * them on BENCH_PORT. On SIGHUP one after the other is ended and started again,
 * as a rolling restart of as many units would do it.
 *
 * usage: behind_nginx.ts DIRECTORY PROGRAM
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";

const [directory = ".", program = ""] = process.argv.slice(2);
const { BENCH_PORT, BENCH_WORKERS } = process.env;

// All at a time, so that no port is another one's too.
const reserved = await Promise.all(
  Array.from({ length: Number(BENCH_WORKERS) }, async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  }),
);
const ports = reserved.map((server) => (server.address() as AddressInfo).port);
for (const server of reserved) server.close();

const start = (port: number): ChildProcess =>
  spawn(process.execPath, [program], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, BENCH_PORT: String(port) },
  });
const programs = ports.map(start);

const config = join(directory, "nginx.conf");
writeFileSync(
  config,
  `worker_processes auto;
pid ${join(directory, "nginx.pid")};
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  upstream app {
    ${ports.map((port) => `server 127.0.0.1:${port};`).join("\n    ")}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${BENCH_PORT};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`,
);
const front = spawn(
  "nginx",
  ["-p", directory, "-c", config, "-e", "stderr", "-g", "daemon off;"],
  { stdio: ["ignore", "inherit", "inherit"] },
);

process.on("SIGHUP", async () => {
  for (const [i, port] of ports.entries()) {
    const old = programs[i]!;
    const ended = once(old, "exit");
    old.kill("SIGTERM");
    await ended;
    programs[i] = start(port);
    await accepts(port);
  }
});

process.on("SIGTERM", () => {
  front.kill("SIGTERM");
  for (const each of programs) each.kill("SIGKILL");
  process.exit();
});

async function accepts(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const met = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (met) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
