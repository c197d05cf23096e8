/**
 * What a supervisor tells whoever scrapes it, and that the documents and the
 * dashboard speak of the same.
 *
 * Runs once, under bun: it is all in memory, and compares texts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { TextAnswer } from "../../core/control/socket.ts";
import { decodeInheritance } from "../../core/launch/environment.ts";
import { exposition } from "../../core/monitor/exposition.ts";
import { FAMILIES } from "../../core/monitor/families.ts";
import { VERSION } from "../../core/version.ts";
import { describe, test } from "../harness.ts";
import { score } from "./passing_scene.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const ADDRESS = ":9000";
const OPEN = "application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.1";

async function ask(
  { world }: Stage,
  path = "/metrics",
  accept = "",
): Promise<TextAnswer> {
  const { answers: [answer = world.control] } = world;
  assert.ok(answer !== undefined, "nobody answers");
  const query = new URLSearchParams();
  const asked = { method: "GET", path, query, accept };
  return await answer(asked) as TextAnswer;
}

/** The numbers by name and labels but for the pool's. */
async function scraped(scene: Stage): Promise<Map<string, number>> {
  const { text } = await ask(scene);
  const lines = text.split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => {
    const [, key = "", value = ""] = /^(.*) (\S+)$/.exec(line) ?? [];
    return [key.replace(/pool="[^"]*",?/, "").replace("{}", ""), Number(value)];
  }));
}

/** A process as the kernel shows it. */
const look = (pid: number, cpu: number) => ({
  ...{ pid, state: "S", session: pid, cpu, mainCpu: cpu, waited: 0 },
  ...{ rss: 50e6, dumps: false },
});

