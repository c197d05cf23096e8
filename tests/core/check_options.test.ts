import assert from "node:assert/strict";
import { checkOptions, OPTION_NAMES } from "../../core/options/check.ts";
import { show, whole } from "../../core/options/values.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";

/** Checks options as JavaScript gives them: of any type. */
const check = (options: Readonly<Record<string, unknown>>) =>
  checkOptions({ program: "app.js", ...options } as unknown as PoolOptions);

describe("what is assumed", () => {
  test("a program alone is enough", () => {
    const { listeners, ...rest } = check({});
    assert.deepEqual(listeners.map(({ name }) => name), [":8080"]);
    assert.deepEqual(rest, {
      program: "app.js",
      args: [],
      learns: false,
      workers: undefined,
      range: undefined,
      scaleUp: { at: 0.7, after: 5_000 },
      scaleDown: { at: 0.3, after: 60_000 },
      maxWorkers: undefined,
      standby: 0,
      share: "auto",
      balance: "round-robin",
      steer: "auto",
      rebalance: "on",
      weights: [],
      runtimes: undefined,
      runtimeArgs: [],
      privatePorts: false,
      open: "unprivileged",
      compileCache: undefined,
      cwd: undefined,
      env: {},
      envFile: [],
      umask: undefined,
      nice: 0,
      cpuAffinity: undefined,
      user: undefined,
      group: undefined,
      slotVariable: undefined,
      pass: "auto",
      stopSignal: undefined,
      readyLine: undefined,
      readyFd: undefined,
      readyNotify: false,
      output: "inherit",
      signals: undefined,
      upgradeCommand: undefined,
      pidFile: undefined,
      fdStore: undefined,
      notificationFd: undefined,
      name: undefined,
      control: "off",
      health: undefined,
      metrics: undefined,
      minReady: 1,
      statusFile: undefined,
      grace: 30_000,
      drainDelay: 0,
      keepOld: 0,
      idleGrace: 300,
      startTimeout: 60_000,
      hangTimeout: 30_000,
      stuckAfter: undefined,
      hangSignal: "none",
      hangStack: "signal",
      waitReady: false,
      check: undefined,
      checkTimeout: 5_000,
      watch: undefined,
      soak: 1_000,
      trial: 1_000,
      probation: 10_000,
      rollback: "park",
      maxSurge: 1,
      maxUnavailable: 0,
      hooks: {},
      restarts: { period: 60_000 },
      down: undefined,
      downAfter: 5_000,
      maxRequests: undefined,
      maxAge: undefined,
      maxRss: undefined,
      maxRssGrowth: undefined,
      recycleJitter: 0.1,
      memory: undefined,
    });
  });

  test("undefined is the same as not given", () => {
    const names = [
      ...["args", "listen", "workers", "maxWorkers", "share", "balance"],
      ...["runtime", "cwd", "env", "output", "signals", "grace", "idleGrace"],
      ...[
        "drainDelay",
        "hooks",
        "watch",
        "envFile",
        "umask",
        "nice",
        "cpuAffinity",
        "slotVariable",
      ],
      ...["startTimeout", "soak", "runtimeArgs", "waitReady"],
      ...[
        "fdStore",
        "notificationFd",
        "privatePorts",
        "weights",
        "compileCache",
      ],
      ...["maxSurge", "maxUnavailable"],
      ...["restarts", "downAfter"],
      ...["maxSurge", "maxUnavailable", "maxAge", "maxRss", "maxRssGrowth"],
      ...["recycleJitter", "maxRequests", "memory"],
      "upgradeCommand",
      ...["probation", "rollback", "check", "checkTimeout"],
      ...["upgradeCommand", "pidFile", "name", "control", "statusFile"],
      ...["restarts", "down", "downAfter", "health", "metrics", "minReady"],
    ];
    const all = Object.fromEntries(names.map((name) => [name, undefined]));
    assert.deepEqual(check(all), check({}));
  });

  test("what was given is not changed", () => {
    const options = Object.freeze({
      program: "app.js",
      args: Object.freeze(["-x"]),
      listen: Object.freeze([":1", ":2"]),
      env: Object.freeze({ A: "1" }),
      runtime: Object.freeze({ node: 2 }),
    });
    checkOptions(options);
  });
});

