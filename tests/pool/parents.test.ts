/**
 * Real programs that start a pool with their sockets.
 *
 * Runs once, under bun: what the runtimes do with such sockets is tested in
 * `inherited.test.ts`; `deploy/parents.ts` has all parents on all three.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Command,
  fixture,
  isAlive,
  PATH,
  until,
  watch,
} from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, test } from "../harness.ts";
import { get } from "../http.ts";
import { freePort } from "../ports.ts";
import { cleanEnv, commandOn, ownRuntime } from "../runtimes.ts";
import { load } from "../strict_client.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-parents-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Why it cannot be run here. */
function skip(command: string, from: string): string | false {
  const { status } = spawnSync("sh", ["-c", `command -v ${command}`]);
  return status === 0 ? false : `${command} of Debian's ${from} is not here`;
}

function below(parent: readonly string[], address: string): Command {
  const [file, ...args] = parent;
  return watch(spawn(file!, [
    ...args,
    ...commandOn(ownRuntime, libraryFile("cli")),
    ...["--log-time", "off", "-w", "1", "-l", address, fixture("pid.ts")],
  ], {
    env: cleanEnv({ PATH, NO_COLOR: "1", XDG_RUNTIME_DIR: dir }),
    stdio: ["ignore", "pipe", "pipe"],
  }));
}

test(
  "systemd-socket-activate with the address of -l: the first client starts the pool",
  {
    skip: skip("systemd-socket-activate", "systemd"),
  },
  async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const words = ["systemd-socket-activate", "-E", `PATH=${PATH}`];
    await using command = below([...words, "-l", address], address);
    await command.line(/^Listening on /);
    assert.match((await get(address)).body, /^pid \d+$/);
    await command.line(/^prefork listening .*of systemd's LISTEN_FDS/);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  },
);

test(
  "start_server: at HUP another pool comes and the one before goes, and no request fails",
  {
    skip: skip("start_server", "libserver-starter-perl"),
  },
  async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const words = ["start_server", "--port", address, "--kill-old-delay", "1"];
    await using command = below([...words, "--"], address);
    const [, first] = await command.line(/^prefork ready .*pid=(\d+)/);
    await using clients = await load([{ kind: "connect", address, loops: 2 }]);
    command.signal("SIGHUP");
    await command.line(new RegExp(`old worker ${first} died, status:0`));
    const { done, failed } = await clients.stop();
    assert.deepEqual(failed, []);
    assert.ok(done.connect! > 0);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    await until(() => !isAlive(Number(first)), "the first pool has gone");
    await assert.rejects(get(address), { code: "ECONNREFUSED" });
  },
);
