/**
 * A release that fails late is taken back under load from a client that never
 * retries: by the workers of the old one, whose file is no more.
 */
import assert from "node:assert/strict";
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
${defect}
http.createServer((_, response) => {
  response.end(\`${version} \${slot} \${process.pid}\`);
}).listen(Number(process.env.PORT));
`;
}

const files = programs();

test("a release that fails in slot 2 of 4, and one that crashes 2 s later, are taken back", async () => {
  const path = files.write("server.mjs", release("good"));
  await using command = prefork([
    ...["-w", "4", "--soak", "100ms", "--probation", "10s"],
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
   * @param inFlight how many requests the defect itself may cost
   */
  async function reload(
    defect: string,
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
    const during = await running.take();
    const lost = [...during.failed, ...during.cut];
    assert.ok(
      lost.length <= inFlight,
      `${lost.join("\n")}\n${command.lines.slice(from).join("\n")}`,
    );
    assert.ok(Object.keys(during.bodies).some((body) => /^bad /.test(body)));
    const old = new Set(before);
    await until(
      () => readyPids(command).every((pid) => old.has(pid) || !isAlive(pid)),
      "what was new is gone",
    );
    const answers = await distinct(address, 4);
    return [reason!, [...answers].sort()];
  }

  const [early, first] = await reload(
    `if (slot === 2) throw new Error("no such slot");`,
    0,
  );
  assert.match(early, /^slot 2: .* before it was ready: .*no such slot$/);
  const [late, second] = await reload(
    `setTimeout(() => { throw new Error("too late"); }, 2_100);`,
    // One for each loop of the client: a worker that crashes costs what it was
    // serving.
    6,
  );
  assert.match(late, /^slot \d: .* after it was ready: .*too late$/);
  // The very processes that had served before.
  assert.deepEqual(second, first);
  assert.equal(first.filter((body) => body.startsWith("good ")).length, 4);
  const report = await running.stop();
  assert.deepEqual(report.failed, []);
  assert.deepEqual(report.cut, []);
});
