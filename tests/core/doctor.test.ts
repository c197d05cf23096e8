/**
 * What is judged of machines, and what mends them.
 *
 * Runs once, under vitest: it judges plain data.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { textOf } from "../../cli/doctor.ts";
import { findingsOf } from "../../core/doctor/doctor.ts";
import { type PoolFacts, poolFindings } from "../../core/doctor/pool.ts";
import type { KernelFacts, MachineFacts } from "../../core/doctor/facts.ts";
import type { Finding } from "../../core/doctor/finding.ts";
import { OLDEST, tooOld } from "../../core/doctor/version.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";

const MIB = 2 ** 20;

/** A machine on which everything is well. */
const WELL: MachineFacts = {
  platform: "linux",
  runtime: "node",
  version: "26.10.0",
  share: {
    balanced: true,
    shared: true,
    sharded: true,
    reuseport: true,
    handoff: true,
  },
  noLibc: undefined,
  kernel: {
    longestQueue: 4096,
    resetsWhenFull: false,
    migrates: 0,
    ephemeral: [32768, 60999],
    reserved: "",
    firstUnprivileged: 1024,
  },
  picks: true,
  cpus: 4,
  memoryLimit: undefined,
  memoryShare: undefined,
  openFiles: 1_048_576,
  pid: 4711,
  first: undefined,
  privileged: false,
  notifies: false,
  notifyCommand: false,
  packageManager: undefined,
  proc: true,
  procHides: false,
  control: [{ directory: "/run/user/1000/prefork", problem: undefined }],
  runtimes: { deno: "2.9.5", bun: "1.4.4" },
};

/** What is found where some facts and options differ. */
function found(
  facts: Partial<MachineFacts> = {},
  options: Partial<PoolOptions> = {},
): readonly Finding[] {
  const config = checkOptions({
    program: "server.js",
    listen: "program",
    control: "auto",
    ...options,
  });
  const runtimes = config.runtimes?.map(({ runtime }) => runtime) ?? ["node"];
  return findingsOf({ ...WELL, ...facts }, { config, runtimes });
}

const kernel = (facts: Partial<KernelFacts>): Partial<MachineFacts> => ({
  kernel: { ...WELL.kernel, ...facts },
});

interface Case {
  readonly name: string;
  readonly facts?: Partial<MachineFacts>;
  readonly options?: Partial<PoolOptions>;
  /** The one finding that is not ok. */
  readonly is: readonly [
    verdict: "note" | "problem",
    subject: string,
    text: RegExp,
    mend: string | undefined,
  ];
}

