/** Whose the Unix sockets of a pool are whose workers are another user's. */
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { libraryFile } from "../fixtures/library_file.ts";
import { fixture, prefork, ready, readyPids, until } from "../command.ts";
import { afterAll, test } from "../harness.ts";
import { binary, commandOn, ownRuntime } from "../runtimes.ts";
import { upgraded } from "../upgraded.ts";
import { GROUP, lineOf, noOtherUser as skip, USER } from "../user.ts";

const directory = mkdtempSync(join(tmpdir(), "prefork-owner-"));
// What a socket itself allows is what is looked at.
chmodSync(directory, 0o755);
afterAll(() => rmSync(directory, { recursive: true }));

/** Neither the user nor in the group, and with no name. */
const NOBODY_ELSE = "54321";

/** Runs a command as a user with one group; what it wrote, and its code. */
async function as(
  user: string,
  group: string,
  command: readonly string[],
): Promise<string> {
  const who = ["--reuid", user, "--regid", group, "--clear-groups"];
  await using run = prefork([], {
    command: ["setpriv", ...who, ...command],
    env: { XDG_RUNTIME_DIR: directory },
    cwd: "/",
    verb: true,
  });
  const { code } = await run.ended;
  return `${code} ${run.lines.join("\n")}`;
}

const CONNECT = `require("node:net").connect(process.argv[1])
  .on("connect", () => { console.log("connected"); process.exit() })
  .on("error", ({ code }) => console.log(code));`;

/** What comes of a connection to a path. */
const reach = (user: string, group: string, path: string): Promise<string> =>
  as(user, group, [binary("node"), "-e", CONNECT, path]);

/** Owner, group and mode of a file. */
function standing(path: string): readonly number[] {
  const { uid, gid, mode } = statSync(path);
  return [uid, gid, mode & 0o777];
}

test(
  "the pool's paths are root's or as they say, and the control socket is root's alone: also after a reload and an upgrade",
  { skip },
  async () => {
    const at = (name: string): string => join(directory, name);
    const [plain, given, control] = [at("plain"), at("given"), at("control")];
    const uid = Number(lineOf("/etc/passwd", USER)[2]);
    const gid = Number(lineOf("/etc/group", GROUP)[2]);
    // The workers' mask takes everything, and nothing of the pool's.
    await using command = prefork([
      ...["-w", "1", "--user", USER, "--umask", "777", "--control", control],
      ...["-l", `unix:${plain}`],
      ...["-l", `unix:${given}?mode=620&owner=${USER}&group=${GROUP}`],
      fixture("plain/http.mjs"),
    ]);
    await using pool = upgraded(command);
    const mask = process.umask();
    const look = (): void => {
      const worker = readyPids(command).at(-1)!;
      const status = readFileSync(`/proc/${worker}/status`, "utf8");
      assert.match(status, /^Umask:\t0777$/m);
      assert.match(status, new RegExp(`^Uid:\t${uid}\t`, "m"));
      assert.deepEqual(standing(plain), [0, 0, 0o777 & ~mask]);
      assert.deepEqual(standing(given), [uid, gid, 0o620]);
      assert.deepEqual(standing(control), [0, 0, 0o600]);
    };
    await ready(command);
    look();
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    look();
    await pool.upgrade();
    // The name of the former one is taken when that has gone.
    const status = (): Promise<string> =>
      as("root", "root", [...cli, "status", control]);
    await until(
      async () => (await status()).includes(`pid=${pool.pid} `),
      "the successor can be asked",
    );
    look();

    const may: readonly (readonly [string, string, string, string])[] = [
      [plain, USER, GROUP, "EACCES"],
      [given, USER, NOBODY_ELSE, "connected"],
      [given, NOBODY_ELSE, GROUP, "connected"],
      [given, NOBODY_ELSE, NOBODY_ELSE, "EACCES"],
      [control, USER, GROUP, "EACCES"],
      [control, "root", "root", "connected"],
    ];
    for (const [path, user, group, outcome] of may) {
      if (path === plain && (mask & 0o002) === 0) continue;
      const said = await reach(user, group, path);
      assert.equal(said, `0 ${outcome}`, `${path} by ${user}:${group}`);
    }

    // Who may not ask hears why, and sees no pool.
    const refused = await as(USER, GROUP, [...cli, "status", control]);
    assert.match(
      refused,
      /^1 prefork: Cannot ask .*control": it is another user's$/,
    );
    const listed = await as(USER, GROUP, [...cli, "list"]);
    assert.doesNotMatch(listed, new RegExp(`${pool.pid}`));
  },
);

const cli = commandOn(ownRuntime, libraryFile("cli"));
