import assert from "node:assert/strict";
import { main } from "../../cli.ts";
import { HELP } from "../../cli/help.ts";
import { VERSION } from "../../core/version.ts";
import { describe, test } from "../harness.ts";
import { fakeOutput } from "./fake_pool.ts";

/** Runs the command in this process. */
async function run(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [fakeOutput(), fakeOutput()];
  const code = await main(args, { stdout, stderr });
  return {
    code,
    stdout: stdout.written.join(""),
    stderr: stderr.written.join(""),
  };
}

test("help goes to stdout", async () => {
  for (const option of ["-h", "--help", "help"]) {
    const { code, stdout, stderr } = await run(option);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.ok(stdout.startsWith(HELP));
    assert.match(stdout.slice(HELP.length), /^\nTopics of [^]*\bsignals,/);
  }
});

test("a page of the documentation goes there too", async () => {
  const { code, stdout } = await run("help", "signals");
  assert.equal(code, 0);
  assert.match(stdout, /^# Signals\n/);
});

test("the version goes to stdout", async () => {
  for (const option of ["-V", "--version"]) {
    assert.deepEqual(await run(option), {
      code: 0,
      stdout: `${VERSION}\n`,
      stderr: "",
    });
  }
});

describe("wrong usage ends with 2 and one sentence that names the value", () => {
  const whole = /it must be a whole number/;
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["", "without a program", /write prefork \[options\] program/],
    [
      "init",
      "program",
      /write prefork init \[--print\] \[--force\] \[options\]/,
    ],
    [
      "--compile-cache app.js",
      '"--compile-cache" has taken "app.js"',
      /write prefork --compile-cache VALUE app\.js/,
    ],
    ["-w 0 app.js", '"--workers"', /"auto" or a range such as 2-8\n/],
    ["check -w 9-2 app.js", '"--workers"', /from 9 to 1024/],
    ["--min-ready 0 app.js", '"--min-ready"', whole],
    ["--stop-signal x app.js", '"--stop-signal"', /one of SIG/],
    ["--signals x app.js", '"--signals"', /it must be one of default/],
    ["--env-file= app.js", '"--env-file"', /not empty/],
    ["ps", '"ps"', /write prefork list \(the program .* prefork -- ps\)/],
    ["-w 2 kill 7", '"kill"', /write prefork stop/],
    ["--bogus app.js", '"--bogus"', /no such option, see prefork --help/],
    ["-w", '"-w"', /it needs a value/],
    ["-w 0 app.js", "0", /from 1 to 1024, "auto" or a range/],
    ["-w -1 app.js", "-1", whole],
    ["-w x app.js", '"x"', whole],
    ["-w 1e9 app.js", "1000000000", whole],
    ["-l bad app.js", '"bad"', /":8080", "host:port", "\[v6\]:port"/],
    ["-l :99999 app.js", '"99999"', /from 0 to 65535/],
    ["-l unix: app.js", '"unix:"', /write "unix:\/path" or "unix:@name"/],
    [`-l unix:/${"a".repeat(107)} app.js`, "108 bytes", /at most 107/],
    ["-l :80 -l :80 app.js", '":80"', /give each its own/],
    [
      "-s both app.js",
      '"both"',
      /balanced, shared, sharded, reuseport, handoff, auto/,
    ],
    ["-r ruby app.js", '"ruby"', /node, deno, bun, exec/],
    ["-r node=3,bun=1 -w 5 app.js", "5", /adds up to 4/],
    ["--weights 1,x app.js", '"1,x"', /numbers such as 1,1,1,0\.15/],
    ["--weights 1,0 app.js", "slot 1", /from 0\.001 to 1000/],
    [
      "--weights 1,2 -s shared app.js",
      '"--weights"',
      /count in "balanced" only, .* leave "--share" or "--weights" out/,
    ],
    ["--balance x app.js", '"x"', /round-robin, least-connections/],
    ["--grace 99999m app.js", "5999940000", /from 0 to 2147483647/],
  ];
  for (const [line, value, forms] of bad) {
    test(`prefork ${line.slice(0, 40)}`, async () => {
      const words = line === "" ? [] : line.split(" ");
      const { code, stdout, stderr } = await run(...words);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /^prefork: Cannot [^\n]*[^.\n]\n$/);
      assert.ok(stderr.includes(value), stderr);
      assert.match(stderr, forms);
    });
  }
});

test("a mode that cannot work for the address ends with 2", async () => {
  const { code, stderr } = await run(
    ...["-s", "sharded", "-l", "unix:/nowhere/a.sock", "-r", "exec", "true"],
  );
  assert.equal(code, 2);
  assert.match(stderr, /SO_REUSEPORT .* use "balanced", "shared" or "handoff"/);
});

test("a program that is not there ends with 3", async () => {
  const { code, stderr } = await run("-l", "127.0.0.1:0", "missing.js");
  assert.equal(code, 3);
  assert.match(stderr, /^prefork: Cannot start "missing\.js": .*\n$/m);
});

test("a word that is none is told what was meant, a directory its option", async () => {
  for (
    const [line, meant] of [
      ["stauts", /no such command in PATH; did you mean "prefork status"\?$/],
      ["-w 2 monit", /; write prefork top$/],
      ["nothing-like-it", /no such command in PATH$/],
      [
        "--chdir /missing app.js",
        /"\/missing": there is no .* \(--chdir, cwd\)$/,
      ],
    ] as const
  ) {
    const { code, stderr } = await run(...line.split(" "));
    assert.equal(code, 3);
    assert.match(stderr.trim(), meant);
  }
  const { code, stdout } = await run("check", "--chdir", "/missing", "app.js");
  assert.equal(code, 3);
  assert.match(stdout, /problem +program +Cannot start workers in "\/missing"/);
});

test("an option behind the program is told in one line, in front of all", async () => {
  const { stderr } = await run(
    ...["--log-time", "off", "missing.js", "-w", "2"],
  );
  const [first] = stderr.split("\n");
  assert.match(
    first!,
    /^prefork warning message="\\"-w 2\\" behind the program/,
  );
});