const CASES: readonly Case[] = [
  {
    name: "a process that may not have the kernel pick",
    facts: { picks: "this process lacks CAP_BPF; systemd gives it by .." },
    options: { listen: ":8080" },
    is: [
      "note",
      "steering",
      /^the kernel does not pick the least loaded worker: this process lacks CAP_BPF; systemd/,
      undefined,
    ],
  },
  {
    name: "a short accept queue",
    facts: kernel({ longestQueue: 128 }),
    is: [
      "problem",
      "accept queue",
      /each listener at 128 instead of 4096$/,
      "sysctl -w net.core.somaxconn=4096",
    ],
  },
  {
    name: "an accept queue that is shorter than one listener's",
    options: { listen: [":8080?backlog=9000", ":8081"] },
    is: [
      "problem",
      "accept queue",
      /:8080 at 4096 instead of 9000$/,
      "sysctl -w net.core.somaxconn=9000",
    ],
  },
  {
    name: "a queue that resets who finds it full",
    facts: kernel({ resetsWhenFull: true }),
    is: [
      "problem",
      "accept queue",
      /is reset/,
      "sysctl -w net.ipv4.tcp_abort_on_overflow=0",
    ],
  },
  {
    name: "reuseport without migration",
    options: { share: "reuseport" },
    is: [
      "problem",
      "reuseport",
      /resets the connections in its queue/,
      "sysctl -w net.ipv4.tcp_migrate_req=1",
    ],
  },
  {
    name: "reuseport for one listener",
    options: { listen: ":8080?share=reuseport" },
    is: [
      "problem",
      "reuseport",
      /resets/,
      "sysctl -w net.ipv4.tcp_migrate_req=1",
    ],
  },
  {
    name: "a port that connections to elsewhere get",
    facts: kernel({ reserved: "40001-40009" }),
    options: { listen: ":40000" },
    is: [
      "note",
      "ports",
      /have port 40000/,
      "sysctl -w net.ipv4.ip_local_reserved_ports=40001-40009,40000",
    ],
  },
  {
    name: "a privileged port",
    options: { listen: [":443", ":80"] },
    is: [
      "problem",
      "ports",
      /port 80 is for the privileged/,
      "sysctl -w net.ipv4.ip_unprivileged_port_start=80",
    ],
  },
  {
    name: "far more workers than CPUs",
    options: { workers: 40 },
    is: ["note", "CPUs", /^4 granted .* for 40 workers/, "-w 4"],
  },
  {
    name: "a limit of the cgroup that no worker knows of",
    facts: { memoryLimit: 2048 * MIB, memoryShare: 400 * MIB },
    is: ["note", "memory", /at 2048\.0 MiB/, "--memory auto"],
  },
  {
    name: "a limit that is too little for the workers",
    facts: { memoryLimit: 256 * MIB, memoryShare: 50 * MIB },
    is: [
      "problem",
      "memory",
      /256\.0 MiB, 50\.0 MiB for each worker/,
      "a higher limit of the cgroup, or fewer workers (-w), and --memory auto",
    ],
  },
  {
    name: "more memory than the cgroup has",
    facts: { memoryLimit: 256 * MIB, memoryShare: 200 * MIB },
    options: { memory: 1024 * MIB },
    is: [
      "problem",
      "memory",
      /before the pool has the 1024\.0 MiB/,
      `give less, or "auto"`,
    ],
  },
  {
    name: "too few open files for the supervisor",
    facts: { openFiles: 128 },
    is: [
      "problem",
      "open files",
      /a supervisor of 4 workers wants 160$/,
      "ulimit -n 65536 (systemd: LimitNOFILE=65536)",
    ],
  },
  {
    name: "few open files for connections",
    facts: { openFiles: 1024 },
    is: [
      "note",
      "open files",
      /holds fewer connections/,
      "ulimit -n 65536 (systemd: LimitNOFILE=65536)",
    ],
  },
  {
    name: "a shell as process 1",
    facts: { first: "/bin/sh -c prefork -w 4 server.js" },
    is: [
      "problem",
      "process 1",
      /hands on no SIGTERM/,
      `exec prefork .. in it, or CMD ["prefork", ..] without a shell`,
    ],
  },
  {
    name: "npm in front",
    facts: { packageManager: "npm start" },
    is: [
      "note",
      "package manager",
      /"npm start" stays in front/,
      "node_modules/.bin/prefork ..",
    ],
  },
  {
    name: "npm between systemd and the pool",
    facts: { packageManager: "npm start", notifies: true },
    is: [
      "problem",
      "service manager",
      /hears its main process alone/,
      "ExecStart=.../node_modules/.bin/prefork .. (or NotifyAccess=all, without upgrades)",
    ],
  },
  {
    name: "no /proc",
    facts: { proc: false },
    is: [
      "note",
      "/proc",
      /cannot be read/,
      "mount -t proc proc /proc (Deno: --allow-ffi or --allow-all)",
    ],
  },
  {
    name: "a /proc that hides others",
    facts: { procHides: true },
    is: ["note", "/proc", /hides/, "mount -o remount,hidepid=0 /proc"],
  },
  {
    name: "no place for a control socket",
    facts: {
      control: [
        { directory: "/run/prefork", problem: "cannot be made" },
        { directory: "/tmp/prefork-1000", problem: "belongs to the user 0" },
      ],
    },
    is: [
      "note",
      "control",
      /"\/run\/prefork" cannot be made, "\/tmp\/prefork-1000" belongs to/,
      "--control PATH in a directory of this user alone",
    ],
  },
  {
    name: "a runtime that is asked for and not there",
    facts: { runtimes: {} },
    options: { runtime: "bun" },
    is: ["problem", "runtimes", /no "bun" in PATH/, "install bun 1.4 or later"],
  },
  {
    name: "a runtime that is too old and asked for",
    facts: { runtimes: { deno: "2.8.9" } },
    options: { runtime: "deno" },
    is: [
      "problem",
      "runtimes",
      /deno 2\.8\.9 is too old/,
      "install deno 2.9 or later",
    ],
  },
  {
    name: "a runtime that is too old and not asked for",
    facts: { runtimes: { deno: "1.46.0" } },
    is: ["note", "runtimes", /deno 1\.46\.0/, "install deno 2.9 or later"],
  },
  {
    name: "a supervisor that is too old",
    facts: { version: "22.11.1" },
    is: ["problem", "runtimes", /node 22\.11/, "install node 22.12 or later"],
  },
  {
    name: "workers on Deno that may not call libc",
    options: { runtime: "deno", runtimeArgs: ["--allow-net", "--allow-env"] },
    is: ["note", "native servers", /Deno\.serve/, "--runtime-arg --allow-ffi"],
  },
  {
    name: "a share mode that cannot work",
    facts: {
      share: {
        ...WELL.share,
        sharded: { reason: "it is no Linux", instead: `"shared"` },
      },
    },
    options: { share: "sharded" },
    is: ["problem", "share modes", /sharded does not work/, `"shared"`],
  },
  {
    name: "a Node without libc",
    facts: { noLibc: "this version of Node has no node:ffi" },
    is: [
      "note",
      "libc",
      /no node:ffi/,
      "Node 26.9 or later, with --allow-ffi under --permission",
    ],
  },
];

