import assert from "node:assert/strict";
import { parseCommandLine } from "../../cli/arguments.ts";
import { misplacedIn } from "../../cli/misplaced.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";

/** What a line of words without quotes asks for, the program left out. */
function options(line: string): Record<string, unknown> {
  const command = parseCommandLine([...line.split(" "), "app.js"]);
  assert.equal(command.kind, "run");
  if (command.kind !== "run") throw new Error("unreachable");
  const { program, args, ...rest } = command.options;
  assert.equal(program, "app.js");
  assert.deepEqual(args, []);
  return { ...rest, ...(command.log !== undefined && { log: command.log }) };
}

describe("options", () => {
  const lines: readonly (readonly [string, Record<string, unknown>])[] = [
    ["-w 4", { workers: 4 }],
    ["--pid-file /run/a.pid", { pidFile: "/run/a.pid" }],
    ["-w4", { workers: 4 }],
    ["--workers 4", { workers: 4 }],
    ["--workers=4", { workers: 4 }],
    ["-w auto", { workers: "auto" }],
    ["-w 2-8", { workers: { min: 2, max: 8 } }],
    ["--scale-up 80%/10s", { scaleUp: { at: 0.8, after: 10_000 } }],
    ["--scale-down 20%", { scaleDown: { at: 0.2 } }],
    ["-w 0", { workers: 0 }],
    ["-w -1", { workers: -1 }],
    ["-w 1e9", { workers: 1e9 }],
    ["-w 2 -w 3", { workers: 3 }],
    ["-l :80", { listen: [":80"] }],
    ["-l:80 --listen=unix:/a?mode=0660", {
      listen: [":80", "unix:/a?mode=0660"],
    }],
    ["-l api=[::1]:80 -l x=:81", { listen: ["api=[::1]:80", "x=:81"] }],
    ["-s sharded", { share: "sharded" }],
    ["--share handoff --balance least-connections", {
      share: "handoff",
      balance: "least-connections",
    }],
    ["--weights 1,1,1,0.15", { weights: [1, 1, 1, 0.15] }],
    ["--weights=10", { weights: [10] }],
    ["--balance=sticky=query:sid", { balance: "sticky=query:sid" }],
    ["-r bun", { runtime: "bun" }],
    ["--runtime=node=3,bun=1", { runtime: { node: 3, bun: 1 } }],
    ["-r node=1", { runtime: { node: 1 } }],
    ["--runtime-arg --smol --runtime-arg=-A", {
      runtimeArgs: ["--smol", "-A"],
    }],
    ["--wait-ready --private-ports", { waitReady: true, privatePorts: true }],
    ["--fd-store --notification-fd 3", { fdStore: true, notificationFd: 3 }],
    ["--open any", { open: "any" }],
    ["--chdir /srv/app", { cwd: "/srv/app" }],
    ["--env-file .env --env-file=b.env", { envFile: [".env", "b.env"] }],
    ["--watch", { watch: [true] }],
    ["--watch=src/** --watch --watch=!a.json", {
      watch: ["src/**", true, "!a.json"],
    }],
    ["--umask 027 --nice 5", { umask: "027", nice: 5 }],
    ["--cpu-affinity 0,2-3", { cpuAffinity: "0,2-3" }],
    ["--user www-data --group=33", { user: "www-data", group: "33" }],
    ["--slot-variable ID", { slotVariable: "ID" }],
    ["--compile-cache off", { compileCache: "off" }],
    ["--max-workers 16", { maxWorkers: 16 }],
    ["--grace 500ms", { grace: 500 }],
    ["--grace 30s", { grace: 30_000 }],
    ["--grace 2m", { grace: 120_000 }],
    ["--grace 30", { grace: 30_000 }],
    ["--grace 1.5", { grace: 1_500 }],
    ["--grace 0", { grace: 0 }],
    ["--signals gunicorn", { signals: "gunicorn" }],
    ["--standby 2", { standby: 2 }],
    ["--health :9000 --min-ready 2", { health: ":9000", minReady: 2 }],
    ["--drain-delay 5s", { drainDelay: 5_000 }],
    ["--idle-grace 1ms", { idleGrace: 1 }],
    ["--start-timeout 10s", { startTimeout: 10_000 }],
    ["--soak 0", { soak: 0 }],
    ["--max-requests 10000", { maxRequests: 10_000 }],
    ["--max-age 1h", { maxAge: 3_600_000 }],
    ["--max-rss 512M", { maxRss: 512 * 2 ** 20 }],
    ["--max-rss 1.5GiB", { maxRss: 1.5 * 2 ** 30 }],
    ["--memory 2G", { memory: 2 ** 31 }],
    ["--memory auto", { memory: "auto" }],
    ["--max-rss-growth 4096", { maxRssGrowth: 4096 }],
    ["--recycle-jitter 25%", { recycleJitter: 0.25 }],
    ["--hang-timeout 1m", { hangTimeout: 60_000 }],
    ["--hang-stack none", { hangStack: "none" }],
    ["--hang-signal SIGABRT", { hangSignal: "SIGABRT" }],
    ["--max-surge 2", { maxSurge: 2 }],
    ["--max-surge 25%", { maxSurge: "25%" }],
    ["--max-unavailable=10%", { maxUnavailable: "10%" }],
    ["--restarts 10/2m", { restarts: { intensity: 10, period: 120_000 } }],
    ["--restarts=3", { restarts: { intensity: 3 } }],
    ["--down queue", { down: "queue" }],
    ["--down-after 2s", { downAfter: 2_000 }],
    ["--log json", { log: { form: "json" } }],
    ["--log-time utc", { log: { time: "utc" } }],
    ["--output raw", { log: { programs: "raw" } }],
    ["--output a-{slot}.log --log-file b", {
      log: { programs: { file: "a-{slot}.log" }, file: "b" },
    }],
    ["--log-time=off --log=json", { log: { form: "json", time: "off" } }],
    ["--log text", { log: { form: "text" } }],
    ["--", {}],
    ["-w 2 --", { workers: 2 }],
  ];
  for (const [line, expected] of lines) {
    test(line, () => assert.deepEqual(options(line), expected));
  }

  test("help and version are all that is asked for then", () => {
    for (const words of [["--help"], ["-h"], ["-w", "4", "-h", "--bad"]]) {
      assert.deepEqual(parseCommandLine(words), { kind: "help" });
    }
    for (const words of [["--version"], ["-V"], ["-l", ":80", "-V"]]) {
      assert.deepEqual(parseCommandLine(words), { kind: "version" });
    }
  });
});

