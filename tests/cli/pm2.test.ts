/** What of PM2's process file counts here, and what is said of the rest. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pm2From } from "../../cli/config.ts";
import { readPm2 } from "../../cli/pm2.ts";
import { IGNORED } from "../../cli/pm2_ignored.ts";
import { docsPage } from "../core/docs_page.ts";
import { afterAll, describe, test } from "../harness.ts";

const file = "ecosystem.config.js";
const read = (value: unknown, env?: string) =>
  readPm2(value, { file, cpus: 4, ...(env !== undefined && { env }) });

/** The options of an app. */
function options(
  app: Record<string, unknown>,
  env?: string,
): Record<string, unknown> {
  const [found] = read({ apps: [{ script: "app.js", ...app }] }, env);
  const { name: _, ...rest } = found!.entry;
  return { ...rest };
}

const USUAL = { program: "app.js", args: [], workers: 1, env: {} };

describe("a field becomes an option", () => {
  const fields: readonly (readonly [
    Record<string, unknown>,
    Record<string, unknown>,
  ])[] = [
    [{}, {}],
    [{ instances: "max" }, { workers: "auto" }],
    [{ instances: 0 }, { workers: "auto" }],
    [{ instances: -1 }, { workers: 3 }],
    [{ instances: -9 }, { workers: 1 }],
    [{ instances: "2", exec_mode: "cluster" }, { workers: 2 }],
    [{ args: `--a "b c" 'd'` }, { args: ["--a", "b c", "d"] }],
    [{ args: ["--port", 80] }, { args: ["--port", "80"] }],
    [{ cwd: "/srv" }, { cwd: "/srv" }],
    [
      { env: { A: 1, B: true, C: { d: 2 }, E: null } },
      { env: { A: "1", B: "true", C: '{"d":2}' } },
    ],
    [{ port: 3000, env: { A: "1" } }, { env: { A: "1", PORT: "3000" } }],
    [{ env: { A: "1" }, env_production: { A: "2" } }, { env: { A: "1" } }],
    [{ interpreter: "bun" }, { runtime: "bun" }],
    [{ interpreter: "node@20" }, { runtime: "node" }],
    [{ interpreter: "none" }, { runtime: "exec" }],
    [
      { interpreter: "/opt/node", node_args: "--a", args: "b" },
      {
        program: "/opt/node",
        args: ["--a", "app.js", "b"],
        runtime: "exec",
      },
    ],
    [
      { script: "app.py", interpreter_args: "-u" },
      { program: "python3", args: ["-u", "app.py"], runtime: "exec" },
    ],
    [
      { script: "npm start" },
      { program: "sh", args: ["-c", "npm start"], runtime: "exec" },
    ],
    [{ node_args: ["--inspect=0"] }, { runtimeArgs: ["--inspect=0"] }],
    [{ max_memory_restart: "150M" }, { maxRss: 150 * 2 ** 20 }],
    [{ max_memory_restart: 1000 }, { maxRss: 1000 }],
    [{ kill_timeout: 5000 }, { grace: 5000 }],
    [
      { wait_ready: true, listen_timeout: "9000" },
      { waitReady: true, startTimeout: 9000 },
    ],
    [{ instance_var: "IID" }, { slotVariable: "IID" }],
    [{ user: "www-data", gid: 33 }, { user: "www-data", group: "33" }],
    [{ watch: false, ignore_watch: ["logs"] }, {}],
    [{ watch: true }, { watch: ["**"] }],
    [{ watch: [] }, { watch: ["**"] }],
    [
      { watch: true, ignore_watch: ["node_modules", "./logs/", "**/*.log"] },
      {
        watch: [
          "**",
          ...["!node_modules", "!node_modules/**", "!./logs", "!./logs/**"],
          ...["!**/*.log", "!**/*.log/**"],
        ],
      },
    ],
    [{ watch: "src" }, { watch: ["src"] }],
    [
      { watch: ["src", "views/*.html"], ignore_watch: "src/data" },
      { watch: ["src", "views/*.html", "!src/data", "!src/data/**"] },
    ],
  ];
  for (const [given, expected] of fields) {
    test(JSON.stringify(given), () => {
      assert.deepEqual(options(given), { ...USUAL, ...expected });
    });
  }

  test("env_NAME with --env NAME, and what deploy says of it", () => {
    const app = { script: "app.js", env: { A: "1" }, env_live: { A: "2" } };
    const deploy = { live: { env: { A: "0", B: "0" } } };
    const [found] = read({ apps: [app], deploy }, "live");
    assert.deepEqual(found!.entry.env, { A: "2", B: "0" });
    assert.deepEqual(found!.ignored, []);
  });
});

