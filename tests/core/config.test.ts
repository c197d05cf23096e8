/** What a configuration file may say, and what is said of a wrong one. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { checkOptions } from "../../core/options/check.ts";
import { defineConfig, readConfig } from "../../core/options/config.ts";
import { nearest } from "../../core/options/names.ts";
import { describe, test } from "../harness.ts";

const place = {
  file: "prefork.config.ts",
  resolve: (path: string) => resolve("/srv/app", path),
};
const read = (value: unknown) => readConfig(value, place);

test("a config is what was defined", () => {
  const config = { program: "server.ts", workers: 4 };
  assert.equal(defineConfig(config), config);
  assert.deepEqual(read({ ...config, grace: undefined, log: "json" }), {
    file: "prefork.config.ts",
    directory: "/srv/app",
    log: { log: "json" },
    pools: [config],
  });
});

test("paths begin at the directory of the file", () => {
  const { pools: [pool] } = read({
    program: "server.ts",
    cwd: "current",
    envFile: ".env",
    pidFile: "run/pid",
    statusFile: "/run/status",
    health: "unix:run/health.sock",
    metrics: ":9100",
    control: "run/control.sock",
    compileCache: "cache",
    listen: [
      ":8080",
      "unix:run/app.sock?mode=0660",
      "own=unix:own.sock",
      "unix:@abstract",
      "unix:/run/app.sock",
      ":443?cert=tls/a.pem&key=/etc/a.key&backlog=5",
    ],
  });
  assert.deepEqual(pool, {
    program: "server.ts",
    cwd: "/srv/app/current",
    envFile: ["/srv/app/.env"],
    pidFile: "/srv/app/run/pid",
    statusFile: "/run/status",
    health: "unix:/srv/app/run/health.sock",
    metrics: ":9100",
    control: "/srv/app/run/control.sock",
    compileCache: "/srv/app/cache",
    listen: [
      ":8080",
      "unix:/srv/app/run/app.sock?mode=0660",
      "own=unix:/srv/app/own.sock",
      "unix:@abstract",
      "unix:/run/app.sock",
      ":443?cert=/srv/app/tls/a.pem&key=/etc/a.key&backlog=5",
    ],
  });
  checkOptions({ ...pool!, program: "server.ts" });
  const words = { control: "off", compileCache: "off", listen: "program" };
  assert.deepEqual(read(words).pools, [words]);
});

test("what stands beside several pools counts for each of them", () => {
  const shared = { grace: 5_000, workers: 1, env: { A: "1", B: "1" } };
  const pools = {
    web: { program: "web.ts", workers: 4 },
    api: { program: "api.ts", env: { B: "2" } },
  };
  const both = [
    {
      grace: 5_000,
      workers: 4,
      env: shared.env,
      name: "web",
      program: "web.ts",
    },
    {
      grace: 5_000,
      workers: 1,
      env: { A: "1", B: "2" },
      name: "api",
      program: "api.ts",
    },
  ];
  assert.deepEqual(read({ ...shared, pools }).pools, both);
  const list = Object.entries(pools).map(([name, pool]) => ({ name, ...pool }));
  assert.deepEqual(read({ ...shared, pools: list }).pools, both);
});

/** A name for a test. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch {
    return "a getter that throws";
  }
}

describe("what cannot be used is told with file, option, value and way out", () => {
  const web = { program: "web.ts" };
  const wrong: readonly (readonly [unknown, string])[] = [
    [
      { grace: "30s" },
      'Cannot use "30s" for "grace" in prefork.config.ts: it must be a time in milliseconds from 0 to 2147483647',
    ],
    [
      { pools: { web: { ...web, workers: 0 } } },
      'Cannot use 0 for "workers" in pool "web" of prefork.config.ts: it must be a whole number from 1 to 1024, "auto" or a range such as { min: 2, max: 8 }',
    ],
    [
      { worker: 4 },
      'Cannot use "worker" in prefork.config.ts: there is no such option, did you mean "workers"?',
    ],
    [
      { pools: { web: { ...web, "max-requests": 4 } } },
      'Cannot use "max-requests" in pool "web" of prefork.config.ts: there is no such option, did you mean "maxRequests"?',
    ],
    [
      { listen: "a: b" },
      'Cannot listen on "a: b" in prefork.config.ts: the port must be a number',
    ],
    [
      { upgradeCommand: ["prefork"] },
      'Cannot use "upgradeCommand" in prefork.config.ts: it is the library\'s, and the command sees to it itself',
    ],
    [
      { program: "a.js", pools: { web } },
      'Cannot use "program" in prefork.config.ts beside "pools": it is of one pool, move it into that',
    ],
    [
      { pools: {} },
      'Cannot use "pools" in prefork.config.ts: it is empty, add a pool such as web: { program: "web.js" }',
    ],
    [
      { pools: [web] },
      'Cannot use "pools[0]" in prefork.config.ts: it has no "name", by which several pools are told apart',
    ],
    [
      { pools: { web: { ...web, name: "api" } } },
      'Cannot use "api" for "pools.web.name" in prefork.config.ts: its key is its name, leave "name" out',
    ],
    [
      { pools: { "a b": web } },
      'Cannot use "a b" for "name" in pool "a b" of prefork.config.ts: it must be 1 to 48 letters',
    ],
    [
      { pools: { web: "web.ts" } },
      'Cannot use prefork.config.ts: "pools.web" must be an object of options such as { program: "server.js" }, received "web.ts"',
    ],
    [
      { pools: 4 },
      'Cannot use 4 for "pools" in prefork.config.ts: it must be an object of pools by their names',
    ],
    [
      [web],
      "Cannot use prefork.config.ts: it must be an object of options such as",
    ],
    [undefined, "Cannot use prefork.config.ts: it must be an object"],
    [
      { listen: ":80", pools: { web, api: web } },
      'Cannot use prefork.config.ts: the pools "web" and "api" both have the address ":80", give each its own',
    ],
    [
      { health: ":90", metrics: ":90", pools: { web, api: web } },
      'Cannot use prefork.config.ts: the pools "web" and "api" both have the address ":90", give each its own',
    ],
    [
      { pools: [{ ...web, name: "a" }, { ...web, name: "a" }] },
      'Cannot use prefork.config.ts: the pools "a" and "a" both have the name "a", give each its own',
    ],
    [
      { listen: null },
      'Cannot use null for "listen" in prefork.config.ts: it must be an address',
    ],
    [
      { args: null },
      'Cannot use null for "args" in prefork.config.ts: it must be an array of strings',
    ],
    [
      { envFile: null },
      'Cannot use null for "envFile" in prefork.config.ts: it must be an array of strings',
    ],
    [
      { health: null },
      'Cannot use null for "health" in prefork.config.ts: it must be a string',
    ],
    [
      { pools: { web: { ...web, listen: null } } },
      'Cannot use null for "listen" in pool "web" of prefork.config.ts: it must be',
    ],
    [
      {
        get program() {
          throw new Error("no vault");
        },
      },
      "Cannot use prefork.config.ts: no vault",
    ],
    [
      {
        pools: {
          get web() {
            throw new Error("no vault");
          },
        },
      },
      "Cannot use prefork.config.ts: no vault",
    ],
    [
      { pools: [{ ...web, name: Symbol("a") }] },
      'Cannot use Symbol(a) for "name" in pool "Symbol(a)" of prefork.config.ts: it must be 1 to 48 letters',
    ],
    [
      { pools: { web: { name: Symbol() } } },
      'Cannot use Symbol() for "pools.web.name" in prefork.config.ts: its key is',
    ],
    [
      { pools: [, web] },
      'Cannot use prefork.config.ts: "pools[0]" must be an object of options such as { program: "server.js" }, received undefined',
    ],
    [
      { env: "A=1", pools: { web } },
      'Cannot use "A=1" for "env" in prefork.config.ts: it must be an object of strings',
    ],
    [
      { pools: { web: { ...web, env: ["A=1"] } } },
      'Cannot use ["A=1"] for "env" in pool "web" of prefork.config.ts: it must be an object of strings',
    ],
    [
      { watch: [undefined] },
      'Cannot use undefined for "watch" in prefork.config.ts: it must be true, a glob',
    ],
  ];
  for (const [value, message] of wrong) {
    test(textOf(value), () => {
      assert.throws(() => read(value), (error) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.equal(error.message.slice(0, message.length), message);
        return true;
      });
    });
  }
});

test("the name that was meant is one in another spelling or with a slip", () => {
  const names = ["workers", "maxRequests", "listen", "grace"];
  const meant = {
    worker: "workers",
    wokrers: "workers",
    "max-requests": "maxRequests",
    MAX_REQUEST: "maxRequests",
    lisen: "listen",
    colour: undefined,
    x: undefined,
  };
  for (const [written, name] of Object.entries(meant)) {
    assert.equal(nearest(written, names), name, written);
  }
});