describe("the program", () => {
  const lines: readonly (readonly [readonly string[], string, string[]])[] = [
    [["app.js"], "app.js", []],
    [["app.js", "-w", "4"], "app.js", ["-w", "4"]],
    [["-w", "4", "app.js", "--help"], "app.js", ["--help"]],
    [["app.js", "--", "x"], "app.js", ["--", "x"]],
    [["--", "-odd.js", "--version"], "-odd.js", ["--version"]],
    [["-w1", "--", "a", "--"], "a", ["--"]],
    [["-"], "-", []],
    [["app.js", "", "two words"], "app.js", ["", "two words"]],
  ];
  for (const [words, program, args] of lines) {
    test(`in "${words.join(" ")}" has what follows it`, () => {
      const command = parseCommandLine(words);
      assert.equal(command.kind, "run");
      if (command.kind !== "run") return;
      assert.equal(command.options.program, program);
      assert.deepEqual(command.options.args, args);
    });
  }

  for (const words of [["--"], [""], ["-w4", "--", ""]]) {
    test(`that is missing in "${words.join(" ")}" is an error`, () => {
      assert.throws(() => parseCommandLine(words), {
        name: "TypeError",
        message:
          "Cannot run without a program: write prefork [options] program [args], see prefork --help",
      });
    });
  }
});

