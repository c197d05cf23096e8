/**
 * PROXY headers of load balancers that others have made. It is workers that read
 * them, so each runner has those of its own runtime.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fixture, prefork, ready, until, watch } from "../command.ts";
import { test } from "../harness.ts";
import { cleanEnv, ownRuntime } from "../runtimes.ts";
import { load } from "../strict_client.ts";

/** The address that clients come from, to be told from the balancer's. */
const CLIENT = "127.0.0.9";

/** A load balancer of somebody else's making. */
interface Balancer {
  readonly name: string;
  /** Where it is installed, or why it cannot be used. */
  readonly missing: string | false;
  /** The settings of the listener behind it. */
  readonly settings: string;
  /** Its command line and configuration. */
  readonly command: (directory: string) => readonly [string, ...string[]];
  readonly config: (directory: string, from: number, to: number) => string;
}

const MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";
const nginx = found("nginx");
const haproxy = found("haproxy");

const BALANCERS: readonly Balancer[] = [
  {
    name: "nginx",
    missing: process.platform !== "linux"
      ? "addresses of 127.0.0.0/8 but the first need Linux"
      : nginx === undefined || !existsSync(MODULE)
      ? "nginx with its stream module is not installed"
      : false,
    settings: "proxy=v1",
    command: (directory) => [
      nginx!,
      ...["-p", directory, "-c", `${directory}/config`, "-e", "stderr"],
    ],
    config: (directory, from, to) => `
      load_module ${MODULE};
      daemon off;
      worker_processes 1;
      pid ${directory}/pid;
      error_log stderr;
      events {}
      stream {
        server {
          listen 127.0.0.1:${from};
          proxy_pass 127.0.0.1:${to};
          proxy_protocol on;
        }
      }`,
  },
  ...(["v1", "v2"] as const).map((version): Balancer => ({
    name: `haproxy ${version}`,
    missing: process.platform !== "linux"
      ? "addresses of 127.0.0.0/8 but the first need Linux"
      : haproxy === undefined
      ? "haproxy is not installed"
      : false,
    settings: `proxy=${version}`,
    command: (directory) => [haproxy!, "-db", "-f", `${directory}/config`],
    // With health checks, which version 2 sends as LOCAL.
    config: (_directory, from, to) => `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen all
  bind 127.0.0.1:${from}
  option httpchk GET /check
  server one 127.0.0.1:${to} check inter 100 ${
      version === "v2"
        ? "send-proxy-v2 proxy-v2-options unique-id,crc32c"
        : "send-proxy"
    } check-send-proxy
`,
  })),
];

for (const balancer of BALANCERS) {
  test(
    `${balancer.name}: clients are seen and a reload loses none`,
    {
      skip: balancer.missing,
    },
    async () => {
      const directory = mkdtempSync(path.join(tmpdir(), "prefork-balancer-"));
      const listen = `127.0.0.1:0?${balancer.settings}`;
      const program = [fixture("gated.ts"), "http"];
      try {
        await using command = prefork([
          ...["-w", "2", "-r", ownRuntime, "--soak", "100ms", "-l", listen],
          ...program,
        ]);
        const to = Number((await ready(command))["listen"]!.split(":")[1]);
        const from = await freePort();
        const config = balancer.config(directory, from, to);
        writeFileSync(path.join(directory, "config"), config);
        const [file, ...args] = balancer.command(directory);
        await using running = watch(spawn(file, args, { env: cleanEnv() }));
        await until(
          () => connects(from),
          `${balancer.name} listens: ${running.lines.join("\n")}`,
        );
        const { address, port, own } = await ask(from);
        assert.equal(address, CLIENT, running.lines.join("\n"));
        assert.equal(port, own);

        const at = `127.0.0.1:${from}`;
        await using going = await load([
          { kind: "connect", address: at, loops: 4 },
          { kind: "keepalive", address: at, loops: 4 },
        ]);
        command.signal("SIGHUP");
        await command.line(/^prefork reload-finished .*generation=2\b/);
        const report = await going.stop();
        assert.deepEqual(report.failed, []);
        assert.deepEqual(report.cut, []);
        assert.ok(report.done.connect! > 0 && report.done.keepalive! > 0);
        running.signal("SIGTERM");
        await running.ended;
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
}

function found(name: string): string | undefined {
  return [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"]
    .map((directory) => path.join(directory, name))
    .find((file) => existsSync(file));
}

/** A port that nobody has: the balancers cannot be asked which one they took. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

/** Asks from an address of its own and says which port that was. */
function ask(port: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: "127.0.0.1",
      port,
      path: "/client",
      localAddress: CLIENT,
      agent: false,
    }, (response) => {
      const own = response.socket.localPort;
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => body += chunk);
      response.on("end", () => resolve({ ...JSON.parse(body), own }));
    });
    request.on("error", reject).end();
  });
}