describe("what workers write goes where an app says, as PM2 names its files", () => {
  const file = "/dev/null";
  const cases: readonly (readonly [Record<string, unknown>, unknown])[] = [
    [{}, undefined],
    [{ log_file: true }, undefined],
    [{ error_file: "e", out_file: "o" }, { file: "o", errors: "e" }],
    [{ error: "e" }, { errors: "e" }],
    [{ out_file: "NULL" }, { file }],
    [{ log: "a.log" }, { file: "a.log", errors: "a.log" }],
    [{ out: "a.log", log: "b.log" }, { file: "a.log", errors: "b.log" }],
    [{ out: "a.log", merge_logs: false }, { file: "a-{slot}.log" }],
    [{ out: "a-0.log", instances: 2 }, { file: "a-{slot}.log" }],
    [{ out: "a.log", exec_mode: "cluster" }, { file: "a-{slot}.log" }],
    [{ out: "a.log", instances: 2, merge_logs: true }, { file: "a.log" }],
    [{ out: "a.txt", instances: 2 }, { file: "a.txt" }],
    [{ out: "a.log", disable_logs: true }, { file, errors: file }],
  ];
  for (const [given, expected] of cases) {
    test(JSON.stringify(given), () => {
      const [{ output }] = read([{ script: "app.js", ...given }]) as [
        ReturnType<typeof read>[number],
      ];
      assert.deepEqual(output, expected);
    });
  }
});

test("apps are pools by their names, in every form that PM2 reads", () => {
  const app = { script: "./bin/web.js" };
  for (const form of [{ apps: [app] }, { pm2: [app] }, [app], app]) {
    const [found, ...others] = read(form);
    assert.equal(found!.entry.name, "web");
    assert.deepEqual(others, []);
    assert.equal(read({ default: form })[0]!.entry.name, "web");
  }
  const off = { ...app, autostart: false };
  assert.deepEqual(read([off]), []);
  const [{ entry, ignored }] = read([{ ...app, name: "@org/my app" }]) as [
    ReturnType<typeof read>[number],
  ];
  assert.equal(entry.name, "org-my-app");
  assert.match(ignored.join(), /"@org\/my app" is called "org-my-app" here/);
});

