import assert from "node:assert/strict";
import { libcHere } from "../../libc/open.ts";
import { fixture, LOCAL, prefork } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime as runtime } from "../runtimes.ts";

const USUAL = [
  "returned=true",
  "again ERR_SERVER_ALREADY_LISTEN",
  "listening late=true",
  "again ERR_SERVER_ALREADY_LISTEN",
  "address 127.0.0.1 number IPv4 listening=true",
  "second EADDRINUSE listen",
  "closed undefined listening=false",
  "again ERR_SERVER_NOT_RUNNING",
  "calls=1",
];

const BACK = ["listening late=true", "back true", "aborted", "done"];

/** What a program sees that does the steps of the fixture, in a pool of one. */
async function steps(
  runtime: string,
  share: string,
  kind: string,
): Promise<string[]> {
  await using command = prefork([
    "-w",
    "1",
    "-r",
    runtime,
    "-s",
    share,
    ...LOCAL,
    fixture("plain/steps.mjs"),
    kind,
  ]);
  await command.line(/step done$/);
  return command.lines.flatMap((line) =>
    /^\[0\] step (.*)$/.exec(line)?.[1] ?? []
  );
}

describe("a server of an unmodified program behaves as without a pool", () => {
  for (const kind of ["net", "http"]) {
    test(`${kind} in handoff: listens, closes, listens again`, async () => {
      const seen = await steps(runtime, "handoff", kind);
      assert.deepEqual(seen.slice(0, USUAL.length), USUAL);
      assert.deepEqual(seen.slice(USUAL.length), BACK);
    });

    test(`${kind} in shared: the same, or not in silence`, async () => {
      const seen = await steps(runtime, "shared", kind);
      assert.deepEqual(seen.slice(0, USUAL.length), USUAL);
      // Without libc the inherited socket is closed with the server.
      if (libcHere() !== undefined) {
        return assert.deepEqual(seen.slice(USUAL.length), BACK);
      }
      assert.match(
        seen[USUAL.length]!,
        /^gone EADDRINUSE Cannot listen on "127\.0\.0\.1:\d+" again: the program has closed the server that had it and its socket/,
      );
      assert.equal(seen[USUAL.length + 1], "done");
    });
  }
});
