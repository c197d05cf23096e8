/**
 * The CPU of workers that were never looked at while they were there, and the
 * lag of one that is kept busy.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseStat } from "../../libc/proc_stat.ts";
import {
  fixture,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { freePort } from "../ports.ts";
import { ownRuntime } from "../runtimes.ts";

const BURNT_MS = 500;

/**
 * Only Bun tells what a process has used that was reaped; elsewhere it is seen
 * if the supervisor is quick, which nobody can rely on.
 */
const ENDS = ownRuntime === "bun"
  ? ["SIGTERM", "SIGKILL"] as const
  : ["SIGTERM"] as const;

test(
  "what workers have used is counted when nobody has scraped, and lag is told",
  {
    skip: process.platform !== "linux" && "it is seen on Linux only",
  },
  async () => {
    const metrics = `127.0.0.1:${await freePort()}`;
    await using pool = prefork([
      ...["-w", "1", ...LOCAL, "--metrics", metrics],
      fixture("burns.ts"),
    ]);
    const { listen = "" } = await ready(pool);
    for (const [ended, signal] of ENDS.entries()) {
      await get(listen, `/${BURNT_MS}`);
      const pid = readyPids(pool)[ended]!;
      process.kill(pid, signal);
      await pool.line(new RegExp(`^prefork worker-exited .*pid=${pid} `));
      await until(() => readyPids(pool).length === ended + 2, "another one");
    }
    const { body } = await get(metrics, "/metrics");
    const [, used] = /^prefork_worker_cpu_seconds_total\{.*\} (\S+)$/m
      .exec(body)!;
    // The part of the one that is there, which may have grown since.
    const stat = readFileSync(`/proc/${readyPids(pool).at(-1)}/stat`, "utf8");
    const gone = 1_000 * Number(used) - 10 * parseStat(stat).cpu;
    assert.ok(gone >= ENDS.length * BURNT_MS, `${gone} ms of ${used} s`);

    // Its event loop stood still for as long.
    await get(listen, `/${BURNT_MS}`);
    await until(async () => {
      const { body } = await get(metrics, "/metrics");
      const [, lag = 0] =
        /^prefork_worker_event_loop_lag_seconds\{.*quantile="0.99"\} (\S+)$/m
          .exec(body) ?? [];
      return 1_000 * Number(lag) >= BURNT_MS / 2;
    }, "the lag is told");
  },
);
