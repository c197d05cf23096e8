/** Which pools a command line and a configuration file make. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checkFiles } from "../../cli/check_file.ts";
import { parseCommandLine } from "../../cli/arguments.ts";
import { type Place, type Plan, planOf } from "../../cli/pools.ts";
import { exportWithin } from "../../cli/config.ts";
import { inThread, inThreadFor } from "../../cli/renewal_reader.ts";
import { USUAL_LOG } from "../../cli/log_options.ts";
import { afterAll, describe, test } from "../harness.ts";

const root = mkdtempSync(join(tmpdir(), "prefork-config-"));
afterAll(() => rmSync(root, { recursive: true }));
const GIVEN = { cpus: 4, resolve: (path: string) => resolve("/nowhere", path) };

/** A directory with these files. */
function directory(files: Readonly<Record<string, string>>): string {
  const made = mkdtempSync(join(root, "files-"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(made, name), text);
  }
  return made;
}

async function plan(
  line: string,
  directory: string,
  how: Pick<Place, "load"> = {},
): Promise<Plan> {
  const command = parseCommandLine(line === "" ? [] : line.split(" "));
  assert.ok(command.kind === "run");
  return await planOf(command, {
    cpus: 4,
    resolve: (path) => resolve(directory, path),
    ...how,
  });
}

const ONE =
  `export default { program: "server.mjs", workers: 4, log: "json" };`;
const TWO = `export default async () => ({
  pools: { web: { program: "web.mjs" }, api: { program: "api.mjs" } },
});`;

test("without a program the file of the directory counts, and the command more", async () => {
  const here = directory({ "prefork.config.mjs": ONE });
  assert.deepEqual(await plan("", here), {
    file: "prefork.config.mjs",
    pools: [
      {
        options: { program: "server.mjs", workers: 4, cwd: here },
        log: { form: "json", time: "auto" },
        warnings: [],
      },
    ],
  });
  assert.deepEqual(await plan("-w 2 --log text", here), {
    file: "prefork.config.mjs",
    pools: [
      {
        options: { program: "server.mjs", workers: 2, cwd: here },
        log: USUAL_LOG,
        warnings: [],
      },
    ],
  });
});

test("with a program no file is read, and a line says so, but one that is named", async () => {
  const here = directory({ "prefork.config.mjs": ONE });
  assert.deepEqual(await plan("app.mjs a", here), {
    pools: [{
      options: { program: "app.mjs", args: ["a"] },
      log: USUAL_LOG,
      warnings: [
        'prefork.config.mjs is not read, because a program is given: leave that out, or add "--config prefork.config.mjs"',
      ],
    }],
  });
  assert.deepEqual(await plan("--config prefork.config.mjs app.mjs", here), {
    file: "prefork.config.mjs",
    pools: [
      {
        options: { program: "app.mjs", args: [], workers: 4 },
        log: { form: "json", time: "auto" },
        warnings: [],
      },
    ],
  });
});

test("JSON and TypeScript are read too, and a file in another directory", async () => {
  const here = directory({
    "prefork.config.json": `{ "program": "a.mjs", "pidFile": "pid" }`,
    "other.ts":
      `const workers: number = 3; export default { program: "a.mjs", workers };`,
  });
  const away = directory({});
  assert.deepEqual(
    (await plan(`--config ${join(here, "prefork.config.json")}`, away)).pools[0]
      ?.options,
    { program: "a.mjs", cwd: here, pidFile: join(here, "pid") },
  );
  assert.deepEqual(
    (await plan(`--config ${join(here, "other.ts")}`, away)).pools[0]?.options,
    { program: "a.mjs", cwd: here, workers: 3 },
  );
});

test("a file of PM2 says where each app writes, and the command counts more", async () => {
  const here = directory({
    "ecosystem.config.cjs": `module.exports = { apps: [
      { name: "a", script: "a.js", cwd: "sub", out_file: "log/a.log" },
      { name: "b", script: "b.js" },
    ] };`,
  });
  const programs = async (more: string) =>
    (await plan(`--pm2 ecosystem.config.cjs${more}`, here)).pools
      .map(({ log }) => log.programs);
  const own = { file: join(here, "sub/log/a.log"), makes: true };
  assert.deepEqual(await programs(""), [own, undefined]);
  assert.deepEqual(await programs(" --output raw"), ["raw", "raw"]);
  // A start would make the directory, and a check does not.
  const look = (made: object): readonly string[] =>
    checkFiles(
      { name: "a", control: "off", statusFile: undefined },
      { ...USUAL_LOG, programs: { ...own, ...made } },
    ).map(({ verdict }) => verdict);
  assert.deepEqual([look({}), look({ makes: false })], [["ok"], ["problem"]]);
  assert.ok(!existsSync(join(here, "sub")));
});

