/**
 * The first promise: fifty reloads under load lose no connection and cut no
 * request, in each mode that promises it, over TCP and Unix sockets, with this
 * runner's runtime as the supervisor and workers of two. One pool has listeners
 * of all modes, each with clients of its own.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { ownRuntime, RUNTIMES } from "../runtimes.ts";
import { load, type LoadReport, type RunningLoad } from "../strict_client.ts";

const RELOADS = 50;

/** Over the three runners each runtime meets each other one. */
const OTHER = RUNTIMES[(RUNTIMES.indexOf(ownRuntime) + 1) % RUNTIMES.length]!;

const MODES = ["balanced", "shared", "sharded", "handoff"] as const;

const dir = mkdtempSync(join(tmpdir(), "prefork-loss-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** HTTP and an echo in one mode, over TCP and over Unix sockets. */
function listenersOf(share: typeof MODES[number]): string[] {
  const unix = share === "sharded" ? "shared" : share;
  return [
    `${share}-http=127.0.0.1:0?share=${share}`,
    `${share}-echo=127.0.0.1:0?share=${share}`,
    `unix-${share}-http=unix:${dir}/${share}-http.sock?share=${unix}`,
    `unix-${share}-echo=unix:${dir}/${share}-echo.sock?share=${unix}`,
  ];
}

/** What the clients of each mode saw, and the last that the pool said. */
interface Seen {
  readonly reports: ReadonlyMap<string, LoadReport>;
  readonly told: string;
}

/** The run that all tests judge, each the clients of its mode. */
let seen: Promise<Seen> | undefined;

async function reloadUnderLoad(): Promise<Seen> {
  await using command = prefork([
    ...["-r", `${ownRuntime}=1,${OTHER}=1`],
    ...["--soak", "0"],
    ...MODES.flatMap(listenersOf).flatMap((listener) => ["-l", listener]),
    fixture("everything.ts"),
  ]);
  const { listen } = await ready(command);
  const addresses = listen!.split(",");
  await using stack = new AsyncDisposableStack();
  const clients = new Map<string, RunningLoad>();
  for (const [i, share] of MODES.entries()) {
    const [http, echo, unixHttp, unixEcho] = addresses.slice(4 * i);
    const running = await load(
      [[http!, echo!], [unixHttp!, unixEcho!]].flatMap(([http, echo]) => [
        { kind: "connect", address: http!, loops: 2, pause: 30 },
        { kind: "keepalive", address: http!, loops: 2, pause: 30 },
        { kind: "upload", address: http!, loops: 1, pause: 100 },
        { kind: "echo", address: echo!, loops: 1, pause: 100 },
      ]),
    );
    clients.set(share, stack.use(running));
  }
  for (let i = 0; i < RELOADS; i++) {
    const from = command.lines.length;
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /, from);
  }
  const reports = new Map<string, LoadReport>();
  for (const [share, running] of clients) {
    reports.set(share, await running.stop());
  }
  const told = command.lines.slice(-20).join("\n");
  command.signal("SIGTERM");
  assert.equal((await command.ended).code, 0, told);
  const bad = command.lines.filter((line) =>
    /crashed|killed signal|boot-failed|noise/.test(line)
  );
  assert.deepEqual(bad, []);
  return { reports, told };
}

describe(`${RELOADS} reloads under load`, () => {
  for (const share of MODES) {
    test(`${share}, workers on this runtime and on another`, {
      timeout: 240_000,
    }, async () => {
      seen ??= reloadUnderLoad();
      const { reports, told } = await seen;
      const report = reports.get(share)!;
      const text = JSON.stringify(report) + told;
      assert.deepEqual(report.failed, [], text);
      assert.deepEqual(report.cut, [], text);
      for (const kind of ["connect", "keepalive", "upload", "echo"] as const) {
        assert.ok(report.done[kind]! > RELOADS, text);
      }
    });
  }
});