describe("what cannot be understood", () => {
  const unknown = "there is no such option, see prefork --help";
  const missing = "it needs a value, see prefork --help";
  const number = "it must be a whole number, a range such as 2-8, or auto";
  const time = "it must be a time such as 500ms, 30s or 2m";
  const mix = "it must be a runtime or a mix such as node=3,bun=1";
  const bad: readonly (readonly [string, string])[] = [
    ["--bogus app.js", `Cannot understand "--bogus": ${unknown}`],
    [
      "--worker=4 app.js",
      'Cannot understand "--worker=4": there is no such option, "--workers" is one; see prefork --help',
    ],
    ["-x app.js", `Cannot understand "-x": ${unknown}`],
    ["-4 app.js", `Cannot understand "-4": ${unknown}`],
    ["-grace 5s app.js", `Cannot understand "-grace": ${unknown}`],
    ["--=4 app.js", `Cannot understand "--=4": ${unknown}`],
    ["--toString 4", `Cannot understand "--toString": ${unknown}`],
    ["--__proto__ 4", `Cannot understand "--__proto__": ${unknown}`],
    ...([
      ["-i", '"-w N" says how many workers'],
      ["--instances=4", '"-w N" says how many workers'],
      ["-p3000", '"-l host:port" says where'],
      ["--port", '"-l host:port" says where'],
      ["--hot", '"--watch" reloads when files change'],
      ["-d", "it stays in the foreground, as service managers want it"],
      ["--kill-timeout", '"--grace TIME" says how long'],
      ["--inspect=0", '"--runtime-arg ARG" hands one to the runtime'],
      ["--allow-net", '"--runtime-arg ARG" hands one to the runtime'],
    ] as const).map(([option, meant]) =>
      [
        `${option} app.js`,
        `Cannot understand "${option}": there is no such option, ${meant}; see prefork --help`,
      ] as const
    ),
    [
      "start ecosystem.config.js",
      'Cannot run "ecosystem.config.js": it says which programs are to be run, write prefork --pm2 ecosystem.config.js',
    ],
    [
      "-w 2 ./prefork.config.ts",
      'Cannot run "./prefork.config.ts": it says which programs are to be run, write prefork --config ./prefork.config.ts',
    ],
    [
      "-w 2 start app.js -x",
      'Cannot understand "start": "start" is no word of it, the program stands alone; write prefork [options] app.js',
    ],
    [
      "reload app.mts",
      'Cannot understand "app.mts": a pool is named by its name, its pid or its socket, write prefork reload [POOL] (a program of that name: prefork ./reload)',
    ],
    ["-w", `Cannot understand "-w": ${missing}`],
    ["-w 4 --listen", `Cannot understand "--listen": ${missing}`],
    ["-w x a", `Cannot use "x" for "--workers": ${number}`],
    ["--workers= a", `Cannot use "" for "--workers": ${number}`],
    ["-w 1.5 a", `Cannot use "1.5" for "--workers": ${number}`],
    ["-w 0x4 a", `Cannot use "0x4" for "--workers": ${number}`],
    [
      "--max-workers x a",
      'Cannot use "x" for "--max-workers": it must be a whole number',
    ],
    ...["5d", "-5s", "s", "1e3", "", ".5s", "5 s"].map((value) =>
      [
        `--grace=${value}`,
        `Cannot use "${value}" for "--grace": ${time}`,
      ] as const
    ),
    ...["", "1,", ",1", "x", "1,-1", "1 1", "1;1", "1e3", ".5"].map((value) =>
      [
        `--weights=${value}`,
        `Cannot use "${value}" for "--weights": it must be numbers such as 1,1,1,0.15`,
      ] as const
    ),
    [
      "--output jsn a",
      'Cannot use "jsn" for "--output": it must be prefix, raw, json, or a file such as log/app-{slot}.log',
    ],
    [
      "--output /log/{pid}.log a",
      'Cannot use "/log/{pid}.log" for "--output": there is no {pid}, a file\'s name can have {slot} and {name}',
    ],
    [
      "--log-time gmt a",
      'Cannot use "gmt" for "--log-time": it must be auto, local, utc or off',
    ],
    ["--log xml a", 'Cannot use "xml" for "--log": it must be text or json'],
    ...["node=1,node=2", "node=1=2", "node=3,bun", "node=", "bun,node=3"]
      .map((value) =>
        [
          `-r ${value} a`,
          `Cannot use "${value}" for "--runtime": ${mix}`,
        ] as const
      ),
    [
      "-r node=x,bun=1 a",
      'Cannot use "x" for "--runtime": it must be a whole number',
    ],
  ];
  for (const [line, message] of bad) {
    test(line, () => {
      // A value with a space is one word here.
      const words = /^--(grace|weights)=/.test(line) ? [line] : line.split(" ");
      assert.throws(() => parseCommandLine(words), { message });
    });
  }
});

test("random words are understood or refused in one line, no more", () => {
  const words = [
    ...["-w", "-w4", "-l", ":80", "--listen=", "-r", "node=3,bun=1", "--"],
    ...["--grace", "5s", "--log", "json", "-", "", "app.js", "--help", "-Vx"],
    ...["--=", "-é", "---", "=", "--soak=1"],
  ];
  forSeeds(3_000, (random) => {
    const line = Array.from(
      { length: random.whole(0, 6) },
      () => random.pick(words),
    );
    const seed = `seed ${random.seed}: ${line.join(" ")}`;
    try {
      const command = parseCommandLine(line);
      if (command.kind !== "run") return;
      const { program, args = [] } = command.options;
      if (program === undefined) return;
      assert.deepEqual([program, ...args], line.slice(-1 - args.length), seed);
    } catch (error) {
      assert.ok(
        error instanceof TypeError || error instanceof RangeError,
        `${seed}: ${error}`,
      );
      assert.match(error.message, /^Cannot [^\n]*[^.]$/, seed);
    }
  });
});

