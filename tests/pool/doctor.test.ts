/** `prefork doctor` on a machine with bad settings of the kernel. */

import assert from "node:assert/strict";
import { prefork } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { inNetwork, noNetwork } from "../namespace.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";
import type { Finding } from "../../core/doctor/finding.ts";

/** In this network an accept queue is short. */
const BAD = ["sysctl -q -w net.core.somaxconn=16"];

const command = commandOn(ownRuntime, libraryFile("cli"));

/** What is found after these commands, beside what is well, and the exit code. */
async function diagnose(
  before: readonly string[],
): Promise<{ bad: readonly Finding[]; code: number | null }> {
  await using asked = prefork(
    ["doctor", "--json", "-s", "reuseport", "-l", ":8080"],
    { command: inNetwork(before, command), verb: true },
  );
  const { code } = await asked.ended;
  const findings = JSON.parse(asked.of("stdout").join("")) as Finding[];
  assert.ok(findings.length >= 10, asked.lines.join("\n"));
  return {
    bad: findings.filter(({ verdict }) => verdict === "problem"),
    code,
  };
}

describe("prefork doctor", () => {
  test("names what is in the way of a pool, and what it says mends it", {
    skip: noNetwork,
  }, async () => {
    const { bad, code } = await diagnose(BAD);
    assert.equal(code, 1);
    assert.deepEqual(bad.map(({ subject, mend }) => [subject, mend]), [
      ["accept queue", "sysctl -w net.core.somaxconn=4096"],
      ["reuseport", "sysctl -w net.ipv4.tcp_migrate_req=1"],
    ]);
    assert.match(bad[0]!.text, /:8080 at 16 instead of 4096$/);
    const mended = await diagnose([
      ...BAD,
      ...bad.map(({ mend }) => `${mend} >&2`),
    ]);
    assert.deepEqual(mended, { bad: [], code: 0 });
  });

  test("tells what it looks at in lines, and refuses what no pool could have", async () => {
    await using asked = prefork(["doctor"], { verb: true });
    await asked.ended;
    assert.match(asked.lines[0]!, /^(ok|note|problem) {2,}share modes /);
    assert.match(asked.lines.at(-1)!, /^(no|\d+) problems?, (no|\d+) notes?$/);
    await using refused = prefork(["doctor", "-w", "0"], { verb: true });
    assert.equal((await refused.ended).code, 2);
    assert.match(refused.lines[0]!, /"--workers"/);
  });
});
