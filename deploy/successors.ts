/**
 * Other servers in the place of prefork, the real ones: `prefork upgrade POOL --
 * SERVER` under clients that never retry, and with one that does not come up.
 * `node deploy/successors.ts [node|deno|bun [NAME ..]]`, as root, in half a
 * minute; installs Debian's unicorn, gunicorn and nginx-light where they are
 * missing. Without an argument the supervisor is on Node.
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { isAlive } from "../tests/command.ts";
import { commandOn, type Runtime } from "../tests/runtimes.ts";
import {
  answering,
  controlled,
  FOLDER,
  free,
  place,
  pool,
  readyTimes,
  runtime,
  start,
  supervisors,
  table,
  tell,
  under,
} from "./lib/below.ts";
import { conclude, need, ROOT, show, until } from "./lib/parts.ts";

need("unicorn", "gunicorn", "nginx");
const names = process.argv.slice(3);

writeFileSync(place("config.ru"), `run(proc { |_| [200, {}, ["ruby"]] })\n`);
writeFileSync(
  place("web.py"),
  `def app(environ, start):
    start("200 OK", [("Content-Length", "6")])
    return [b"python"]
`,
);

/** A server, by the address and the pid file that it is to have. */
interface Server {
  readonly answer: string;
  /** What ends it. */
  readonly end: NodeJS.Signals;
  command(address: string, pidFile: string): readonly string[];
}

const SERVERS: Readonly<Record<string, Server>> = {
  unicorn: {
    answer: "ruby",
    end: "SIGQUIT",
    command(address, pidFile) {
      const file = place("unicorn.rb");
      writeFileSync(
        file,
        `listen "${address}"\npid "${pidFile}"\nworker_processes 2\n`,
      );
      return ["unicorn", "-c", file, place("config.ru")];
    },
  },
  gunicorn: {
    answer: "python",
    end: "SIGTERM",
    command: (address, pidFile) => [
      ...["gunicorn", "-b", address, "-p", pidFile, "-w", "2", "web:app"],
    ],
  },
  nginx: {
    answer: "nginx",
    end: "SIGQUIT",
    command(address, pidFile) {
      const file = place("nginx.conf");
      writeFileSync(
        file,
        `worker_processes 2; pid ${pidFile};
error_log ${place("nginx.log")};
events {}
http { access_log off; server { listen ${address}; return 200 "nginx"; } }
`,
      );
      return ["nginx", "-c", file, "-p", FOLDER];
    },
  },
};

const cli = commandOn(runtime as Runtime, `${ROOT}cli.ts`);
/** Asks for it from the folder, which is where the server runs. */
const upgrade = (pid: number, words: readonly string[]): Promise<void> =>
  controlled([
    ...["env", `XDG_RUNTIME_DIR=${FOLDER}`, "sh", "-c"],
    ...[`cd ${FOLDER} && exec "$@"`, "sh"],
    ...[...cli, "upgrade", String(pid), "--", ...words],
  ]);

async function cross(name: string, server: Server): Promise<void> {
  const address = await free();
  const pidFile = place(`${name}.pid`);
  const line = pool([address]);
  // Shards, which the kernel would pick from, are nobody else's.
  const options = ["--pid-file", pidFile, "--steer", "off"];
  await using command = start(line.toSpliced(-1, 0, ...options));
  await readyTimes(command, 1);
  const [pid] = supervisors(command);
  const failed = await upgrade(pid!, ["sh", "-c", "exit 3"]).then(
    () => undefined,
    String,
  );
  show(
    `${name}: one that ends changes nothing`,
    failed?.includes("it ended with code 3") === true &&
      (await answering(address)).startsWith("pid") &&
      readFileSync(pidFile, "utf8").trim() === String(pid),
  );
  tell(
    `prefork becomes ${name}`,
    await under([address], async () => {
      await pause(300);
      await upgrade(pid!, server.command(address, pidFile));
      await command.line(/^prefork stopped /);
      await until("the supervisor has gone", () => !isAlive(pid!));
      await pause(500);
    }),
  );
  const next = Number(readFileSync(pidFile, "utf8"));
  show(
    `${name} serves, and its pid file names it`,
    await answering(address) === server.answer && next !== pid && isAlive(next),
    next,
  );
  const words = readFileSync(`/proc/${next}/environ`, "utf8");
  show("no channel is left to it", !words.includes("NODE_CHANNEL"));
  process.kill(next, server.end);
  await until(`${name} has gone`, () => !isAlive(next));
}

for (const [name, server] of Object.entries(SERVERS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  await cross(name, server).catch((error) => show(name, false, error));
}
table();
conclude();
