/**
 * Sockets that the service manager keeps while the supervisor is killed.
 *
 * Runs once, under vitest: of the three runners only Node gives what it starts
 * descriptors under numbers of one's choice. All three are the supervisor.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import {
  type Command,
  isAlive,
  PATH,
  ready,
  readyPids,
  until,
  watch,
} from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import {
  noNotifySocket,
  type NotifySocket,
  notifySocket,
} from "../notify_socket.ts";
import { programs } from "../preload/programs.ts";
import { cleanEnv, commandOn, type Runtime, RUNTIMES } from "../runtimes.ts";

const files = programs();
const program = files.write(
  "served.mjs",
  `import http from "node:http";
import process from "node:process";
const seen = ["LISTEN_FDNAMES", "FDSTORE"]
  .filter((name) => process.env[name] !== undefined);
for (const port of [3000, 3001, 3002]) {
  http.createServer((_, response) => response.end(process.pid + ":" + seen))
    .listen(port);
}
`,
);

/** What is kept: as systemd keeps it, one of a name that was sent twice. */
function keptBy(manager: NotifySocket): Map<string, number> {
  const kept = new Map<string, number>();
  for (const [i, words] of manager.heard.entries()) {
    const name = /^FDNAME=(.*)$/m.exec(words)?.[1];
    if (name === undefined) continue;
    if (words.startsWith("FDSTOREREMOVE=1\n")) kept.delete(name);
    else kept.set(name, manager.fds.get(i)!);
  }
  return kept;
}

function start(
  runtime: Runtime,
  notify: string,
  args: readonly string[],
  kept: ReadonlyMap<string, number> = new Map(),
): Command & { readonly told: Promise<string> } {
  const waits = args.includes("--notification-fd");
  const words = commandOn(runtime, libraryFile("cli"));
  // LISTEN_PID is the pid that the shell has, and keeps.
  const child = spawn(
    "/bin/sh",
    [
      ...["-c", 'LISTEN_PID=$$ exec "$@"', "sh", ...words],
      ...["--log-time", "off", "--soak", "0", ...args, program],
    ],
    {
      env: cleanEnv({
        PATH,
        NO_COLOR: "1",
        NOTIFY_SOCKET: notify,
        FDSTORE: "32",
        XDG_RUNTIME_DIR: files.directory,
        ...(kept.size > 0 && {
          LISTEN_FDS: String(kept.size),
          LISTEN_FDNAMES: [...kept.keys()].join(":"),
        }),
      }),
      stdio: [
        "ignore",
        "pipe",
        "pipe",
        ...waits ? ["pipe" as const] : kept.values(),
      ],
    },
  );
  let line = "";
  child.stdio[3]?.on("data", (part) => line += part);
  const told = new Promise<string>((resolve) =>
    child.stdio[3]?.on("end", () => resolve(line))
  );
  return Object.assign(watch(child), { told });
}

for (const runtime of RUNTIMES) {
  test(
    `a supervisor on ${runtime} that is killed leaves its sockets to the next one`,
    {
      skip: noNotifySocket,
    },
    async () => {
      const directory = mkdtempSync(join(files.directory, "run-"));
      const notify = join(directory, "notify");
      using manager = notifySocket(notify);
      const path = join(directory, "web.sock");
      const args = [
        ...["-w", "2", "--max-workers", "3", "-l", "127.0.0.1:0"],
        ...["-l", "many=127.0.0.1:0?share=sharded", "-l", `unix:${path}`],
      ];
      const waiter = ["--notification-fd", "3"];
      await using first = start(runtime, notify, [...waiter, ...args]);
      const [web = "", many = ""] = (await ready(first))["listen"]!.split(",");
      await until(() => keptBy(manager).has("prefork.pool"), "all is kept");
      const names = [...keptBy(manager).keys()];
      assert.deepEqual(names, [
        `prefork.pool.l.${encodeURIComponent(web)}.0`,
        ...[0, 1, 2].map((shard) => `prefork.pool.l.many.${shard}`),
        `prefork.pool.l.${encodeURIComponent(`unix:${path}`)}.0`,
        "prefork.pool",
      ]);
      // As s6 waits: one line, and nobody else keeps the pipe open.
      assert.equal(await first.told, "\n");
      const workers = readyPids(first);
      process.kill(first.pid, "SIGKILL");
      await first.ended;
      await until(() => !workers.some(isAlive), "its workers have ended");

      // Nobody is there, and nobody is refused.
      const waiting = [web, many, many, many, many, `unix:${path}`]
        .map((address) => get(address));
      await using second = start(runtime, notify, args, keptBy(manager));
      const answers = await Promise.all(waiting);
      assert.equal((await ready(second))["listen"]!.split(",")[0], web);
      for (const { body } of answers) {
        assert.match(body, /^\d+:$/);
        assert.ok(!workers.includes(Number.parseInt(body)));
      }
      await second.line(/goes on with the sockets of process \d+, which the/);

      // With fewer addresses: what nobody asks for is closed, and kept no more.
      const heard = manager.heard.length;
      second.signal("SIGTERM");
      assert.equal((await second.ended).code, 0);
      assert.ok(existsSync(path));
      await using third = start(
        runtime,
        notify,
        ["-w", "1", "-l", `unix:${path}`],
        keptBy(manager),
      );
      const late = get(`unix:${path}`);
      await ready(third);
      assert.match((await late).body, /^\d+:$/);
      await until(
        () =>
          manager.heard.slice(heard).includes(
            "FDSTOREREMOVE=1\nFDNAME=prefork.pool.l.many.2",
          ),
        "what is not asked for is not kept",
      );
      await until(() => keptBy(manager).has("prefork.pool"), "all is kept");
      assert.deepEqual([...keptBy(manager).keys()].slice(-2), [
        `prefork.pool.l.${encodeURIComponent(`unix:${path}`)}.0`,
        "prefork.pool",
      ]);
      assert.equal(keptBy(manager).size, 2);
      third.signal("SIGTERM");
      await third.ended;
    },
  );
}

test("a number that is no pipe of a parent's is refused", async () => {
  for (const fd of ["3", "4", "9"]) {
    await using pool = start("node", "", ["--notification-fd=" + fd]);
    assert.equal((await pool.ended).code, 2);
    assert.match(
      pool.lines.join("\n"),
      /^prefork: Cannot use "\d" for "--notification-fd", because it is (not open in this process|anon_inode:\S+, and no pipe): give the number/m,
    );
  }
});

test("sockets that are kept without their record are closed", {
  skip: noNotifySocket,
}, async () => {
  const directory = mkdtempSync(join(files.directory, "run-"));
  const notify = join(directory, "notify");
  using manager = notifySocket(notify);
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { _handle } = server as unknown as { _handle: { fd: number } };
  const kept = new Map([["prefork.pool.l.web.0", _handle.fd]]);
  await using pool = start(
    "node",
    notify,
    ["-w", "1", "-l", "127.0.0.1:0"],
    kept,
  );
  await ready(pool);
  server.close();
  const removed = "FDSTOREREMOVE=1\nFDNAME=prefork.pool.l.web.0";
  assert.ok(manager.heard.includes(removed), manager.heard.join("|"));
  pool.signal("SIGTERM");
  await pool.ended;
});
