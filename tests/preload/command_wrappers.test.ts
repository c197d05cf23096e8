/**
 * Programs that something else starts: package managers, shells, wrappers.
 *
 * Runs once, under bun: the lines name the runtimes of their workers, and are the
 * same under each runner. Supervisors of each have such workers in
 * balanced_wrappers.test.ts, with the numbers that their sockets get there.
 */
import assert from "node:assert/strict";
import { LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { patience } from "../pace.ts";
import { hasNpm, programs, slowServer, WRAPPER } from "./programs.ts";

const files = programs();
const server = files.write(
  "server.mjs",
  slowServer(
    400,
    `server.on("listening", () => console.log("listening"));
     const { LISTEN_FDS, LISTEN_PID } = process.env;
     console.log("systemd", LISTEN_FDS, LISTEN_PID);
     process.on("SIGTERM", () => { console.log("handler"); process.exit(0); });
     http.createServer((request, response) => response.end("metrics"))
       .listen(0, "127.0.0.1", function () {
         console.log("metrics on", this.address().port);
       });`,
  ),
);
files.write(
  "package.json",
  JSON.stringify({
    name: "wrapped",
    scripts: { start: `node ${server}`, both: `echo first && node ${server}` },
  }),
);
files.write("start.sh", `echo first\nnode ${server}\n`);
files.write("wrapper.mjs", WRAPPER);
/** As tsx does it: with a channel of its own, on which it relays everything. */
files.write(
  "relay.mjs",
  `import { spawn } from "node:child_process";
   import net from "node:net";
   net.createServer().listen(${JSON.stringify(files.directory)} + "/" +
     process.pid + ".pipe").unref();
   const [file, ...args] = process.argv.slice(2);
   const child = spawn(file, args, {
     stdio: ["inherit", "inherit", "inherit", "ipc"],
   });
   process.on("message", (message) => child.send(message));
   child.on("message", (message) => process.send(message));
   child.once("exit", (code) => process.exit(code ?? 1));`,
);

const COMMANDS: readonly string[] = [
  `node ${server}`,
  `env A=1 nice -n 1 node ${server}`,
  `bun ${server}`,
  `deno run -A ${server}`,
  "bun run start",
  "deno task start",
  "sh start.sh",
  `node wrapper.mjs node ${server}`,
  `node wrapper.mjs sh start.sh`,
  `node wrapper.mjs node wrapper.mjs bun ${server}`,
  `node relay.mjs node ${server}`,
  "npm start",
  "npm run both",
];

describe("an unmodified program that is started by", () => {
  for (const line of COMMANDS) {
    const name = line.replaceAll(server, "server.mjs");
    const skip = line.startsWith("npm") && !hasNpm() && "npm is not installed";
    test(
      `${name}: accepts for the pool, and is drained`,
      { skip },
      async () => {
        const [program, ...args] = line.split(" ");
        await using command = prefork([
          ...["-w", "2", ...LOCAL, "--soak", "0", "-r", "exec", program!],
          ...args,
        ], {
          cwd: files.directory,
          env: { npm_config_update_notifier: "false" },
        });
        const listen = (await ready(command)).listen!.split(",")[0];
        for (const slot of [0, 1]) {
          await command.line(new RegExp(`^\\[${slot}\\] listening$`));
        }
        await command.line(/^\[0\] systemd undefined undefined$/);
        const pids = [...await distinct(listen!, 2)];
        // Its other address is opened by the supervisor, the same for all.
        const [, port] = await command.line(/^\[0\] metrics on (\d+)/);
        await command.line(new RegExp(`^\\[1\\] metrics on ${port}$`));
        assert.equal((await get(`127.0.0.1:${port}`)).body, "metrics");

        const slow = get(listen!, "/slow");
        await command.line(/slow begun/);
        command.signal("SIGHUP");
        assert.equal((await slow).body, "slow done");
        await command.line(/^prefork reload-finished /);
        for (const pid of await distinct(listen!, 2)) {
          assert.ok(!pids.includes(pid));
        }
        command.signal("SIGTERM");
        assert.deepEqual(await command.ended, { code: 0, signal: null });
        const handled = command.of("stdout").filter((each) =>
          each.includes("handler")
        );
        assert.equal(handled.length, 4);
      },
    );
  }
});

describe("is not ready by the time alone", () => {
  const silent = files.write("silent.mjs", "setInterval(() => {}, 1000);");
  /** Seconds in which a program that boots has got as far as it gets. */
  const limit = patience(3);
  const ROWS: readonly (readonly [string, string])[] = [
    [
      `env A=1 node ${silent}`,
      "the program has not called listen\\(\\) in # s$",
    ],
    [`node wrapper.mjs node ${silent}`, "has not called listen\\(\\) in # s$"],
    [
      `env -u NODE_OPTIONS node ${silent}`,
      "the program has not loaded prefork's part in # s: ",
    ],
  ];
  for (const [line, reason] of ROWS) {
    test(line.replaceAll(silent, "silent.mjs"), async () => {
      const [program, ...args] = line.split(" ");
      await using command = prefork([
        ...["-w", "1", ...LOCAL, "-r", "exec", "--soak", "0"],
        ...["--start-timeout", `${limit}s`, program!, ...args],
      ], { cwd: files.directory });
      assert.equal((await command.ended).code, 3);
      const pattern = new RegExp(reason.replace("#", String(limit)));
      assert.match(command.lines.at(-1)!, pattern);
    });
  }
});

test("sockets that a wrapper has closed are an error of the program", async () => {
  await using command = prefork([
    ...["-w", "2", "-l", "a=127.0.0.1:0", "-l", "b=127.0.0.1:0", "-r", "exec"],
    ...["bun", "run", "start"],
  ], { cwd: files.directory });
  assert.equal((await command.ended).code, 3);
  assert.match(
    command.lines.at(-1)!,
    /: the pool's sockets did not reach the program, .*start its file itself$/,
  );
});
