import assert from "node:assert/strict";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";

describe("a program with a cluster of its own", () => {
  // Deno 2.9.5 has no cluster.fork().
  for (const runtime of ["node", "bun"]) {
    test(`${runtime}: one line says what to change, and the rest works`, async () => {
      await using command = prefork([
        "-w",
        "1",
        "-r",
        runtime,
        ...LOCAL,
        fixture("plain/cluster.mjs"),
      ]);
      const { listen } = await ready(command);
      assert.equal((await get(listen!)).body, "primary\n");
      const [line] = await command.line(/The program forks a cluster .*$/);
      assert.match(line, /leave node:cluster out$/);
      const count = command.lines.filter((each) => each.endsWith(line)).length;
      assert.equal(count, 1);
    });
  }
});