describe("valid values", () => {
  const valid: Readonly<Record<string, readonly unknown[]>> = {
    program: ["app.js", "./a b", "/bin/true"],
    args: [[], ["", "-x", "two words"]],
    workers: [1, 4, 1024],
    maxWorkers: [1, 1024],
    share: ["auto", "balanced", "shared", "sharded", "reuseport", "handoff"],
    steer: ["auto", "ebpf", "off"],
    rebalance: ["on", "off", "websockets"],
    balance: [
      "round-robin",
      "least-connections",
      "sticky",
      "sticky=cookie:connect.sid",
      "sticky=query:sid",
      "sticky=query:a[b].c%5B~",
    ],
    weights: [[], [1], [1, 1, 1, 0.158], [1000, 0.001]],
    runtimeArgs: [[], ["--inspect=0", "--smol"]],
    waitReady: [true, false],
    privatePorts: [true, false],
    fdStore: [true, false],
    notificationFd: [3],
    open: ["none", "unprivileged", "any"],
    compileCache: ["/var/cache/app", "off"],
    name: ["web", "a", "web-1.x_Y"],
    control: ["auto", "off", "/run/a.sock"],
    cwd: ["/srv", "."],
    env: [{}, { A: "1", B: "" }],
    envFile: [[], [".env", "/srv/b.env"]],
    umask: [0, 0o027, 0o777],
    nice: [0, 19],
    cpuAffinity: ["auto"],
    slotVariable: ["INSTANCE_ID", "_a1"],
    output: ["inherit", "lines"],
    signals: ["default", "unicorn", "gunicorn", "nginx"],
    grace: [0, 1, 2 ** 31 - 1],
    idleGrace: [0, 300],
    drainDelay: [0, 5_000],
    standby: [0, 1, 64],
    startTimeout: [0, 5_000],
    soak: [0, 1_000],
    restarts: [{ intensity: 0, period: 1 }, { period: 5_000 }],
    down: ["503", "refuse", "queue"],
    downAfter: [0, 5_000],
    hangTimeout: [0, 100, 60_000],
    hangSignal: ["SIGABRT", "none"],
    hangStack: ["signal", "thread", "none"],
  };
  for (const [name, values] of Object.entries(valid)) {
    test(`"${name}" is taken as it is`, () => {
      for (const value of values) {
        const config = check({ [name]: value });
        assert.deepEqual(config[name as keyof typeof config], value);
      }
    });
  }

  test('"workers" auto is left to the CPUs', () => {
    assert.equal(check({ workers: "auto" }).workers, undefined);
  });

  test("a part of a millisecond is rounded", () => {
    assert.equal(check({ grace: 1.6 }).grace, 2);
  });

  test("one runtime is a pattern of one", () => {
    for (const runtime of ["node", "deno", "bun", "exec"]) {
      assert.deepEqual(check({ runtime }).runtimes, [{ runtime, count: 1 }]);
    }
  });

  test("a mix says how many workers there are", () => {
    const config = check({ runtime: { node: 3, bun: 1 } });
    assert.equal(config.workers, 4);
    assert.deepEqual(config.runtimes, [
      { runtime: "node", count: 3 },
      { runtime: "bun", count: 1 },
    ]);
    const runtime = { deno: 1, exec: 1 };
    assert.equal(check({ runtime, workers: "auto" }).workers, 2);
    assert.equal(check({ runtime, workers: 2 }).workers, 2);
    assert.equal(check({ runtime: { node: 1 }, workers: 5 }).workers, 5);
  });

  test("several listeners keep their order, names and settings", () => {
    const { listeners } = check({
      listen: ["api=:80?share=sharded", "unix:/run/a.sock?backlog=9", ":81"],
    });
    assert.deepEqual(
      listeners.map(({ name, share, backlog }) => [name, share, backlog]),
      [
        ["api", "sharded", 4096],
        ["unix:/run/a.sock", undefined, 9],
        [":81", undefined, 4096],
      ],
    );
  });

  test("free ports without a name are listeners of their own", () => {
    assert.equal(check({ listen: [":0", ":0", "a=:0"] }).listeners.length, 3);
  });
});