describe("a machine", () => {
  test("on which everything is well has only good findings", () => {
    const findings = found();
    assert.deepEqual(findings.filter(({ verdict }) => verdict !== "ok"), []);
    assert.ok(findings.length >= 10);
  });

  for (const { name, facts, options, is } of CASES) {
    test(`with ${name}`, () => {
      const bad = found(facts, options).filter(({ verdict }) =>
        verdict !== "ok"
      );
      assert.equal(bad.length, 1, JSON.stringify(bad));
      const [verdict, subject, text, mend] = is;
      assert.equal(bad[0]!.verdict, verdict);
      assert.equal(bad[0]!.subject, subject);
      assert.match(bad[0]!.text, text);
      assert.equal(bad[0]!.mend, mend);
    });
  }

  test("is judged by what its mending says", () => {
    for (
      const [facts, options] of [
        [kernel({ reserved: "40000" }), { listen: ":40000" }],
        [kernel({ firstUnprivileged: 80 }), { listen: ":80" }],
        [{ privileged: true }, { listen: ":80" }],
        [kernel({ migrates: 1 }), { share: "reuseport" }],
        [kernel({ longestQueue: 9000 }), { listen: ":8080?backlog=9000" }],
        [
          { memoryLimit: 2048 * MIB, memoryShare: 400 * MIB },
          { memory: "auto" },
        ],
        [{ first: "/sbin/init splash" }, {}],
        [{ first: "/bin/bash -l" }, {}],
        [{ pid: 1 }, {}],
        [
          {},
          { runtime: "deno", runtimeArgs: ["--allow-net", "--allow-ffi"] },
        ],
      ] as const
    ) {
      const bad = found(facts, options).filter(({ verdict }) =>
        verdict !== "ok"
      );
      assert.deepEqual(bad, []);
    }
  });

  test("on which Deno does not allow to look has that finding alone", () => {
    const config = checkOptions({ program: "server.js" });
    const findings = findingsOf({ missing: ["--allow-env", "--allow-run"] }, {
      config,
      runtimes: ["deno"],
    });
    assert.equal(findings.length, 1);
    assert.equal(findings[0]!.mend, "deno run --allow-env --allow-run ..");
  });

  test("that can do reuseport alone is judged by it", () => {
    const refusal = { reason: "there is no libc", instead: "--allow-ffi" };
    const bad = found({
      share: {
        balanced: refusal,
        shared: refusal,
        sharded: refusal,
        reuseport: true,
        handoff: refusal,
      },
    }).filter(({ verdict }) => verdict !== "ok");
    assert.deepEqual(
      bad.map(({ verdict, subject }) => `${verdict} ${subject}`),
      ["note share modes", "problem reuseport"],
    );
  });

  test("without libc tells its service manager by systemd-notify, if at all", () => {
    const manager = (notifyCommand: boolean) =>
      found({ notifies: true, notifyCommand, noLibc: "this is Node 24" })
        .find(({ subject }) => subject === "service manager")!;
    const without = manager(false);
    assert.equal(without.verdict, "problem");
    assert.match(without.text, /cannot, because this is Node 24/);
    const told = manager(true);
    assert.equal(told.verdict, "note");
    assert.match(
      told.text,
      /told by systemd-notify, .* this is Node 24: no up/,
    );
    assert.match(told.mend!, /^NotifyAccess=all/);
  });

  test("whose runtimes are the oldest supported is well", () => {
    const { engines } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    for (const [name, oldest] of Object.entries(OLDEST)) {
      assert.equal(engines[name], `>=${oldest}`);
      assert.equal(
        tooOld({ node: "26.10.0", [name]: `${oldest}.0` }),
        undefined,
      );
    }
    assert.match(
      tooOld({ node: "22.11.9" })!,
      /^Cannot run on node 22\.11\.9: it must be node 22\.12 or later, install/,
    );
    // These name a Node that they are like.
    assert.match(tooOld({ node: "26.0.0", bun: "1.3.14" })!, /on bun 1\.3\.14/);
    assert.match(tooOld({ node: "26.0.0", deno: "1.46.3" })!, /on deno 1\.46/);
  });
});

