/** examples/hello: what `npm start` runs, and the same by the library. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { documented, leaves, pids, ROOT, several, start } from "./example.ts";

describe("examples/hello", () => {
  const [npmStart, library] = documented("hello");

  test("npm start runs four workers, Ctrl-C ends them", async () => {
    assert.equal(npmStart, "npm start");
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
    await using command = start(scripts.start, "127.0.0.1:0");
    const { listen } = await ready(command);
    const seen = await pids(4, several(async () => (await get(listen!)).body));
    assert.equal(seen.size, 4);
    assert.match(
      (await get(listen!)).body,
      /^Hello from worker [0-3], pid \d+\n$/,
    );
    await leaves(command, "SIGINT", seen);
  });

  test("the library prints events until the pool has ended", async () => {
    await using command = start(library!, "127.0.0.1:0");
    const [, address] = await command.line(/"listening".*"address":"([^"]+)"/);
    await command.line(/"pool-ready","workers":4/);
    const seen = await pids(4, several(async () => (await get(address!)).body));
    await leaves(command, "SIGTERM", seen);
    assert.match(command.lines.at(-1)!, /"type":"stopped","killed":0/);
  });
});