describe("invalid values get an error with the name, the value and what is valid", () => {
  const count = "it must be a whole number from 1 to 1024";
  const time = "it must be a time in milliseconds from 0 to 2147483647";
  const shares = "balanced, shared, sharded, reuseport, handoff, auto";
  const runtimes = "it must be one of node, deno, bun, exec";
  const text = "it must be a string that is not empty";
  const invalid: readonly (readonly [string, unknown, string])[] = [
    ["program", undefined, `undefined for "program": ${text}`],
    ["program", "", `"" for "program": ${text}`],
    ["program", 5, `5 for "program": ${text}`],
    ["cwd", "", `"" for "cwd": ${text}`],
    ...["", "a/b", ".a", "-a", "a b", "a".repeat(49), 5].map((value) =>
      [
        "name",
        value,
        `${
          typeof value === "string" ? `"${value}"` : value
        } for "name": it must be 1 to 48 letters`,
      ] as const
    ),
    ["control", "", `"" for "control": ${text}`],
    ["control", true, `true for "control": ${text}`],
    ["cwd", 5, `5 for "cwd": ${text}`],
    ["args", "-x", `"-x" for "args": it must be an array of strings`],
    ["args", ["a", 1], '1 for "args[1]": it must be a string'],
    ["listen", [":1", 2], '2 for "listen[1]": it must be a string'],
    ...[0, -1, "x", 1e9, "4", 1.5, NaN, Infinity, null].map((value) =>
      [
        "workers",
        value,
        `${
          typeof value === "string" ? `"${value}"` : value
        } for "workers": ${count}, "auto" or a range such as { min: 2, max: 8 }`,
      ] as const
    ),
    ...[new Date(0), () => 2].map((value) =>
      ["workers", value, `${value} for "workers": ${count}, "auto"`] as const
    ),
    ["workers", { min: 2 }, `undefined for "workers.max": it must be`],
    ["maxWorkers", 0, `0 for "maxWorkers": ${count}`],
    ["maxWorkers", 1025, `1025 for "maxWorkers": ${count}`],
    ["maxWorkers", "9", `"9" for "maxWorkers": ${count}`],
    ["share", "both", `"both" for "share": it must be one of ${shares}`],
    ["open", "all", '"all" for "open": it must be one of none, unprivileged, '],
    ["steer", "no", '"no" for "steer": it must be one of auto, ebpf, off'],
    ["rebalance", true, 'true for "rebalance": it must be one of on, off, web'],
    ["share", 1, `1 for "share": it must be one of ${shares}`],
    ...["x", "sticky=", "sticky=cookie", "sticky=cookie:", "sticky=query:a=b"]
      .concat("sticky=cookie:a b", "sticky=query:", "sticky=path:x", "Sticky")
      .concat("sticky=query:ü", "sticky=query:a%", 'sticky=query:"a"')
      .concat("sticky=query:a b", "sticky=query:<a>", "sticky=query:%zz")
      .map((value) =>
        [
          "balance",
          value,
          `"${value}" for "balance": it must be one of round-robin, `,
        ] as const
      ),
    ["weights", 1, '1 for "weights": it must be an array of numbers'],
    ["weights", "1,1", '"1,1" for "weights": it must be an array of numbers'],
    ["weights", { 0: 1 }, '[object Object] for "weights": '],
    ...[0, -1, 1000.1, 0.0009, NaN, Infinity, "1", null, undefined].map((
      value,
    ) =>
      [
        "weights",
        [1, value],
        `${
          typeof value === "string" ? `"${value}"` : value
        } as the weight of slot 1: it must be a number from 0.001 to 1000`,
      ] as const
    ),
    // A hole.
    ["weights", Array(1), "undefined as the weight of slot 0: "],
    ["restarts", 5, '5 for "restarts": it must be an object such as {'],
    ["restarts", { intensity: -1 }, '-1 for "restarts.intensity": it must be'],
    ["restarts", { period: 0 }, '0 for "restarts.period": it must be a whole'],
    ["output", "x", '"x" for "output": it must be one of inherit, lines'],
    ["hooks", 1, '1 for "hooks": it must be an object of functions'],
    ["hooks", [], '[] for "hooks": it must be an object of functions'],
    ...[0.9, true, ["x"]].map((rule) =>
      [
        "scaleUp",
        rule,
        `${
          Array.isArray(rule) ? '["x"]' : rule
        } for "scaleUp": it must be an object such as { at: 0.7, after: `,
      ] as const
    ),
    [
      "listen",
      8080,
      '8080 for "listen": it must be an address such as ":8080"',
    ],
    ["runtime", ["node"], '["node"] for "runtime": it must be a name or an '],
    ["restarts", [5], '[5] for "restarts": it must be an object such as {'],
    ["user", NaN, 'NaN for "user": it must be a name or a number'],
    ["upgradeCommand", "", '"" for "upgradeCommand": it must be an array of'],
    [
      "hangStack",
      "x",
      '"x" for "hangStack": it must be one of signal, thread, none',
    ],
    ["hangTimeout", 99, '99 for "hangTimeout": it must be at least 100'],
    [
      "hangSignal",
      "TERM",
      '"TERM" for "hangSignal": it must be one of SIGABRT',
    ],
    ["standby", 65, '65 for "standby": it must be a whole number from 0 to 64'],
    ["drainDelay", "5s", '"5s" for "drainDelay": it must be a time in'],
    [
      "signals",
      "yes",
      '"yes" for "signals": it must be true, false or one of default, unicorn, gunicorn, nginx',
    ],
    ["env", "A=1", '"A=1" for "env": it must be an object of strings'],
    ["env", ["A=1"], '["A=1"] for "env": it must be an object of strings'],
    ["env", { A: 1 }, '1 for "env.A": it must be a string'],
    ["env", { "A=B": "1" }, '"A=B" as a name in "env": it must not be empty'],
    ["env", { "": "1" }, '"" as a name in "env": it must not be empty, nor '],
    [
      "env",
      Object.create(null, {
        A: { value: Object.create(null), enumerable: true },
      }),
      '[object Object] for "env.A": it must be a string',
    ],
    ["watch", "", '"" for "watch": it must be true, a glob such as "src/**"'],
    ["watch", ["a", "!"], '"!" for "watch": it must be true, a glob'],
    ["watch", [], '"[]" for "watch": it must be true, a glob'],
    ["watch", 5, '5 for "watch": it must be true, a glob'],
    ["envFile", "", `"" for "envFile": ${text}`],
    ["envFile", [""], `"" for "envFile": ${text}`],
    ["envFile", 5, '5 for "envFile": it must be an array of strings'],
    ...[-1, 0o1000, "8", "", "1777", "u=rwx", 2.5, null].map((value) =>
      [
        "umask",
        value,
        `${
          typeof value === "string" ? `"${value}"` : value
        } for "umask": it must be octal digits from 000 to 777, as in "027"`,
      ] as const
    ),
    [
      "nice",
      -5,
      `-5 for "nice": it must be a whole number from 0 to 19; less than 0 is for the whole pool: "nice -n -5 prefork`,
    ],
    ["nice", 20, '20 for "nice": it must be a whole number from 0 to 19'],
    ...["", "0,", "3-1", "x", "0-1-2", "-1", "0 1", 3].map((value) =>
      [
        "cpuAffinity",
        value,
        `${
          typeof value === "string" ? `"${value}"` : value
        } for "cpuAffinity": it must be auto, or an entry for each slot`,
      ] as const
    ),
    ["runtime", "ruby", `"ruby" for "runtime": ${runtimes}`],
    ["runtime", 5, `5 for "runtime": ${runtimes}`],
    ["runtime", null, `null for "runtime": ${runtimes}`],
    ["runtime", { ruby: 1 }, `"ruby" for "runtime": ${runtimes}`],
    ["runtime", { node: 0 }, `0 for "runtime.node": ${count}`],
    ["runtime", { node: "3" }, `"3" for "runtime.node": ${count}`],
    ["runtime", { node: 1000, bun: 1000 }, `2000 for "runtime": ${count}`],
    ...["grace", "idleGrace", "startTimeout", "soak", "downAfter"].flatMap((
      name,
    ) =>
      ([-1, 2 ** 31, NaN, Infinity, "5", null] as const)
        .map((value) =>
          [
            name,
            value,
            `${
              typeof value === "string" ? `"${value}"` : value
            } for "${name}": ${time}`,
          ] as const
        )
    ),
  ];
  for (const name of OPTION_NAMES) {
    test(`null for ${name} is a wrong value`, () => {
      const others = { output: "lines", user: "www-data" };
      assert.throws(() => check({ ...others, [name]: null }), {
        message: /^Cannot use null for "\w+": it must be /,
      });
    });
  }
  test("an array that is in itself", () => {
    const args: unknown[] = ["-x"];
    args.push(args);
    assert.throws(() => check({ args }), {
      name: "TypeError",
      message: 'Cannot use ["-x", [..]] for "args[1]": it must be a string',
    });
    assert.throws(() => check({ waitReady: args }), {
      name: "TypeError",
      message:
        'Cannot use ["-x", [..]] for "waitReady": it must be true or false',
    });
  });
  for (const [name, value, sentence] of invalid) {
    // How a function reads is the runner's.
    const given = typeof value === "function" ? "a function" : show(value);
    test(`${name}: ${JSON.stringify(value)} (${given})`, () => {
      assert.throws(() => check({ [name]: value }), (error) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.ok(
          error.message.startsWith(`Cannot use ${sentence}`),
          error.message,
        );
        return true;
      });
    });
  }

  test("a listener of bad form is refused by its own text", () => {
    assert.throws(() => check({ listen: [":80", "bad"] }), {
      message: /^Cannot listen on "bad": /,
    });
    assert.throws(() => check({ listen: ":80?share=both" }), {
      message: /^Cannot use "both" for "share": /,
    });
  });
});