test("one sentence for each field that does not count, and none for the usual", () => {
  const [found] = read([{
    script: "app.js",
    out: "/var/log/a.log",
    log: "/var/log/c.log",
    cron: "0 0 * * *",
    watch: ["src"],
    watch_delay: 1000,
    ignore_watch: [/secret/, "a", "[\\/\\\\]\\./"],
    max_restarts: 9,
    restart_delay: 50,
    autorestart: true,
    max_restart: 3,
    colour: "red",
    interpreter: "node@20",
  }], "live");
  const sentences = [
    /^"interpreter" is "node@20", of which the version does not count/,
    /^the app "app" has no "env_live"/,
    /^"cron_restart" does not count: have cron call prefork reload/,
    /^"watch_delay" does not count: a reload begins when files have settled/,
    /^"max_restarts" does not count: a pool never gives up; it is degraded/,
    /^"restart_delay" does not count: a worker comes back at once/,
    /^"max_restart" does not count: PM2 7 has no such field, did you mean "max_restarts"\?/,
    /^"colour" does not count: PM2 7 has no such field, see docs\/PM2\.md/,
    /^a line is written once: "log_file" has what goes into no other file/,
    /^"ignore_watch" leaves \/secret\/ in: .* \(ecosystem\.config\.js\)$/,
    /^"ignore_watch" leaves \[.* in: it is an expression/,
  ];
  assert.equal(found!.ignored.length, sentences.length);
  for (const [i, pattern] of sentences.entries()) {
    assert.match(found!.ignored[i]!, pattern);
  }
});

describe("what cannot be used is told with file, app and field", () => {
  const app = { name: "web", script: "app.js" };
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ apps: [] }, "Cannot use ecosystem.config.js: it must export { apps:"],
    [{ apps: ["app.js"] }, "Cannot use ecosystem.config.js: it must export"],
    [
      { apps: [{ name: "web" }] },
      'Cannot use app "web" of ecosystem.config.js: it has no "script"',
    ],
    [
      [{ ...app, instances: "many" }],
      'Cannot use "many" for "instances" in app "web" of ecosystem.config.js: it must be a whole number or "max"',
    ],
    [
      [{ ...app, kill_timeout: "5s" }],
      'Cannot use "5s" for "kill_timeout" in app "web" of ecosystem.config.js: it must be a time in milliseconds',
    ],
    [
      [{ ...app, max_memory_restart: "much" }],
      'Cannot use "much" for "max_memory_restart" in app "web" of ecosystem.config.js: it must be a size',
    ],
    [
      [{ ...app, watch: 5 }],
      'Cannot use 5 for "watch" in app "web" of ecosystem.config.js: it must be true, a path',
    ],
    [
      [{ ...app, out_file: 5 }],
      'Cannot use 5 for "out_file" in app "web" of ecosystem.config.js: it must be a file',
    ],
    [
      [{ ...app, user: true }],
      'Cannot use true for "uid" in app "web" of ecosystem.config.js: it must be a name or a number',
    ],
  ];
  for (const [value, message] of wrong) {
    test(JSON.stringify(value), () => {
      assert.throws(() => read(value), (error) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.equal(error.message.slice(0, message.length), message);
        return true;
      });
    });
  }
});

describe("a process file", () => {
  const directory = mkdtempSync(join(tmpdir(), "prefork-pm2-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const pools = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return pm2From(path, directory, { cpus: 4 });
  };
  const app = `{ script: "app.js", cwd: "web", name: "web" }`;

  for (
    const [name, text] of [
      ["ecosystem.config.js", `module.exports = { apps: [${app}] };`],
      ["a.config.cjs", `module.exports = { apps: [${app}] };`],
      ["a.config.mjs", `export default { apps: [${app}] };`],
      [
        "a.json",
        `{ "apps": [{ "script": "app.js", "cwd": "web", "name": "web" }] }`,
      ],
    ] as const
  ) {
    test(`${name} is read, and paths begin where it is`, async () => {
      const { pools: [pool], ignored } = await pools(name, text);
      assert.equal(pool?.program, "app.js");
      assert.equal(pool?.cwd, join(directory, "web"));
      assert.deepEqual(ignored, { web: [] });
    });
  }

  test("that cannot be read is told with the reason", async () => {
    const two = `module.exports = [${app}, ${app}];`;
    const wrong: readonly (readonly [string, string, RegExp])[] = [
      ["a.yaml", "apps: []", /^Cannot read "a\.yaml": YAML needs a package/],
      [
        "b.config.cjs",
        "misspelled;",
        /^Cannot read "b\.config\.cjs".*misspelled/,
      ],
      [
        "c.config.cjs",
        two,
        /^Cannot use c\.config\.cjs: two apps have the same/,
      ],
    ];
    for (const [name, text, message] of wrong) {
      await assert.rejects(pools(name, text), (error) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, message);
        return true;
      });
    }
  });
});

test("docs/PM2.md names each field that does not count, with the reason", () => {
  const rows = docsPage("PM2.md").split("\n").filter((line) =>
    line.startsWith("| `")
  ).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  for (const [field, why] of Object.entries(IGNORED)) {
    const row = rows.find(([names]) => names!.includes(`\`${field}\``));
    assert.equal(row?.[1], why, field);
  }
});
