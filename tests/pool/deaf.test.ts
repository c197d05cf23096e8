import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import net from "node:net";
import process from "node:process";
import {
  fixture,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

/** As many files as the worker may have, and as clients that want more. */
const [FILES, CLIENTS] = [256, 300];

test(
  "a worker on Deno that ran out of files, and accepts never again, is replaced",
  { skip: process.platform !== "linux" && "/proc is Linux'" },
  async () => {
    await using pool = prefork(
      ["-w", "1", "-r", "deno", ...LOCAL, fixture("plain/http.mjs")],
      {
        command: [
          "/bin/sh",
          "-c",
          `ulimit -n ${FILES} && exec "$@"`,
          "sh",
          ...commandOn(ownRuntime, libraryFile("cli")),
        ],
      },
    );
    const { listen = "" } = await ready(pool);
    const [host, port] = listen.split(":");
    const clients = Array.from(
      { length: CLIENTS },
      () => net.connect(Number(port), host),
    );
    for (const each of clients) {
      each.on("error", () => {});
      if (each.connecting) await once(each, "connect");
    }
    // Who is gone before it is accepted takes no file.
    const [worker] = readyPids(pool);
    await until(
      () => readdirSync(`/proc/${worker}/fd`).length >= FILES,
      "the worker has no file left",
    );
    for (const each of clients) each.destroy();
    const [line, pid, why] = await pool.line(
      /^prefork worker-deaf slot=0 generation=1 pid=(\d+) .* why="(.*)"$/,
    );
    assert.match(
      why!,
      /^\d+ connections wait on 127\.0\.0\.1:\d+, and it has accepted none for \d+ s though its event loop turns/,
      line,
    );
    await pool.line(
      new RegExp(`^prefork worker-exited .* pid=${pid} reason=deaf `),
    );
    const { body } = await get(listen);
    assert.notEqual(body, "");
    pool.signal("SIGTERM");
    assert.equal((await pool.ended).code, 0);
  },
);
