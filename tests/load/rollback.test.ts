/**
 * A release that fails late is taken back under load from a client that never
 * retries: by the workers of the old one, whose file is no more, and in the other
 * ways of `--rollback`.
 */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import {
  IDLE_GRACE,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { test } from "../harness.ts";
import { distinct } from "../http.ts";
import { programs } from "../preload/programs.ts";
import { ownRuntime } from "../runtimes.ts";
import { load } from "../strict_client.ts";

/** A server that says its version and its process, and what goes wrong in it. */
function release(version: string, defect = ""): string {
  return `import http from "node:http";
import process from "node:process";
const slot = Number(process.env.PREFORK_SLOT);
let status = 200;
${defect}
http.createServer((_, response) => {
  response.statusCode = status;
  response.end(\`${version} \${slot} \${process.pid}\`);
}).listen(Number(process.env.PORT));
`;
}

const files = programs();

test("a release that answers 500, one that fails in slot 2 of 4, and one that crashes 2 s later, are taken back", async () => {
  const path = files.write("server.mjs", release("good"));
  await using command = prefork([
    ...["-w", "4", "--soak", "100ms", "--probation", "10s"],
    ...["--check", "/health"],
    ...["-r", ownRuntime],
    ...LOCAL,
    ...IDLE_GRACE,
    path,
  ]);
  const { listen } = await ready(command);
  const address = listen!.split(",")[0]!;
  await using running = await load([
    { kind: "connect", address, loops: 4 },
    { kind: "keepalive", address, loops: 2 },
  ]);

  /**
   * Reloads, and says why that failed and what has answered since.
   *
   * @param serves whether clients see anything of it
   * @param inFlight how many requests the defect itself may cost
   */
  async function reload(
    defect: string,
    serves: boolean,
    inFlight: number,
  ): Promise<[string, string[]]> {
    const before = readyPids(command).filter(isAlive);
    files.write("server.mjs", release("bad", defect));
    await running.take();
    const from = command.lines.length;
    command.signal("SIGHUP");
    const [, reason] = await command.line(
      /^prefork reload-failed .* reason="(.*)" serving="generation 1 in slots 0-3"$/,
      from,
    );
    const old = new Set(before);
    await until(
      () => readyPids(command).every((pid) => old.has(pid) || !isAlive(pid)),
      "what was new is gone",
    );
    // Those that drain have the defect too.
    const during = await running.take();
    const lost = [...during.failed, ...during.cut];
    assert.ok(
      lost.length <= inFlight,
      `${lost.join("\n")}\n${command.lines.slice(from).join("\n")}`,
    );
    assert.equal(
      Object.keys(during.bodies).some((body) => /^bad /.test(body)),
      serves,
    );
    const answers = await distinct(address, 4);
    return [reason!, [...answers].sort()];
  }

  const [deaf, before] = await reload("status = 500;", false, 0);
  assert.equal(
    deaf,
    "slot 0: GET /health was answered with 500 Internal Server Error",
  );
  const [early, first] = await reload(
    `if (slot === 2) throw new Error("no such slot");`,
    true,
    0,
  );
  assert.match(early, /^slot 2: .* before it was ready: .*no such slot$/);
  const [late, second] = await reload(
    `setTimeout(() => { throw new Error("too late"); }, 2_100);`,
    true,
    // One for each loop of the client: a worker that crashes costs what it was
    // serving.
    6,
  );
  assert.match(late, /^slot \d: .* after it was ready: .*too late$/);
  // The very processes that had served before.
  assert.deepEqual(first, before);
  assert.deepEqual(second, before);
  assert.equal(first.filter((body) => body.startsWith("good ")).length, 4);
  const report = await running.stop();
  assert.deepEqual(report.failed, []);
  assert.deepEqual(report.cut, []);
});

for (
  const [rollback, serving] of [
    ["restart", "generation 1 in slots 0-1"],
    ["none", "generation 2 in slot 0, generation 1 in slot 1"],
  ] as const
) {
  test(`--rollback ${rollback}: a release that fails in slot 1 of 2 loses nothing`, async () => {
    /** Makes a release the current one, in one step as deploys do it. */
    const activate = (version: string, defect = ""): void => {
      const at = `${rollback}-${version}`;
      mkdirSync(join(files.directory, at));
      files.write(`${at}/server.mjs`, release(version, defect));
      symlinkSync(at, join(files.directory, "next"));
      renameSync(join(files.directory, "next"), join(files.directory, "now"));
    };
    activate("good");
    const status = join(files.directory, `${rollback}.json`);
    await using command = prefork([
      ...["-w", "2", "--soak", "0", "--rollback", rollback],
      ...["--status-file", status],
      ...["-r", ownRuntime],
      ...LOCAL,
      ...IDLE_GRACE,
      join(files.directory, "now/server.mjs"),
    ]);
    const { listen } = await ready(command);
    const address = listen!.split(",")[0]!;
    await using running = await load([
      { kind: "connect", address, loops: 3 },
      { kind: "keepalive", address, loops: 2 },
    ]);
    activate("bad", `if (slot === 1) throw new Error("no such slot");`);
    command.signal("SIGHUP");
    const [, reason, now] = await command.line(
      /^prefork reload-failed .* reason="(.*)" serving="(.*)"$/,
    );
    assert.match(reason!, /^slot 1: .* before it was ready: .*no such slot$/);
    assert.equal(now, serving);
    await until(() => {
      const { reload } = JSON.parse(readFileSync(status, "utf8"));
      return reload?.state === (rollback === "none" ? "mixed" : "failed") &&
        reload.generation === 2 && /no such slot/.test(reload.reason);
    }, "the status file says how it went");
    const answers = await distinct(address, 2);
    assert.deepEqual(
      [...answers].map((body) => body.split(" ")[0]).sort(),
      rollback === "none" ? ["bad", "good"] : ["good", "good"],
    );
    activate("next");
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished generation=3 /);
    const report = await running.stop();
    assert.deepEqual(report.failed, []);
    assert.deepEqual(report.cut, []);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.equal(existsSync(status), false);
    assert.ok(report.closes > 0, "kept-alive connections were ended with care");
  });
}
