/**
 * What Prometheus itself says of the metrics of a real pool, and of its
 * dashboard.
 *
 * Runs once, under bun: the page is made by the same code on all three, and
 * `monitor.test.ts` shows that each of them answers.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { LOCAL, prefork, ready, readyPids, until, watch } from "../command.ts";
import { fixture } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { freePort } from "../ports.ts";
import { programs } from "../preload/programs.ts";

const files = programs();

const has = (program: string): boolean =>
  spawnSync(program, ["--version"]).status === 0;
const WITHOUT = (!has("promtool") || !has("prometheus")) &&
  "prometheus (Debian's package of that name) is not installed";

/** The queries of the dashboard, with what Grafana puts in. */
function queries(): readonly string[] {
  const url = new URL("../../deploy/grafana/prefork.json", import.meta.url);
  const found: string[] = [];
  JSON.parse(readFileSync(url, "utf8"), (key, value) => {
    if (key === "expr") {
      found.push(
        value.replaceAll(/\$(?:pool|job|instance)\b/g, ".*")
          .replaceAll("$__rate_interval", "1m"),
      );
    }
    return value;
  });
  return found;
}

describe("a pool that is scraped", () => {
  test("its numbers are right, and fall for no worker that is killed", async () => {
    const metrics = `127.0.0.1:${await freePort()}`;
    await using pool = prefork([
      ...["-w", "2", ...LOCAL, "--metrics", metrics, "--name", "web"],
      // Of servers that are native the count can be one or two off.
      ...["--runtime", "node", fixture("counts.ts")],
    ]);
    const { listen = "" } = await ready(pool);
    const number = async (pattern: RegExp): Promise<number> => {
      const { body } = await get(metrics, "/metrics");
      const all = [...body.matchAll(new RegExp(pattern, "gm"))];
      return all.reduce((sum, [, value]) => sum + Number(value), 0);
    };
    for (let i = 0; i < 20; i++) await get(listen);
    const accepted =
      /^prefork_worker_connections_(?:accepted|taken_over)_total\{.*\} (\S+)$/;
    await until(
      async () => await number(accepted) === 20,
      "20 connections are counted",
    );
    assert.equal(await number(/^app_requests_total\{.*\} (\S+)$/), 20);
    assert.ok(await number(/^prefork_worker_cpu_seconds_total.* (\S+)$/) > 0);
    assert.ok(
      await number(/^prefork_worker_resident_memory_bytes.* (\S+)$/) > 1e7,
    );
    for (const pid of readyPids(pool)) process.kill(pid, "SIGKILL");
    const exits = /^prefork_worker_exits_total\{.*reason="crashed"\} (\S+)$/;
    await until(async () => await number(exits) === 2, "both are gone");
    await until(
      async () => await number(/^prefork_workers\{.*"ready"\} (\S+)$/) === 2,
      "two others are there",
    );
    assert.equal(await number(accepted), 20);
    assert.equal(await number(/^app_requests_total\{.*\} (\S+)$/), 20);
    assert.equal(await number(/^app_seconds_count\{.*\} (\S+)$/), 20);
    assert.equal(await number(/^app_slots\{.*slot="1".*\} (\S+)$/), 1);
    assert.equal(await number(/^prefork_worker_starts_total.* (\S+)$/), 4);
    const { body } = await get(metrics, "/metrics");
    assert.match(body, /^prefork_accept_queue_length\{.*listener=.*\} 0$/m);
    assert.match(body, /^prefork_kernel_listen_drops_total\{.*\} \d+$/m);
    if (WITHOUT === false) {
      const { status, stdout, stderr } = spawnSync(
        "promtool",
        ["check", "metrics"],
        { input: body },
      );
      assert.equal(status, 0, `${stdout}${stderr}`);
    }
  });

  test("Prometheus takes the page, and answers the queries of the dashboard", {
    skip: WITHOUT,
    timeout: 120_000,
  }, async () => {
    const metrics = `127.0.0.1:${await freePort()}`;
    const web = `127.0.0.1:${await freePort()}`;
    const config = files.write(
      "prometheus.yml",
      JSON.stringify({
        global: { scrape_interval: "1s" },
        scrape_configs: [
          { job_name: "prefork", static_configs: [{ targets: [metrics] }] },
        ],
      }),
    );
    await using pool = prefork([
      ...["-w", "2", ...LOCAL, "--metrics", metrics],
      fixture("plain/http.mjs"),
    ]);
    await ready(pool);
    const child = spawn("prometheus", [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(files.directory, "data")}`,
      `--web.listen-address=${web}`,
    ], { stdio: ["ignore", "pipe", "pipe"] });
    await using _prometheus = watch(child);
    const query = async (expr: string): Promise<{ result: unknown[] }> => {
      const path = `/api/v1/query?query=${encodeURIComponent(expr)}`;
      const { body } = await get(web, path);
      const { status, data, error } = JSON.parse(body);
      assert.equal(status, "success", `${expr}: ${error}`);
      return data;
    };
    await until(
      async () => {
        const up = await query(`up{job="prefork"} == 1`).catch(() => undefined);
        return (up?.result.length ?? 0) > 0;
      },
      "it was scraped",
      30_000,
    );
    const { result: [build] } = await query("prefork_build_info");
    assert.match(JSON.stringify(build), /"job":"prefork"/);
    // What is told of a rate wants two scrapes.
    await until(
      async () =>
        (await query("rate(prefork_worker_starts_total[1m])")).result.length >
          0,
      "it was scraped twice",
      30_000,
    );
    for (const expr of queries()) await query(expr);
    const workers = queries().find((each) => each.includes("by (state)"));
    assert.ok((await query(workers!)).result.length > 0);
    // It has asked for OpenMetrics, which knows units.
    const metadata = await get(web, "/api/v1/metadata");
    assert.match(metadata.body, /"prefork_worker_cpu_seconds(?:_total)?":\[/);
  });
});
