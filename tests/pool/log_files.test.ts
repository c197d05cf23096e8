/** Log files are rotated while they are written: no line is lost or doubled. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, prefork, until } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get } from "../http.ts";

const root = mkdtempSync(join(tmpdir(), "prefork-files-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Writes numbered lines until it is told to stop, and says how many. */
const program = join(root, "writes.mjs");
writeFileSync(
  program,
  `import http from "node:http";
   let count = 0;
   const write = () => {
     let text = "";
     for (let i = 0; i < 20; i++) text += "line " + count++ + "\\n";
     process.stdout.write(text);
   };
   let timer, reopened = 0;
   process.on("SIGUSR1", () => reopened++);
   http.createServer(({ url }, response) => {
     if (url === "/start") timer = setInterval(write, 1);
     else clearInterval(timer);
     response.end(JSON.stringify([count, reopened]));
   }).listen(3000);`,
);

/** The text of a log, the files that it was renamed to first. */
function whole(directory: string, name: string): string {
  const numberOf = (file: string): number =>
    Number(file.slice(name.length + 1));
  return readdirSync(directory)
    .filter((file) => file.startsWith(name))
    .sort((a, b) => numberOf(b) - numberOf(a))
    .map((file) => readFileSync(join(directory, file), "utf8")).join("");
}

/** Has a pool write to files that are rotated, and looks for each line. */
async function rotating(
  name: string,
  rotate: (
    directory: string,
    pool: Command,
    nth: number,
  ) => void | Promise<void>,
): Promise<void> {
  const directory = join(root, name);
  mkdirSync(directory, { mode: 0o700 });
  const listen = `unix:${directory}/socket`;
  const log = join(directory, "pool.log");
  await using pool = prefork([
    ...["-w", "1", "-l", listen, "--output", join(directory, "app-{slot}.log")],
    ...["--log-file", log, "--control", join(directory, "control"), program],
  ]);
  await until(
    () => existsSync(log) && /^prefork ready /m.test(readFileSync(log, "utf8")),
    "the pool is ready",
  );
  await get(listen, "/start");
  const app = join(directory, "app-0.log");
  const size = (): number => existsSync(app) ? statSync(app).size : 0;
  for (let nth = 1; nth <= 5; nth++) {
    await until(() => size() > 0, "the file is written");
    await rotate(directory, pool, nth);
    await until(
      () =>
        existsSync(log) &&
        readFileSync(log, "utf8") ===
          "prefork logs-reopened workers=1 files=2\n",
      "the log is in a new file",
    );
  }
  await until(() => size() > 0, "the last file is written");
  const stopped = async (): Promise<readonly number[]> =>
    JSON.parse((await get(listen, "/stop")).body);
  await until(
    async () => (await stopped())[1] === 5,
    "the program's own handler has run each time",
  );
  const [count] = await stopped();
  const expected = Array.from(
    { length: count! },
    (_, i) => `line ${i}\n`,
  ).join("");
  await until(
    () => whole(directory, "app-0.log").length >= expected.length,
    "all is written",
  );
  assert.ok(whole(directory, "app-0.log") === expected, "lost or doubled");
  assert.equal(
    whole(directory, "pool.log").match(/^prefork logs-reopened /gm)?.length,
    5,
  );
  assert.equal(statSync(app).mode & 0o137, 0);
  // SIGUSR1 opens the debugger of Deno 2.9.5, which says so by itself.
  const said = pool.lines.filter((line) =>
    !/^Debugger listening|^Visit chrome/.test(line)
  );
  assert.deepEqual(said, []);
  pool.signal("SIGTERM");
  assert.equal((await pool.ended).code, 0);
  assert.match(whole(directory, "pool.log"), /^prefork stopped killed=0\n$/m);
}

describe("files of a pool", () => {
  test("are opened anew on SIGUSR1, and by a verb", async () => {
    await rotating("renamed", async (directory, pool, nth) => {
      for (const name of ["app-0.log", "pool.log"]) {
        const file = join(directory, name);
        renameSync(file, `${file}.${10 - nth}`);
      }
      if (nth < 5) return pool.signal("SIGUSR1");
      const words = ["reopen", join(directory, "control")];
      await using verb = prefork(words, { verb: true });
      assert.equal((await verb.ended).code, 0);
    });
  });

  const logrotate = ["/usr/sbin/logrotate", "/sbin/logrotate"]
    .find((file) => existsSync(file));
  test("are rotated by logrotate(8)", {
    skip: logrotate === undefined && "no logrotate(8) here",
  }, async () => {
    await rotating("logrotate", (directory, pool) => {
      const configuration = join(directory, "configuration");
      writeFileSync(
        configuration,
        `${directory}/*.log {
  rotate 9
  sharedscripts
  postrotate
    kill -USR1 ${pool.pid}
  endscript
}
`,
        { mode: 0o600 },
      );
      const { status, stderr } = spawnSync(logrotate!, [
        ...["--force", "--state", join(directory, "state"), configuration],
      ], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    });
  });

  test("that cannot be opened are an error, and nothing is started", async () => {
    for (const option of ["--output", "--log-file"]) {
      await using pool = prefork([
        ...["-w", "1", "-l", "127.0.0.1:0", option, `${root}/none/a.log`],
        program,
      ]);
      assert.equal((await pool.ended).code, 4);
      assert.match(
        pool.lines.join("\n"),
        RegExp(
          `^prefork: Cannot use ".*/none/a.log" for "${option}": .*ENOENT`,
        ),
      );
    }
  });
});
