import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, until } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { RUNTIMES } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-help-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const env = { XDG_RUNTIME_DIR: dir };

const skip = process.platform === "linux"
  ? false
  : "SO_REUSEPORT balances on Linux only";

describe("a worker that is held up", () => {
  for (const runtime of RUNTIMES) {
    test(
      `one of three on ${runtime}: what waits for it is answered by others until it is back`,
      { skip },
      async () => {
        const busy = join(dir, `busy-${runtime}`);
        await using command = prefork([
          "-w",
          "3",
          "-r",
          runtime,
          "-s",
          "sharded",
          ...LOCAL,
          ...["--name", runtime],
          fixture("kept_busy.ts"),
        ], { env: { BUSY_FILE: busy, ...env } });
        const { listen } = await ready(command);
        await distinct(listen!, 3);
        // Twice: who has helped can help again.
        for (let time = 1; time <= 2; time++) {
          writeFileSync(busy, "");
          let held: string | undefined;
          const from = command.lines.length;
          void get(listen!, "/busy").then(({ body }) => held = body);
          // What it has accepted before that is its own.
          await command.line(/busy \d$/, from);
          const seen = new Set<string>();
          // So many that each shard gets some: the kernel hashes the port. At
          // once: on Deno the word of a worker leaves it after its callback, and
          // another one's has to tell that something happens.
          const answers = await Promise.all(
            Array.from({ length: 60 }, () => get(listen!)),
          );
          for (const { body } of answers) seen.add(body);
          assert.equal(held, undefined);
          assert.equal(seen.size, 2, [...seen].join());
          rmSync(busy);
          await until(() => held !== undefined, "its answer");
          assert.equal(seen.has(held!), false);
          await distinct(listen!, 3);
        }
        const asked = prefork(["status", runtime], { env, verb: true });
        await asked.line(/^prefork steering by=\w+ helped=[1-9]\d* reason=/);
        assert.deepEqual(
          command.lines.filter((line) => /worker-noise|shard-/.test(line)),
          [],
        );
      },
    );
  }
});