describe("options that do not fit together", () => {
  const cannot: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ worker: 4 }, /there is no option "worker", did you mean "workers"\?$/],
    [{ colour: 4 }, /there is no option "colour", valid are program, args, /],
    [{ toString: 4 }, /there is no option "toString"/],
    [
      { listen: [":80", ":80"] },
      /two listeners are named ":80", give each its own as in "api=:8080"/,
    ],
    [{ listen: ["a=:80", "a=:81"] }, /two listeners are named "a"/],
    [{ listen: ["a=:80", "a=:0"] }, /two listeners are named "a"/],
    [{ listen: ["a=:0", "a=:0"] }, /two listeners are named "a"/],
    [
      { runtime: { node: 3, bun: 1 }, workers: 5 },
      /"workers" is 5 but "runtime" adds up to 4, leave "workers" out/,
    ],
    [
      { runtime: { node: 3, bun: 1 }, workers: 3 },
      /"workers" is 3 but "runtime" adds up to 4/,
    ],
    ...["shared", "sharded", "reuseport", "handoff"].map((share) =>
      [
        { weights: [1, 2], share },
        /"weights" count in "balanced" only, and no listener is shared so, leave "share" or "weights" out$/,
      ] as const
    ),
    [
      { weights: [1, 1], listen: [":1?share=shared", ":2?share=handoff"] },
      /"weights" count in "balanced" only/,
    ],
    [{ weights: [1, 1], listen: [] }, /"weights" count in "balanced" only/],
    [{ runtime: {} }, /"runtime" is empty, valid are node, deno, bun, exec/],
  ];
  for (const [options, pattern] of cannot) {
    test(JSON.stringify(options), () => {
      assert.throws(() => check(options), (error) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.match(error.message, /^Cannot create a pool: /);
        assert.match(error.message, pattern);
        return true;
      });
    });
  }

  test("the most workers cannot be fewer than the workers", () => {
    assert.throws(() => check({ workers: 4, maxWorkers: 3 }), {
      message:
        'Cannot use 3 for "maxWorkers": it must be a whole number from 4 to 1024',
    });
  });
});