test("of several pools those that are named are run", async () => {
  const here = directory({ "prefork.config.mjs": TWO });
  const names = async (line: string) =>
    (await plan(line, here)).pools.map(({ options }) => options.name);
  assert.deepEqual(await names(""), ["web", "api"]);
  assert.deepEqual(await names("--only api"), ["api"]);
  assert.deepEqual(await names("--only api,web"), ["web", "api"]);
  assert.deepEqual(await names("--only api -l :80"), ["api"]);
});

describe("a sentence says what is wrong", () => {
  const two = { "prefork.config.mjs": TWO };
  const wrong: readonly (readonly [
    string,
    Readonly<Record<string, string>>,
    RegExp,
  ])[] = [
    ["", {}, /^Cannot run without a program: .* prefork\.config\.ts/],
    [
      "",
      { ...two, "prefork.config.json": "{}" },
      /^Cannot choose between prefork\.config\.mjs and prefork\.config\.json: /,
    ],
    ["--config no.mjs", {}, /^Cannot read "no\.mjs": there is no such file$/],
    [
      "--config no.yaml",
      {},
      /^Cannot read "no\.yaml": a configuration is a file of TypeScript/,
    ],
    [
      "",
      { "prefork.config.json": "{ program: 1 }" },
      /^Cannot read "prefork\.config\.json": .*JSON/,
    ],
    [
      "",
      { "prefork.config.mjs": `\nexport default { program: misspelled };` },
      /^Cannot read "prefork\.config\.mjs" \(line 2\): .*misspelled/,
    ],
    [
      "",
      { "prefork.config.mjs": "export const a = 1;" },
      /^Cannot use prefork\.config\.mjs: it has no default export, write export/,
    ],
    [
      "",
      { "prefork.config.mjs": "export default { workers: 4 };" },
      /^Cannot use prefork\.config\.mjs: it has no "program"$/,
    ],
    [
      "",
      { "prefork.config.mjs": "export default { pools: { a: {} } };" },
      /^Cannot use pool "a" of prefork\.config\.mjs: it has no "program"$/,
    ],
    [
      "",
      { "prefork.config.json": '{ "program": "a.js", "logTime": "never" }' },
      /^Cannot use "never" for "logTime" in prefork\.config\.json: it must be auto/,
    ],
    ...["log", "logTime", "logFile", "output"].map((name) =>
      [
        "",
        { "prefork.config.json": `{ "program": "a.js", "${name}": null }` },
        new RegExp(
          `^Cannot use null for "${name}" in prefork\\.config\\.json: `,
        ),
      ] as const
    ),
    [
      "",
      { "prefork.config.mjs": `export default { log: Symbol() }` },
      /^Cannot use Symbol\(\) for "log" in prefork\.config\.mjs: it must be/,
    ],
    ["--only app", two, /"app" for "--only": .*, did you mean "api"\?$/],
    [
      "--only a",
      { "prefork.config.mjs": ONE },
      /no such pool, the one in it has no name$/,
    ],
    ["--only web app.mjs", two, /^Cannot use "--only" with a program: /],
    ["--env live", two, /^Cannot use "--env live" without "--pm2 FILE": /],
    ["--pm2 a.js app.js", {}, /^Cannot use "--pm2" with a program: .*, leave/],
    ["--pm2 a.js --config b.js", {}, /^Cannot use "--pm2" and "--config": /],
    ["--pm2 a.js", {}, /^Cannot read "a\.js": there is no such file$/],
    ["-l :80", two, /^Cannot use "--listen" for the several pools of /],
    ["--control ./a", two, /^Cannot use "--control \.\/a" for the several/],
    ["--config prefork.config.mjs app.mjs", two, /^Cannot use a program for/],
  ];
  for (const [line, files, message] of wrong) {
    test(`prefork ${line} (${Object.keys(files).join()})`, async () => {
      await assert.rejects(plan(line, directory(files)), (error) => {
        assert.ok(error instanceof TypeError, String(error));
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

describe("what a start refuses a reload refuses with the same sentence", () => {
  const values = [
    ...["grace: NaN", "probation: Infinity", "soak: -Infinity", "grace: null"],
    ...["maxRequests: () => 5", "umask: function mask() {}", "share: Symbol()"],
    ...[`share: Symbol("x")`, "args: () => []", "env: { A: Symbol() }"],
    ...["env: { A: () => 1 }", "scaleUp: { at: NaN }", "workers: new Date(0)"],
    ...["readyLine: /x/", "weights: [1, , 2]", "weights: [, ]", "args: 1n"],
    ...["args: [undefined]", "args: ['a', ['b'], null]", "env: ['A=1']"],
    ...["hooks: { ready: 1 }", "hooks: { reday() {} }", "hooks: () => {}"],
    ...["user: Object.create(null)", "memory: new URL('http://a')"],
    ...["args: ((args) => (args.push(args), args))([])", "runtime: {}"],
    ...["pools: { a: { grace: NaN } }", "pools: [{ name: () => 'a' }]"],
    "pools: { a() {} }",
  ];
  for (const value of values) {
    test(value, async () => {
      const program = value.startsWith("pools") ? "" : `program: "a.js",`;
      const here = directory({
        "prefork.config.mjs": `export default { ${program} ${value} };`,
      });
      const refusal = async (how: Pick<Place, "load">): Promise<string> => {
        const [kind, message] = await plan("", here, how).then(
          () => ["", "not refused"],
          ({ name, message }: Error) => [name, message],
        );
        return `${kind}: ${message}`;
      };
      const atStart = await refusal({});
      assert.match(atStart, /^(Type|Range)Error: Cannot .*prefork\.config/);
      assert.equal(await refusal({ load: inThread }), atStart);
    });
  }

  test("and what it takes, a reload takes", async () => {
    const here = directory({
      "prefork.config.mjs": `
        class Hooks {
          log = console;
          self = this;
          ready() { this.log.log("ready"); }
        }
        export default () => Promise.resolve({
          program: "a.js", args: ["-x"], env: { A: "1" }, grace: undefined,
          hooks: new Hooks(), workers: { min: 2, max: 4 }, watch: [true],
          restarts: Object.assign(Object.create(null), { period: 1 }),
          name: "a",
        });`,
    });
    const [first, again] = [
      (await plan("", here)).pools[0]!,
      (await plan("", here, { load: inThread })).pools[0]!,
    ];
    const { hooks: _, ...options } = first.options;
    const { hooks, ...others } = again.options;
    assert.equal(typeof hooks?.ready, "function");
    assert.equal(JSON.stringify(others), JSON.stringify(options));
  });
});

for (const line of ["", "--pm2 prefork.config.mjs"]) {
  test(`what is no regular file is not read (${line})`, async () => {
    const here = directory({});
    const file = join(here, "prefork.config.mjs");
    execFileSync("mkfifo", [file]);
    for (const what of ["a pipe", "a directory"]) {
      if (what !== "a pipe") mkdirSync(file);
      for (const how of [{}, { load: inThread }]) {
        await assert.rejects(plan(line, here, how), {
          name: "TypeError",
          message:
            `Cannot read "prefork.config.mjs": it is ${what}, a configuration is a regular file`,
        });
      }
      rmSync(file, { recursive: true });
    }
  });
}

describe("a promise that never settles is told of", () => {
  for (
    const text of [
      "export default new Promise(() => {});",
      "export default () => new Promise(() => {});",
      "await new Promise(() => {}); export default {};",
    ]
  ) {
    for (const [who, of] of Object.entries({ exportWithin, inThreadFor })) {
      const skip = "Deno" in globalThis && text.startsWith("await") &&
        of === exportWithin &&
        "Deno ends a process that has such a module, once nothing else waits";
      test(`${text} (${who})`, { skip }, async () => {
        const here = directory({ "prefork.config.mjs": text });
        await assert.rejects(plan("", here, { load: of(1000) }), {
          name: "TypeError",
          message:
            'Cannot read "prefork.config.mjs": it has not ended after 1 s',
        });
      });
    }
  }
});

test("a reload does not wait for a file that cannot be broken off", async () => {
  const here = directory({
    "prefork.config.mjs": `
      import { execFileSync } from "node:child_process";
      const wait = 'while test -e "$0"; do sleep 0.1; done';
      execFileSync("sh", ["-c", wait, import.meta.filename]);
      export default { program: "a.js" };`,
  });
  try {
    // It goes on until the end of the test, in a system call by then.
    await assert.rejects(plan("", here, { load: inThreadFor(1000) }), {
      message: 'Cannot read "prefork.config.mjs": it has not ended after 1 s',
    });
  } finally {
    rmSync(join(here, "prefork.config.mjs"));
  }
});

test("without files a program is all that there is", async () => {
  const command = parseCommandLine(["app.js"]);
  assert.ok(command.kind === "run");
  const { pools } = await planOf(command, GIVEN);
  assert.deepEqual(pools, [
    {
      options: { program: "app.js", args: [] },
      log: USUAL_LOG,
      warnings: [],
    },
  ]);
});
