/**
 * Three hosts with a pool each behind HAProxy and behind nginx, both Debian's,
 * while clients that never retry ask them: rolling deploys, a release that does
 * not boot, a host that dies. The machines are network namespaces of this one.
 * `npm run build && node deploy/three_hosts.ts`, as root, in about three minutes;
 * installs haproxy, nginx-light and iproute2 of Debian where they are missing.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { type Command, ready } from "../tests/command.ts";
import { binary } from "../tests/runtimes.ts";
import {
  load,
  type LoadReport,
  type RunningLoad,
} from "../tests/strict_client.ts";
import { layRelease } from "./lib/image.ts";
import { NET, Network } from "./lib/network.ts";
import { conclude, need, ROOT, run, show, temporary } from "./lib/parts.ts";

const HOSTS = ["host1", "host2", "host3"] as const;
type Host = (typeof HOSTS)[number];

/** Where the load balancers are, and their clients. */
const BALANCER = 10;
const CLIENTS = 20;

/** See docs/DEPLOY.md: longer than HAProxy needs to notice. */
const DRAIN_DELAY = "3s";
const GRACE = "10s";

need("haproxy", "nginx", "ip");
process.env["PATH"] += ":/usr/sbin";
using folder = temporary();
using network = new Network();
HOSTS.forEach((host, i) => network.machine(host, i + 1));
network.machine("balancer", BALANCER);
network.machine("clients", CLIENTS);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    network[Symbol.dispose]();
    folder[Symbol.dispose]();
    process.exit(1);
  });
}

const pools = new Map<Host, Command>();
const rows: string[][] = [];

for (const host of HOSTS) {
  for (const release of ["1", "2", "3", "broken"]) {
    const directory = join(folder.path, host, release);
    layRelease(directory);
    writeFileSync(join(directory, "RELEASE"), `${host} ${release}`);
  }
  point(host, "1");
  await start(host);
}
const haproxy = network.start("balancer", [
  ...["haproxy", "-db", "-f", config("haproxy.cfg")],
]);
const nginx = network.start("balancer", [
  ...["nginx", "-p", folder.path, "-e", "stderr", "-c", config("nginx.conf")],
]);
await serving(HOSTS, "UP");
show("haproxy", true, run(["haproxy", "-v"]).split("\n")[0]);
show("nginx", true, run(["nginx", "-v"]));

const clients = new Map<string, RunningLoad>();
for (const [name, port] of [["HAProxy", 8000], ["nginx", 8001]] as const) {
  const address = `${NET}.${BALANCER}:${port}`;
  clients.set(
    name,
    await load(
      [
        { kind: "connect", address, loops: 2 },
        { kind: "keepalive", address, loops: 4 },
        { kind: "slow" as "connect", address, loops: 3 },
        { kind: "post" as "connect", address, loops: 3 },
      ],
      `${ROOT}deploy/lib/kinds.mjs`,
      network.on("clients", binary("node"), client()),
    ),
  );
}

await scene("nothing happens", () => seconds(3));

await scene("rolling deploy, `prefork reload` host by host", async () => {
  for (const host of HOSTS) {
    point(host, "2");
    await verb(host, "reload");
  }
});

// nginx without Plus does not look at /ready: it sends to a host until that
// refuses it, and sends no POST twice.
await scene("rolling deploy, stop and start host by host", async () => {
  for (const host of HOSTS) {
    point(host, "3");
    await verb(host, "stop");
    await serving([host], "DOWN");
    await start(host);
    await serving([host], "UP");
  }
});

await scene("a release that does not boot on host2", async () => {
  point("host2", "broken");
  const { code, lines } = await verb("host2", "reload");
  show("prefork reload of it ends with 1", code === 1, lines.join(" "));
  point("host2", "3");
});

await scene(
  "host3 dies: every process of it is killed",
  async () => {
    network.kill("host3");
    await serving(["host3"], "DOWN");
    await seconds(1);
  },
  /./,
  "host3",
);

await scene("host3 comes back", async () => {
  await start("host3");
  await serving(["host3"], "UP");
  await seconds(2);
});

await scene(
  "host2's network is cut, for 10 s",
  async () => {
    network.plug("host2", false);
    await serving(["host2"], "DOWN");
    await seconds(10);
    network.plug("host2", true);
    await serving(["host2"], "UP");
  },
  /./,
  "host2",
);

for (const running of clients.values()) await running.stop();
haproxy.signal("SIGTERM");
nginx.signal("SIGTERM");
table();
conclude();

/**
 * Does something, and says what the clients have seen meanwhile.
 *
 * @param loses what may be lost, as the client says it
 * @param by the host that has to be the one which has not answered
 */