test("a finding is a line, what mends it the next, and the last one sums up", () => {
  assert.equal(
    textOf([
      { verdict: "ok", subject: "ports", text: "fine" },
      { verdict: "problem", subject: "CPUs", text: "none", mend: "-w 0" },
      { verdict: "note", subject: "a", text: "b", mend: "c" },
    ]),
    `ok       ports  fine
problem  CPUs   none
                mend: -w 0
note     a      b
                mend: c

1 problem, 1 note
`,
  );
});

describe("a pool that runs", () => {
  const worker = {
    slot: 0,
    generation: 1,
    pid: 2,
    state: "ready",
    runtime: "node",
    age: 1,
    restarts: 0,
    rss: 100 * 2 ** 20,
    ...{ connections: 0, accepted: 0, passedOn: 0, takenOver: 0 },
  } as const;
  const listener = {
    name: "a",
    address: "[::]:80",
    share: "balanced",
  } as const;
  const facts: PoolFacts = {
    name: "web",
    pid: 1,
    status: {
      state: "running",
      generation: 1,
      reload: undefined,
      wanted: 1,
      ready: 1,
      listeners: [{ ...listener, queue: { length: 1, limit: 100 } }],
      workers: [worker],
      waiting: 0,
    },
    files: [
      { whose: "the supervisor", open: 50, limit: 1000 },
      { whose: "the worker of slot 0", open: 100, limit: 1000 },
    ],
    memoryLimit: 2 ** 30,
    rss: 50 * 2 ** 20,
  };
  const bad = (more: Partial<PoolFacts>): string[] =>
    poolFindings({ ...facts, ...more }).flatMap(({ verdict, subject, text }) =>
      verdict === "ok" ? [] : [`${verdict} ${subject}: ${text}`]
    );
  const status = (more: Partial<PoolFacts["status"]>) => ({
    status: { ...facts.status, ...more },
  });

  test("is well, or it is said what is not", () => {
    assert.deepEqual(bad({}), []);
    assert.equal(poolFindings(facts).length, 4);
    assert.deepEqual(bad(status({ state: "down", ready: 0 })), [
      'problem pool: "web" (pid 1) is down, 0 of 1 workers are ready, generation 1',
    ]);
    assert.deepEqual(bad(status({ wanted: 0, ready: 0 })), [
      'note pool: "web" (pid 1) is running, 0 of 0 workers are ready, generation 1',
    ]);
    assert.deepEqual(bad(status({ workers: [{ ...worker, restarts: 2 }] })), [
      "note crashes: workers were started anew after one: slot 0 2 times",
    ]);
    const full = { ...listener, queue: { length: 90, limit: 100 } };
    assert.deepEqual(bad(status({ listeners: [full, listener] })), [
      "problem accept queue: 90 of 100 wait to be accepted on [::]:80: who comes when it is full is not let in",
    ]);
    assert.deepEqual(
      bad({ files: [{ whose: "the supervisor", open: 900, limit: 1000 }] }),
      ["problem open files: the supervisor has 900 of 1000"],
    );
    assert.deepEqual(bad({ memoryLimit: 160 * 2 ** 20 }), [
      "problem memory: supervisor and workers hold 150.0 MiB, the cgroup's limit is 160.0 MiB",
    ]);
  });
});
