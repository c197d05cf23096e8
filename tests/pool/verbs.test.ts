/**
 * Each verb against a pool in each state: a sentence, and never a hang. The verbs
 * are those of the command's own table, so that a new one is among them.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { control } from "../../cli/control.ts";
import { parseControl, VERBS } from "../../cli/verbs.ts";
import {
  type Command,
  isAlive,
  LOCAL,
  prefork,
  ready,
  until,
} from "../command.ts";
import { afterAll, test } from "../harness.ts";
import { patience } from "../pace.ts";
import { upgraded } from "../upgraded.ts";

const directory = mkdtempSync(path.join(tmpdir(), "prefork-states-"));
const sockets = path.join(directory, "prefork");
const env = { XDG_RUNTIME_DIR: directory };
afterAll(() => rmSync(directory, { recursive: true }));

const program = path.join(directory, "program.mjs");
const whole = `import { createServer } from "node:http";
  createServer((_, response) => response.end("whole")).listen();`;

/** Those after which a pool is not what it was come last. */
const LAST = ["reload", "stop"];

/** The line of each verb, without the pool. */
const LINES = Object.entries(VERBS)
  .sort(([a], [b]) => LAST.indexOf(a) - LAST.indexOf(b))
  .map(([verb, { number }]) =>
    number === undefined ? [verb] : [verb, number === "SLOT" ? "0" : "+0"]
  );

/** What a verb says first, or why it does not do what it is asked. */
async function answer(words: readonly string[]): Promise<string> {
  const said = Promise.withResolvers<string>();
  const stdout = {
    onFailure: (_reason: string): void => {},
    // Those that show something again and again are read no longer.
    write(text: string) {
      said.resolve(text);
      queueMicrotask(() => stdout.onFailure("EPIPE"));
    },
  };
  const command = parseControl(words)!;
  control(command, {
    ...{
      stdout,
      directories: [sockets],
      patience: patience(1_000),
      isThere: isAlive,
    },
  }).then(
    () => said.resolve("done"),
    (error: Error) => said.resolve(`prefork: ${error.message}`),
  );
  const late = setTimeout(
    () => said.reject(new Error(`${words.join(" ")}: nothing was said`)),
    patience(20_000),
  );
  try {
    return await said.promise;
  } finally {
    clearTimeout(late);
  }
}

/** Every verb says something that is a line, and no defect of ours. */
async function ask(
  name: string,
  expected: (verb: string) => RegExp = () => /./,
): Promise<void> {
  await Promise.all(LINES.map(async (line) => {
    const words = line[0] === "list" ? line : [...line, name];
    const text = await answer(words);
    const said = words.join(" ");
    assert.match(text, /^\S.{10,}/, said);
    assert.doesNotMatch(text, /TypeError|undefined| at .*\.ts:/, said);
    assert.match(text, expected(line[0]!), said);
  }));
}

function pool(name: string, more: readonly string[] = []): Command {
  writeFileSync(program, whole);
  return prefork(
    ["-w", "2", ...LOCAL, "--name", name, "--soak", "0", ...more, program],
    { env },
  );
}

const notList = (why: RegExp) => (verb: string): RegExp =>
  verb === "list" ? /./ : why;

test("each verb says something of a pool that starts, and that is stopped by SIGSTOP", async () => {
  await using slow = pool("slow", ["--wait-ready", "--start-timeout", "3s"]);
  await until(
    async () => !(await answer(["status", "slow"])).startsWith("prefork: "),
    "it can be asked",
  );
  await ask("slow");
  await slow.ended;

  await using one = pool("held");
  await ready(one);
  one.signal("SIGSTOP");
  try {
    await ask("held", notList(/has not answered for .*SIGSTOP/));
  } finally {
    one.signal("SIGCONT");
    one.signal("SIGKILL");
  }
  await one.ended;
  await ask("held", notList(/is gone$/));
});

test("each verb says something of a pool that reloads, and that drains", async () => {
  await using pool2 = pool("busy", ["--probation", "4s"]);
  const { listen = "" } = await ready(pool2);
  const [host, port] = listen.split(":");
  const socket = connect(Number(port), host);
  // An answer is owed until the end of the drain.
  socket.on("error", () => {});
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n");
  const going = answer(["reload", "busy"]);
  await pool2.line(/^prefork reload-started /);
  for (const line of LINES.filter(([verb]) => verb !== "stop")) {
    const words = line[0] === "list" ? line : [...line, "busy"];
    assert.match(await answer(words), /^\S.{10,}/, words.join(" "));
  }
  await going;
  pool2.signal("SIGTERM");
  await pool2.line(/^prefork stopping/);
  await ask("busy");
  socket.destroy();
  await pool2.ended;
});

test("an upgrade is asked for by the control socket, without a pid file", async () => {
  const old = pool("up");
  await using _all = upgraded(old);
  await ready(old);
  const text = await answer(["upgrade", "up"]);
  const [, from, pid] = /^prefork upgraded pool=up from=(\d+) pid=(\d+)$/m
    .exec(text) ?? [];
  assert.equal(Number(from), old.pid, text);
  assert.match(await answer(["status", "up"]), RegExp(` pid=${pid} `));
  assert.match(await answer(["stop", "up"]), RegExp(` pid=${pid}$`, "m"));
  await old.ended;
});