/** The samples' names of a family in the older format. */
const shown = (name: string): string => {
  const { type } = FAMILIES[name]!;
  return type === "counter"
    ? `${name}_total`
    : type === "info"
    ? `${name}_info`
    : name;
};

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("the page", () => {
  test("is in the format that is asked for", async () => {
    const scene = await running({ metrics: ADDRESS, name: "web" });
    const plain = await ask(scene);
    assert.match(
      plain.headers["content-type"]!,
      /^text\/plain; version=0.0.4;/,
    );
    assert.match(plain.text, /^# TYPE prefork_worker_starts_total counter$/m);
    assert.doesNotMatch(plain.text, /# (?:EOF|UNIT)/);
    const open = await ask(scene, "/metrics", OPEN);
    assert.match(
      open.headers["content-type"]!,
      /^application\/openmetrics-text; version=1.0.0;/,
    );
    assert.match(open.text, /^# TYPE prefork_worker_starts counter$/m);
    assert.match(open.text, /^prefork_worker_starts_total\{pool="web"\} 2$/m);
    assert.match(open.text, /^# TYPE prefork_build info$/m);
    assert.match(open.text, /^# UNIT prefork_start_time_seconds seconds$/m);
    assert.match(open.text, /\n# EOF\n$/);
  });

  test("is on the control socket, and on the address of health where both are one", async () => {
    const scene = await running({
      ...{ metrics: ADDRESS, health: ADDRESS, control: "auto" },
    });
    assert.equal(scene.world.answers.length, 1);
    for (const path of ["/metrics", "/ready", "/live"]) {
      assert.equal((await ask(scene, path)).status, 200, path);
    }
    const query = new URLSearchParams();
    const asked = { method: "GET", path: "/metrics", query, accept: "" };
    const answer = await scene.world.control!(asked) as TextAnswer;
    assert.match(answer.text, /^prefork_workers\{/m);
    const only = await running({ metrics: ADDRESS });
    assert.equal((await ask(only, "/ready")).status, 404);
  });

  test("escapes what labels hold", () => {
    const labels = { a: 'x"y\\z\n' };
    const samples = [{ labels, value: Infinity }, { labels: {}, value: NaN }];
    const family = {
      name: "f",
      type: "gauge",
      help: 'a\n"b"',
      samples,
    } as const;
    assert.equal(
      exposition([family], "").text,
      '# HELP f a\\n"b"\n# TYPE f gauge\nf{a="x\\"y\\\\z\\n"} +Inf\nf NaN\n',
    );
  });
});

describe("the numbers", () => {
  test("are told before a worker is there", async () => {
    const scene = stage({ metrics: ADDRESS });
    void scene.pool.start().catch(() => {});
    await settle();
    const numbers = await scraped(scene);
    assert.equal(numbers.get('prefork_workers{state="starting"}'), 2);
    assert.equal(numbers.get('prefork_pool_state{state="starting"}'), 1);
    assert.equal(numbers.get('prefork_reloads_total{verdict="failed"}'), 0);
  });

  test("tell what waits of datagrams, and no accept queue of theirs", async () => {
    const world = new MemoryWorld();
    world.inherited.buffered = { bytes: 768, limit: 212_992, drops: 5 };
    world.queued.set("any", 3);
    const listen = "dns=udp://127.0.0.1:53";
    const scene = await running({ control: "auto", listen, workers: 2 }, world);
    await settle();
    const numbers = await scraped(scene);
    const of = '{listener="dns"}';
    assert.equal(numbers.get(`prefork_receive_buffer_bytes${of}`), 768);
    assert.equal(
      numbers.get(`prefork_receive_buffer_limit_bytes${of}`),
      212_992,
    );
    assert.equal(numbers.get(`prefork_datagrams_dropped_total${of}`), 5);
    assert.equal(numbers.get(`prefork_accept_queue_length${of}`), undefined);
  });

  test("are of the whole pool, and fall for no worker that ends", async () => {
    const world = new MemoryWorld();
    world.dropped = { overflows: 7, drops: 9 };
    world.queued.set("127.0.0.1:8080", 3);
    const scene = await running({ control: "auto", share: "handoff" }, world);
    const [first] = world.processes;
    world.looks.set(first!.pid, look(first!.pid, 2_000));
    for (let i = 0; i < 4; i++) world.connect("192.0.2.1");
    await settle();
    for (const { received } of world.processes) {
      for (const each of received) each.settle(true);
    }
    const accepted =
      'prefork_worker_connections_accepted_total{slot="0",runtime="node"}';
    const cpu = 'prefork_worker_cpu_seconds_total{slot="0",runtime="node"}';
    const before = await scraped(scene);
    assert.ok(before.get(accepted)! > 0);
    assert.equal(before.get(cpu), 2);
    assert.equal(before.get("prefork_kernel_listen_overflows_total"), 7);
    assert.equal(before.get("prefork_kernel_listen_drops_total"), 9);
    assert.equal(
      before.get('prefork_accept_queue_length{listener="127.0.0.1:8080"}'),
      3,
    );

    first!.exit({ code: 1 });
    await settle();
    world.advance(1_000);
    await settle();
    const after = await scraped(scene);
    for (const [key, value] of before) {
      if (!key.includes("_total")) continue;
      assert.ok(after.get(key)! >= value, `${key} fell to ${after.get(key)}`);
    }
    assert.equal(after.get(cpu), 2);
    assert.equal(after.get('prefork_worker_exits_total{reason="crashed"}'), 1);
    assert.equal(after.get("prefork_worker_starts_total"), 3);
  });

  test("the CPU of a worker that is gone is what was seen of it last", async () => {
    const cpu = 'prefork_worker_cpu_seconds_total{slot="0",runtime="node"}';
    const ends: Record<string, (scene: Stage, pid: number) => void> = {
      "when it was reaped": ({ world: { processes: [first] } }) =>
        first!.exit({ code: 1 }, 5_000),
      "when it had drained": ({ world }, pid) => {
        world.looks.set(pid, look(pid, 5_000));
        world.processes[0]!.say({ type: "drained" });
        world.looks.delete(pid);
        world.processes[0]!.exit();
      },
      "by the last scrape, which was later": ({ world: { processes } }) =>
        processes[0]!.exit({ code: 1 }, 20),
    };
    for (const [how, end] of Object.entries(ends)) {
      const scene = await running({ metrics: ADDRESS });
      const { world } = scene;
      const { pid } = world.processes[0]!;
      const seen = how.includes("scrape") ? 5_000 : 2_000;
      world.looks.set(pid, look(pid, seen));
      assert.equal((await scraped(scene)).get(cpu), seen / 1000, how);
      end(scene, pid);
      await settle();
      world.looks.delete(pid);
      world.advance(1_000);
      await settle();
      assert.equal((await scraped(scene)).get(cpu), 5, how);
    }
  });

  test("nobody counts in shared, so nothing is said there", async () => {
    const scene = await running({ metrics: ADDRESS, share: "shared" });
    const { text } = await ask(scene);
    assert.doesNotMatch(text, /prefork_worker_connections/);
    assert.match(text, /prefork_listener_info\{.*share="shared"\} 1/);
  });

  test("who chooses among shards is told, and connections where the kernel does", async () => {
    const told = async (problem?: string): Promise<string> => {
      const world = new MemoryWorld();
      world.steered.problem = problem;
      const options = { metrics: ADDRESS, share: "sharded" } as const;
      const starting = running(options, world);
      world.onSpawn = (process) => {
        const { slot, seat } = decodeInheritance(process.env)!;
        if (seat) world.steered.table?.set(slot, "writer", seat.seat + 1);
        queueMicrotask(() => process.getReady());
      };
      return (await ask(await starting)).text;
    };
    const steered = await told();
    assert.match(steered, /prefork_steering_info\{.*by="ebpf"\} 1/);
    assert.match(steered, /prefork_worker_connections\{.*slot="1".*\} 0/);
    const off = await told("no");
    assert.match(off, /prefork_steering_info\{.*by="off"\} 1/);
    assert.match(off, /prefork_worker_helps_total\{.*\} 0/);
    assert.doesNotMatch(off, /prefork_worker_connections/);
  });

  test("requests are counted where a worker says so, and lag is told", async () => {
    const requests = 'prefork_worker_requests_total{slot="0",runtime="node"}';
    const lag =
      'prefork_worker_event_loop_lag_seconds{slot="0",runtime="node",quantile="0.99"}';
    for (const share of ["balanced", "shared"] as const) {
      const scene = await running({ metrics: ADDRESS, share });
      const [first] = scene.world.processes;
      const tell = (count: number): void =>
        share === "balanced"
          ? score(first!, { counts: true, requests: count, lag: 1.5 })
          : first!.say({ type: "load", requests: count, lag: 1_500 });
      // One that can count none, and has measured nothing.
      if (share === "balanced") score(first!, { requests: 3, lag: 0 });
      const before = await scraped(scene);
      assert.deepEqual([before.get(requests), before.get(lag)], [
        undefined,
        undefined,
      ]);
      tell(7);
      const during = await scraped(scene);
      assert.deepEqual([during.get(requests), during.get(lag)], [7, 0.0015]);
      tell(9);
      first!.exit({ code: 1 });
      await settle();
      scene.world.advance(1_000);
      await settle();
      const after = await scraped(scene);
      assert.deepEqual([after.get(requests), after.get(lag)], [9, undefined]);
      const { workers } = scene.pool.status();
      assert.deepEqual(workers.map(({ requests }) => requests), [
        undefined,
        undefined,
      ]);
    }
  });

  test("a reload that left two versions is told as mixed", async () => {
    const scene = await running({ metrics: ADDRESS, soak: 0 });
    const { world } = scene;
    const reload = assert.rejects(scene.pool.reload());
    await settle();
    world.onSpawn = (process) =>
      void Promise.resolve().then(() => process.exit({ code: 1 }));
    world.processes[0]!.exit();
    await settle();
    await reload;
    await settle();
    const numbers = await scraped(scene);
    assert.equal(numbers.get('prefork_reloads_total{verdict="mixed"}'), 1);
    assert.equal(numbers.get('prefork_reloads_total{verdict="failed"}'), 0);
  });

  test("a reload has a verdict", async () => {
    const scene = await running({ metrics: ADDRESS, soak: 0 });
    scene.world.onSpawn = (process) =>
      void Promise.resolve().then(() => process.exit({ code: 1 }));
    await assert.rejects(scene.pool.reload());
    await settle();
    const numbers = await scraped(scene);
    assert.equal(numbers.get('prefork_reloads_total{verdict="failed"}'), 1);
    assert.equal(numbers.get('prefork_reloads_total{verdict="finished"}'), 0);
  });
});

describe("names", () => {
  test("follow the conventions of Prometheus", () => {
    for (const [name, { unit, help }] of Object.entries(FAMILIES)) {
      assert.match(name, /^prefork_[a-z]+(_[a-z]+)*$/);
      assert.doesNotMatch(name, /_(?:total|info|count|sum|bucket)$/);
      if (unit !== undefined) assert.ok(name.endsWith(`_${unit}`), name);
      assert.match(help, /^[A-Z0-9].*\.$/);
    }
  });

  test("are those of the table in the documents", () => {
    const rows = [
      ...read("docs/METRICS.md").matchAll(
        /^\| `(prefork_\w+)` +\| (\w+) +\| ([^|]*?) *\|/gm,
      ),
    ].map(([, name, type, labels]) => `${name} ${type} ${labels}`);
    const known = Object.entries(FAMILIES).map(([name, { type, labels }]) =>
      `${shown(name)} ${type} ${labels.map((each) => `\`${each}\``).join(", ")}`
    );
    assert.deepEqual(rows, known);
  });

  test("are those that the dashboard asks for", () => {
    const text = read("deploy/grafana/prefork.json");
    const exprs: string[] = [];
    JSON.parse(text, (key, value) => {
      if (key === "expr" || key === "definition") {
        exprs.push(value);
      }
      return value;
    });
    assert.ok(exprs.length > 10);
    const known = new Map(
      Object.entries(FAMILIES).map(([name, { labels }]) =>
        [shown(name), new Set(["pool", "job", "instance", ...labels])] as const
      ),
    );
    for (const expr of exprs) {
      const used = [...expr.matchAll(/\bprefork_\w+/g)].map(([name]) => name);
      assert.ok(used.length > 0, expr);
      const labels = new Set(used.flatMap((name) => {
        assert.ok(known.has(name), `${name} of ${expr} is not told`);
        return [...known.get(name)!];
      }));
      const asked = [
        ...expr.matchAll(/(\w+)\s*(?:=~|!=|!~|=)\s*"/g),
        ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap((
          [, list],
        ) => [...list!.matchAll(/(\w+)/g)]),
      ].map(([, label]) => label!);
      for (const label of asked) {
        assert.ok(labels.has(label), `${label} of ${expr} is no label`);
      }
    }
  });
});

test("the version is told", async () => {
  const scene = await running({ metrics: ADDRESS });
  const { text } = await ask(scene);
  assert.match(text, new RegExp(`prefork_build_info\\{.*version="${VERSION}"`));
});
