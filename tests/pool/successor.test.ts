/**
 * A server in another language takes a pool's place, by a script in Perl;
 * `deploy/successors.ts` has real ones.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  fixture,
  IDLE_GRACE,
  isAlive,
  LOCAL,
  prefork,
  ready,
  until,
} from "../command.ts";
import { afterAll, test } from "../harness.ts";
import { get, unanswered } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";
import { load, type LoadReport } from "../strict_client.ts";
import { askUpgrade, upgraded } from "../upgraded.ts";

const directory = mkdtempSync(join(tmpdir(), "prefork-successor-"));
afterAll(() => rmSync(directory, { recursive: true }));
const env = { XDG_RUNTIME_DIR: directory };

const perl = spawnSync("perl", ["-MIO::Select", "-MIO::Socket", "-e", "1"]);
const skip = process.platform !== "linux"
  ? "whether a server accepts is looked at in /proc"
  : perl.status !== 0 && "perl is not here";

test(
  "another server takes the sockets and the pid file, and no client notices; one that ends changes nothing",
  { skip },
  async () => {
    const path = join(directory, "web.sock");
    const pidFile = join(directory, "web.pid");
    await using command = prefork([
      ...["-w", "2", ...IDLE_GRACE, ...LOCAL, "-l", `unix:${path}`],
      ...["--pid-file", pidFile, fixture("plain/http.mjs")],
    ], { env });
    await using pool = upgraded(command);
    const addresses = (await ready(command))["listen"]!.split(",");
    const named = (): number => Number(readFileSync(pidFile, "utf8"));
    /** Asks for it; the code of the command, and what it has said. */
    const ask = async (...words: readonly string[]): Promise<string> => {
      const server = ["perl", fixture("successor.pl"), ...words];
      const asked = [pidFile, "--", ...server];
      await using asking = askUpgrade(asked, ownRuntime, env);
      const { code } = await asking.ended;
      return `${code} ${asking.lines.join("\n")}`;
    };
    await using clients = await load(
      addresses.flatMap((address) =>
        (["connect", "keepalive"] as const)
          .map((kind) => ({ kind, address, loops: 2 }))
      ),
    );

    assert.match(await ask("3"), /^1 prefork: .*it ended with code 3/);
    assert.equal(named(), pool.pid);
    for (const address of addresses) {
      assert.match((await get(address)).body, /^pid=/);
    }

    assert.match(await ask(), /^0 prefork upgraded /);
    await until(() => !isAlive(pool.pid), "the supervisor has ended");
    const next = named();
    assert.ok(next !== pool.pid && isAlive(next));
    for (const address of addresses) {
      assert.equal((await get(address)).body, `perl ${next}`);
    }
    // It has the variables of the sockets alone.
    const words = readFileSync(`/proc/${next}/environ`, "utf8").split("\0");
    assert.ok(words.includes("LISTEN_FDS=2"), words.join());
    assert.doesNotMatch(words.join(), /NODE_CHANNEL|PREFORK_/);

    const reports: LoadReport[] = [await clients.take()];
    assert.match(Object.keys(reports[0]!.bodies).join(), /pid=\d/);
    await until(async () => {
      reports.push(await clients.take());
      return reports.at(-1)!.bodies[`perl ${next}`] !== undefined;
    }, "the clients have asked it");
    reports.push(await clients.stop());
    assert.deepEqual(reports.flatMap(({ failed }) => failed), []);
    assert.deepEqual(reports.flatMap(({ cut }) => cut), []);

    process.kill(next, "SIGTERM");
    await command.ended;
    for (const address of addresses) await unanswered(address);
    // Whose it is now, prefork cannot know.
    assert.ok(existsSync(path));
  },
);
