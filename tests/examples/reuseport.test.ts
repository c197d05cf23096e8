/** examples/reuseport: a socket per worker, in two ways. */

import assert from "node:assert/strict";
import process from "node:process";
import { ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { documented, leaves, pids, several, start } from "./example.ts";

const skip = process.platform !== "linux" &&
  "the kernel spreads connections by SO_REUSEPORT on Linux only";

describe("examples/reuseport", () => {
  for (const line of documented("reuseport")) {
    const mode = / -s (\w+) /.exec(line)![1];

    test(`four workers answer in the mode ${mode}`, { skip }, async () => {
      await using command = start(line, "127.0.0.1:0");
      const { listen, share } = await ready(command);
      assert.equal(share, mode);
      const seen = await pids(
        4,
        several(async () => (await get(listen!)).body),
      );
      await leaves(command, "SIGTERM", seen);
    });
  }
});