async function scene(
  what: string,
  deed: () => Promise<unknown>,
  loses = /^$/,
  by?: Host,
): Promise<void> {
  await Promise.all([...clients.values()].map((running) => running.take()));
  const before = errors().length;
  const since = performance.now();
  await deed();
  await seconds(1);
  const took = String(Math.round(performance.now() - since));
  for (const [name, running] of clients) {
    const report = await running.take();
    const { failed, cut } = lost(report);
    const done = Object.values(report.done).reduce((a, b) => a + b, 0);
    rows.push([what, name, String(done), String(failed), String(cut), took]);
    const seen = [...new Set([...report.failed, ...report.cut])];
    show(
      `${what}, ${name}: ${done} done`,
      seen.every((each) => loses.test(each)),
      `failed=${failed} cut=${cut} ${seen}`,
    );
  }
  if (by === undefined) return;
  const hosts = [...new Set(errors().slice(before))];
  show(
    `answers of 5xx are of ${by} alone`,
    hosts.every((host) => host === by),
    hosts,
  );
}

/** The host of each answer of 5xx, as the load balancers have logged it. */
function errors(): string[] {
  const nginxes = readFileSync(join(folder.path, "access.log"), "utf8");
  return [
    ...haproxy.lines.flatMap((line) =>
      /^\d+ \d+ (\S+) 5\d\d /.exec(line)?.[1] ?? []
    ),
    ...nginxes.split("\n").flatMap((line) => {
      const [, address] = /^\S+ \S+ 5\d\d (\S+):\d+ /.exec(line) ?? [];
      return address === undefined ? [] : `host${address.split(".").at(-1)}`;
    }),
  ];
}

/** How many requests were lost: on new connections, and on kept ones. */
function lost(report: LoadReport): { failed: number; cut: number } {
  const { failedCount = 0, cutCount = 0 } = report;
  return { failed: failedCount, cut: cutCount };
}

function table(): void {
  const head = ["scene", "through", "done", "failed", "cut", "ms"];
  const widths = head.map((_, i) =>
    Math.max(...[head, ...rows].map((row) => row[i]!.length))
  );
  for (const row of [head, ...rows]) {
    const cells = row.map((cell, i) => cell.padEnd(widths[i]!));
    process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
}

/** Lets the link of a host lead to a release. */
function point(host: Host, release: string): void {
  run(["ln", "-sfn", release, join(folder.path, host, "current")]);
}

/** How the command is run on a host. */
function command(host: Host, words: readonly string[]): Command {
  const cwd = join(folder.path, host, "current");
  return network.start(host, [
    binary("node"),
    "node_modules/prefork/dist/cli.js",
    ...words,
  ], { cwd, env: { PWD: cwd } });
}

/** Where the pool of a host is asked. */
function control(host: Host): string {
  return join(folder.path, host, "control.sock");
}

/** Starts the pool of a host. */
async function start(host: Host): Promise<void> {
  const address = `${NET}.${HOSTS.indexOf(host) + 1}`;
  const pool = command(host, [
    ...["--name", host, "--control", control(host), "-w", "2"],
    ...["--log-time", "off"],
    ...["-l", `${address}:8080?proxy=v2&trust=${NET}.${BALANCER}`],
    ...["-l", `${address}:8082`, "--health", `${address}:8081`],
    ...["--drain-delay", DRAIN_DELAY, "--grace", GRACE, "server.js"],
  ]);
  pools.set(host, pool);
  await ready(pool);
}

/** Asks the pool of a host something. */
async function verb(
  host: Host,
  name: string,
): Promise<{ code: number | null; lines: readonly string[] }> {
  const asked = command(host, [name, control(host)]);
  const { code } = await asked.ended;
  return { code, lines: asked.lines };
}

/** Waits until HAProxy takes hosts as up, or as down. */
async function serving(
  hosts: readonly Host[],
  state: "UP" | "DOWN",
): Promise<void> {
  for (const host of hosts) {
    while (!(await stateOf(host)).startsWith(state)) await seconds(0.1);
  }
}

/** What HAProxy says of a host (its management guide, "show stat"). */
async function stateOf(host: Host): Promise<string> {
  const socket = createConnection(join(folder.path, "haproxy.sock"));
  let text = "";
  socket.on("data", (chunk) => text += chunk);
  await new Promise((done) => {
    socket.on("connect", () => socket.write("show stat\n"));
    socket.on("close", done).on("error", done);
  });
  const [head = "", ...lines] = text.split("\n");
  const column = head.split(",").indexOf("status");
  const line = lines.find((each) => each.startsWith(`pools,${host},`));
  return line?.split(",")[column] ?? "";
}

/** A configuration, with this network's addresses. */
function config(name: string): string {
  const text = readFileSync(`${ROOT}deploy/three-hosts/${name}`, "utf8")
    .replaceAll("@NET@", NET)
    .replaceAll("@LB@", `${NET}.${BALANCER}`)
    .replaceAll("@RUN@", folder.path);
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

/** The client, as a script. */
function client(): string {
  return `${ROOT}tests/fixtures/strict_client.mjs`;
}

function seconds(count: number): Promise<void> {
  return new Promise((done) => setTimeout(done, count * 1000));
}