describe("an option behind the program", () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ["app.js -w 2", "-w 2", "-w 2"],
    ["app.ts x -v -w2", "-w2", "-w2"],
    ["./a.mjs --workers=auto -l :80", "--workers=auto", "--workers=auto"],
    [
      "app.js -l unix:/run/a.sock",
      "-l unix:/run/a.sock",
      "-l unix:/run/a.sock",
    ],
    ["app.js --wait-ready x", "--wait-ready", "--wait-ready"],
    ["app.js -i 4", "-i 4", "-w 4"],
    ["app.js --instances max", "--instances max", "-w auto"],
  ];
  for (const [line, given, meant] of rows) {
    test(`${line}: is told`, () => {
      const [program, ...args] = line.split(" ");
      assert.equal(
        misplacedIn({ program: program!, args }),
        `"${given}" behind the program is the program's own; the pool's stands in front, as in "prefork ${meant} ${program}"`,
      );
    });
  }
  const none = [
    ...["app.js", "app.js -- -w 2", "app.js -w", "app.js -w x", "app.js w 2"],
    ...["app.js -l x", "app.js -s", "app.js --port 3000", "app.js --help"],
    ...["app.js --bogus -", "ruby -w 2", "npx serve -l :80"],
  ];
  for (const line of none) {
    test(`${line}: is the program's`, () => {
      const [program, ...args] = line.split(" ");
      assert.equal(misplacedIn({ program: program!, args }), undefined);
    });
  }
});

describe("the verb upgrade", () => {
  test("takes a pid file or a pid, and who is to serve", () => {
    for (
      const [words, target, options] of [
        ["/run/a.pid", "/run/a.pid", ""],
        ["4711", "4711", ""],
        ["--runtime-exec=/n/node a.pid", "a.pid", "--runtime-exec=/n/node"],
        ["--runtime-exec bun run/pid", "run/pid", "--runtime-exec bun"],
        ["run/pid -- unicorn -c a/b.rb", "run/pid", "-- unicorn -c a/b.rb"],
        ["a.pid --pass nginx -- ./x", "a.pid", "--pass nginx -- ./x"],
      ] as const
    ) {
      assert.deepEqual(parseCommandLine(["upgrade", ...words.split(" ")]), {
        kind: "upgrade",
        request: { target, options: options.split(" ").filter(Boolean) },
      });
    }
  });

  test("takes the command line of another server", () => {
    for (const words of [[], ["web"], ["4711"]]) {
      const program = ["unicorn", "-c", "/a.rb", "--", "x"];
      const line = parseCommandLine(["upgrade", ...words, "--", ...program]);
      assert.ok(line.kind === "control");
      assert.equal(line.command.target, words[0]);
      assert.deepEqual(line.command.program, program);
      assert.equal(line.command.pass, undefined);
    }
  });

  test("is asked by the control socket of a pool that is named otherwise", () => {
    for (const words of [[], ["web"], ["/run/prefork/web.sock"], ["4711"]]) {
      for (const runtime of [undefined, "/opt/node-28/bin/node", "bun"]) {
        if (words[0] === "4711" && runtime === undefined) continue;
        const more = runtime === undefined ? [] : ["--runtime-exec", runtime];
        const line = parseCommandLine(["upgrade", ...words, ...more]);
        assert.ok(line.kind === "control" && line.command.verb === "upgrade");
        assert.equal(line.command.target, words[0]);
        assert.equal(line.command.runtime, runtime);
      }
    }
  });

  test("says what it does not understand", () => {
    for (
      const [words, why] of [
        [["a.pid", "b"], /"b": one pool is asked at a time/],
        [["a.pid", "--soak"], /"--soak": there is no such option/],
        [["a.pid", "--runtime-exec", "/bin/sh"], /node, deno or bun/],
        [["a", "--"], /"--": it needs a program behind it/],
        [["a", "--pass", "nginx"], /"--pass": it needs a program, behind --/],
        [["--runtime-exec", "bun", "--", "x"], /"--runtime-exec" is for pref/],
        [["a", "b"], /"b": one pool is asked at a time/],
        [["a", "--soak"], /"--soak": there is no such option/],
        [["a", "--runtime-exec"], /needs the path/],
        [["a", "--runtime-exec", "/bin/sh"], /node, deno or bun/],
      ] as const
    ) {
      assert.throws(() => parseCommandLine(["upgrade", ...words]), why);
    }
  });
});