test("where the program listens is for the program to say", () => {
  const { listeners, learns } = check({
    listen: "program",
    share: "balanced",
    weights: [1, 2],
  });
  assert.deepEqual([listeners, learns], [[], true]);
  assert.throws(
    () => check({ listen: "program", share: "handoff", weights: [1] }),
    { message: /"weights" count in "balanced" only/ },
  );
});

test("a whole number in range is given back", () => {
  assert.equal(whole("n", 3, 3, 3), 3);
  assert.throws(() => whole("n", 4, 3, 3), {
    name: "RangeError",
    message: 'Cannot use 4 for "n": it must be a whole number from 3 to 3',
  });
});

test("weights are taken where a listener may be balanced", () => {
  const weights = [1, 2];
  for (
    const options of [
      {},
      { share: "auto" },
      { share: "balanced" },
      { share: "shared", listen: [":1", ":2?share=balanced"] },
      { share: "sharded", listen: ":1?share=auto" },
    ]
  ) {
    assert.deepEqual(check({ ...options, weights }).weights, weights);
  }
  assert.notEqual(check({ weights }).weights, weights);
});

describe("an id behind TLS", () => {
  const listen = "web=:443?cert=/c.pem&key=/k.pem";
  const balance = "sticky=cookie:sid";

  test("cannot be seen by the supervisor", () => {
    for (
      const options of [
        { listen, share: "handoff", balance },
        { listen: `${listen}&share=handoff`, balance: "sticky=query:sid" },
      ] as const
    ) {
      assert.throws(() => check(options), {
        name: "TypeError",
        message:
          /"balance" is "sticky=.*", but on "web" only the worker sees what TLS hides, use "sticky" or end TLS in front of the pool$/,
      });
    }
  });

  test("is not asked for by address, or in another mode", () => {
    check({ listen, share: "handoff", balance: "sticky" });
    check({ listen, share: "shared", balance });
    check({ listen: ["a=:80?share=handoff", listen], balance });
  });
});

describe("a member of an option that it does not have", () => {
  const cases = [
    [{ workers: { min: 1, max: 2, mx: 3 } }, "mx", "workers", "max"],
    [{ scaleUp: { att: 0.5 } }, "att", "scaleUp", "at"],
    [{ scaleDown: { afer: 5 } }, "afer", "scaleDown", "after"],
    [{ restarts: { periods: 5 } }, "periods", "restarts", "period"],
  ] as const;
  for (const [given, member, option, meant] of cases) {
    test(`${option}.${member}`, () => {
      const options = { program: "app.js", ...given } as unknown;
      assert.throws(() => checkOptions(options as PoolOptions), {
        name: "TypeError",
        message:
          `Cannot create a pool: there is no "${member}" in "${option}", did you mean "${meant}"?`,
      });
    });
  }
  test("is named with what there is, where it is like nothing", () => {
    const options = {
      ...{ program: "app.js", workers: { min: 1, max: 2, step: 1 } },
    } as unknown;
    assert.throws(() => checkOptions(options as PoolOptions), {
      message:
        'Cannot create a pool: there is no "step" in "workers", valid are min, max',
    });
  });
});
