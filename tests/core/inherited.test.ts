/** What parents say of their sockets, in every format, and what is made of it. */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import {
  announcements,
  isParentVariable,
} from "../../core/inherited/environment.ts";
import { chooseInherited, inheritedBy } from "../../core/inherited/match.ts";
import { succeeded } from "../../core/inherited/heritage.ts";
import type { SocketFacts } from "../../core/inherited/socket.ts";
import { formatAddress, parseListener } from "../../core/options/address.ts";
import type { Heritage } from "../../core/listeners/heritage.ts";
import { checkOptions } from "../../core/options/check.ts";
import { WHERE_PROGRAM } from "../../core/options/options.ts";
import { chooseListeners } from "../../core/preflight.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

type Env = Readonly<Record<string, string>>;

/** The process of the tests is 1000, and its parent 999. */
function read(env: Env, pidfd?: string) {
  const self = {
    pid: 1000,
    parentPid: 999,
    pidfdId: () => pidfd,
    ancestor: () => undefined,
  };
  return announcements(env, self);
}

/** A systemd that has passed on so many sockets to the process of the tests. */
function systemd(count: number | string, more: Env = {}): Env {
  return { LISTEN_PID: "1000", LISTEN_FDS: String(count), ...more };
}

describe("the sockets that a parent announces", () => {
  const cases: readonly (readonly [string, Env, readonly string[]])[] = [
    ["nothing", {}, []],
    ["systemd", systemd(1), ["3 unknown"]],
    ["systemd, none", systemd(0), []],
    ["systemd, none by names", systemd(0, { LISTEN_FDNAMES: "" }), []],
    ["systemd, a name twice", systemd(3, { LISTEN_FDNAMES: "web:web:api" }), [
      "3 web",
      "4 web",
      "5 api",
    ]],
    [
      "Server::Starter: ports first, then paths; a UDP port has lost its u",
      {
        SERVER_STARTER_PORT:
          "127.0.0.1:9000=4;5353=5;[::1]:80=7;/tmp/x=y.sock=6",
      },
      ["4 127.0.0.1:9000", "5 5353", "7 [::1]:80", "6 /tmp/x=y.sock"],
    ],
    ["Server::Starter, none", { SERVER_STARTER_PORT: "" }, []],
    [
      "Einhorn, with gaps",
      {
        EINHORN_MASTER_PID: "999",
        EINHORN_FD_COUNT: "2",
        EINHORN_FD_0: "7",
        EINHORN_FD_1: "9",
      },
      ["7", "9"],
    ],
    ["Unicorn", { UNICORN_FD: "7,8" }, ["7", "8"]],
    ["Gunicorn", { GUNICORN_PID: "999", GUNICORN_FD: "6,7" }, ["6", "7"]],
    [
      "Puma",
      {
        PUMA_INHERIT_0: "7:tcp://0.0.0.0:9292",
        PUMA_INHERIT_1: "8:unix:///run/x",
      },
      ["7 tcp://0.0.0.0:9292", "8 unix:///run/x"],
    ],
    ["nginx", { NGINX: "6;7;" }, ["6", "7"]],
    ["nginx, by colons", { NGINX: "6:7:" }, ["6", "7"]],
    ["NGINX for something else", { NGINX: "/usr/sbin/nginx" }, []],
    ["PHP-FPM", { FPM_SOCKETS: "127.0.0.1:9201=8,/path=9" }, [
      "8 127.0.0.1:9201",
      "9 /path",
    ]],
    ["two that name the same one", { ...systemd(1), UNICORN_FD: "3,8" }, [
      "3 unknown",
      "8",
    ]],
  ];
  for (const [what, env, wanted] of cases) {
    test(what, () => {
      const { sockets, problems, ignored } = read(env);
      const told = sockets.map(({ fd, name, text }) =>
        [fd, name ?? text].filter((part) => part !== undefined).join(" ")
      );
      assert.deepEqual(told, wanted);
      assert.deepEqual(problems, []);
      assert.equal(ignored.size, 0);
      for (const [name, value] of Object.entries(env)) {
        const isOther = value.startsWith("/usr");
        assert.equal(isParentVariable(name, value), !isOther, name);
      }
    });
  }

  test("those of another process are none of this one", () => {
    const others: readonly (readonly [Env, RegExp])[] = [
      [{ LISTEN_FDS: "1" }, /^LISTEN_PID is not set$/],
      [
        systemd(1, { LISTEN_PID: "7" }),
        /^LISTEN_PID is 7 and this process is 1000$/,
      ],
      [systemd(1, { LISTEN_PIDFDID: "55" }), /^LISTEN_PIDFDID is 55 .* is 56$/],
      [
        { EINHORN_MASTER_PID: "7", EINHORN_FD_COUNT: "1", EINHORN_FD_0: "7" },
        /^EINHORN_MASTER_PID is 7 and the parent of this one is 999$/,
      ],
      [{ GUNICORN_PID: "7", GUNICORN_FD: "6" }, /^GUNICORN_PID is 7 /],
    ];
    for (const [env, why] of others) {
      const { sockets, problems, ignored } = read(env, "56");
      assert.deepEqual([sockets, problems], [[], []]);
      assert.match([...ignored.values()].join(), why);
    }
    // The kernel has none of its own: the pid alone counts.
    assert.equal(
      read(systemd(1, { LISTEN_PIDFDID: "55" })).sockets.length,
      1,
    );
  });

  const junk: readonly Env[] = [
    ...["x", "-1", "1.5", "99999", "1e3", " ", "99999999999"].map((count) =>
      systemd(count)
    ),
    systemd(1, { LISTEN_PID: "0x10" }),
    systemd(2, { LISTEN_FDNAMES: "web" }),
    systemd(1, { LISTEN_FDNAMES: "" }),
    ...["x", "8080", "8080=", "=4", "8080=x", "8080=4;", ";"].map((text) => ({
      SERVER_STARTER_PORT: text,
    })),
    { EINHORN_FD_COUNT: "x" },
    { EINHORN_FD_COUNT: "2", EINHORN_FD_0: "7" },
    ...["", "x", "7,", "7 8", "-7"].map((text) => ({ UNICORN_FD: text })),
    { GUNICORN_FD: "six" },
    ...["", "7", "x:tcp://a", "7:"].map((text) => ({ PUMA_INHERIT_0: text })),
    { FPM_SOCKETS: "127.0.0.1:9000" },
    { UNICORN_FD: `${"7,".repeat(1000)}x` },
  ];
  for (const env of junk) {
    const title = JSON.stringify(env).slice(0, 70);
    test(`junk is told of: ${title}`, () => {
      const { sockets, problems } = read(env);
      assert.deepEqual(sockets, []);
      assert.equal(problems.length, 1);
      const [problem = ""] = problems;
      assert.match(
        problem,
        /^[A-Z_]+\d* is ".*" and should name .* as in ".*": unset it/,
      );
      assert.ok(problem.length < 250, problem);
    });
  }
});

/** A world whose parent has passed on web (3), api (4) and one at [::] (5). */
function world(env: Env = {}): MemoryWorld {
  const made = new MemoryWorld();
  const names = { LISTEN_FDNAMES: "web:api:unknown" };
  Object.assign(made.env, systemd(3, { ...names, ...env }));
  made.inherited.listening(3, "127.0.0.1", 9000)
    .listening(4, "127.0.0.1", 9001)
    .listening(5, "", 9002);
  return made;
}

/** Where it listens, when it is asked for these. */
function chosen(made: MemoryWorld, asked?: readonly string[]) {
  const { host } = made.adapter;
  const specs = asked?.map(parseListener);
  const { specs: found, notes } = chooseInherited(
    specs,
    inheritedBy(host),
    host,
  );
  const told = found?.map(({ name, address }) => {
    const fd = address.kind === "fd" ? `=${address.fd}` : "";
    return `${name} ${formatAddress(address)}${fd}`;
  });
  return { told, notes };
}

describe("listeners among them", () => {
  const cases: readonly (readonly [readonly string[], string, number])[] = [
    [["systemd:"], "web systemd:web=3, api systemd:api=4, 5", 0],
    [["systemd:api"], "api systemd:api=4", 2],
    [["mine=systemd:api"], "mine systemd:api=4", 2],
    [["127.0.0.1:9000"], "127.0.0.1:9000 127.0.0.1:9000=3", 2],
    [["x=127.0.0.1:9000?backlog=9"], "x 127.0.0.1:9000=3", 2],
    [["localhost:9001"], "localhost:9001 localhost:9001=4", 2],
    [[":9002"], ":9002 :9002=5", 2],
    [["[::]:9002"], "[::]:9002 [::]:9002=5", 2],
    // Another address: the kernel says whether it is free.
    [["0.0.0.0:9002"], "0.0.0.0:9002 0.0.0.0:9002", 3],
    [[":9000"], ":9000 :9000", 3],
    [["127.0.0.1:0"], "127.0.0.1:0 127.0.0.1:0", 3],
    [["fd:4"], "fd:4 fd:4=4", 2],
  ];
  for (const [asked, wanted, notes] of cases) {
    test(asked.join(" "), () => {
      const made = chosen(world(), asked);
      const [first] = wanted.split(", ");
      assert.equal(made.told?.[0], first);
      if (asked[0] !== "systemd:") assert.equal(made.told?.length, 1);
      else assert.equal(made.told?.length, 3);
      assert.equal(made.notes.length, notes, made.notes.join("\n"));
      for (const note of made.notes) assert.match(note, /^nobody accepts on /);
    });
  }

  test("all where nothing is asked for", () => {
    const { told, notes } = chosen(world());
    assert.deepEqual([told?.length, notes], [3, []]);
    assert.deepEqual(chosen(new MemoryWorld()), { told: undefined, notes: [] });
  });

  test("a name that two sockets have is no listener's", () => {
    const made = world({ LISTEN_FDNAMES: "web:web:web" });
    assert.deepEqual(chosen(made, ["systemd:web"]).told, [
      "systemd:web systemd:web=3",
      "systemd:web systemd:web=4",
      "systemd:web systemd:web=5",
    ]);
    assert.throws(() => chosen(made, ["x=systemd:web"]), {
      code: "ERR_BIND",
      message: /3 sockets would all be "x", leave "x=" out/,
    });
  });

  test("a Unix path, relative and absolute; a host as the parent wrote it", () => {
    const made = new MemoryWorld();
    Object.assign(made.env, {
      SERVER_STARTER_PORT: "app.internal:80=6;web.sock=7",
    });
    made.inherited.listening(6, "10.0.0.1", 80);
    made.inherited.set(7, unix("web.sock"));
    assert.deepEqual(
      chosen(made, ["app.internal:80", "unix:/here/web.sock"]).told,
      [
        "app.internal:80 app.internal:80=6",
        "unix:/here/web.sock unix:/here/web.sock=7",
      ],
    );
  });

  test("one of UDP, by its address, its name, or as one of all", () => {
    const made = world();
    made.inherited.set(4, {
      address: { kind: "udp", host: "0.0.0.0", port: 53 },
      type: "datagram",
      family: "IPv4",
      listens: false,
      blocks: true,
    });
    assert.deepEqual(chosen(made, ["udp://:53", "systemd:web", "[::]:9002"]), {
      told: [
        "udp://0.0.0.0:53 udp://0.0.0.0:53",
        "web systemd:web=3",
        "[::]:9002 [::]:9002=5",
      ],
      notes: [],
    });
    assert.deepEqual(chosen(made, ["systemd:api"]).told, [
      "api udp://0.0.0.0:53",
    ]);
    assert.equal(chosen(made).told?.[1], "api udp://0.0.0.0:53");
    const handed = [
      { asked: "udp://0.0.0.0:53", name: "api", inherited: true },
      { asked: "udp://0.0.0.0:54", name: "api" },
    ];
    for (const by of ["systemd:", "systemd:api"]) {
      assert.deepEqual(
        succeeded([parseListener(by)], handed).map(({ name, address }) =>
          `${name} ${formatAddress(address)}`
        ),
        ["api udp://0.0.0.0:53"],
      );
    }
  });

  test("an address of a monitor is asked for too", () => {
    const { host } = world().adapter;
    const specs = ["systemd:web", "fd:4"].map(parseListener);
    const others = [undefined, parseListener(":9002")];
    const { notes } = chooseInherited(specs, inheritedBy(host), host, others);
    assert.deepEqual(notes, []);
    const all = chooseInherited(undefined, inheritedBy(host), host, others);
    assert.equal(all.specs?.length, 2);
  });

  test("others that wait in accept(2) on one of them are named", () => {
    const made = world();
    made.inherited.neighbours.set(3, [`process 7 ("starman")`]);
    const told = chosen(made, ["systemd:web", "systemd:api", ":9002"]);
    assert.deepEqual(told.notes, [
      `accept(2) on "127.0.0.1:9000" (descriptor 3) waits no more (O_NONBLOCK), also in process 7 ("starman"): what accepts there has to expect EAGAIN`,
    ]);
  });

  test("a successor has them by what its predecessor has asked for", () => {
    const handed = [
      { asked: "systemd:web", name: "web" },
      { asked: "systemd:web", name: "127.0.0.1:1" },
      { asked: ":80", name: "api" },
    ];
    const names = (text: string) =>
      succeeded([parseListener(text)], handed).map(({ name }) => name);
    assert.deepEqual(names("systemd:web"), ["web", "127.0.0.1:1"]);
    assert.deepEqual(names("systemd:"), ["web", "127.0.0.1:1"]);
    assert.deepEqual(names(":80"), [":80"]);
    assert.throws(() => names("systemd:api"), {
      code: "ERR_BIND",
      message: /"systemd:api": the supervisor before has no such socket/,
    });
  });
});

function unix(path: string, more: Partial<SocketFacts> = {}): SocketFacts {
  return {
    address: { kind: "unix", path, abstract: false },
    type: "stream",
    family: "Unix",
    listens: true,
    blocks: false,
    ...more,
  };
}

describe("a socket that cannot be used", () => {
  const tcp = unix("/run/a");
  const { address: _, ...bare } = tcp;
  const cases: readonly (readonly [SocketFacts | string, RegExp])[] = [
    ["is not open in this process", /4, which is not open in this process$/],
    [
      "is no socket but /dev/null, pass a bound stream socket",
      /4, which is no socket but \/dev\/null, pass/,
    ],
    [
      unix("/run/a", { type: "datagram" }),
      /4, which is a datagram socket of Unix at unix:\/run\/a, let its parent pass on one/,
    ],
    [{ ...bare, family: "family 40" }, /is a stream socket of family 40, let/],
    [{ ...tcp, listens: false }, /that does not listen, let its parent call/],
    [bare, /is a socket without an address, let its parent bind/],
  ];
  for (const [facts, wanted] of cases) {
    const made = (asked?: readonly string[]) => {
      const place = world({ LISTEN_FDNAMES: "web:api:api" });
      place.inherited.set(4, facts);
      place.inherited.delete(3);
      place.inherited.delete(5);
      Object.assign(place.env, { LISTEN_FDS: "2", LISTEN_FDNAMES: "web:api" });
      place.inherited.listening(3, "127.0.0.1", 9000);
      return chosen(place, asked);
    };
    test(`${wanted.source.slice(0, 50)}: told of, and the other one is used`, () => {
      const { told, notes } = made(["127.0.0.1:9000"]);
      assert.deepEqual(told, ["127.0.0.1:9000 127.0.0.1:9000=3"]);
      assert.match(notes.join(), wanted);
      assert.match(notes.join(), /^LISTEN_FDS names file descriptor 4, /);
      assert.throws(() => made(["systemd:web"]), {
        code: "ERR_BIND",
        message: wanted,
      });
    });
  }

  test("all that there is: no start without a place to listen", () => {
    const place = world();
    place.inherited.clear();
    assert.throws(() => chosen(place), {
      code: "ERR_BIND",
      message:
        /^Cannot listen on what the parent of this process passes on: LISTEN_FDS names file descriptor 3 to 5, which is not open/,
    });
  });

  test("what an ancestor was passed is told, however it is asked for", () => {
    const made = new MemoryWorld();
    Object.assign(made.env, systemd(1, { LISTEN_PID: "7" }));
    made.inherited.ancestors.set(7, `process 7 ("npm exec prefork")`);
    const told =
      /^(Cannot listen on "systemd:web": )?the sockets of LISTEN_FDS were passed to process 7 \("npm exec prefork"\), .* start node_modules\/\.bin\/prefork itself$/;
    for (const listen of [undefined, [":9000"]]) {
      const { notes } = chosen(made, listen);
      assert.equal(notes.length, 1);
      assert.match(notes[0]!, told);
    }
    assert.throws(() => chosen(made, ["systemd:web"]), { message: told });
    // Its own, and what has leaked from a process that is no ancestor.
    for (const pid of ["1000", "8"]) {
      made.env["LISTEN_PID"] = pid;
      const { notes } = chosen(made, [":9000"]);
      assert.ok(!notes.some((note) => told.test(note)), notes.join());
    }
  });

  test("what is asked for by name is not there", () => {
    const whys: readonly (readonly [Env, RegExp])[] = [
      [{}, /LISTEN_FDS is not set\), start it by a socket unit/],
      [
        systemd(1, { LISTEN_PID: "7" }),
        /is another process' \(LISTEN_PID is 7 and this process is 1000\), start prefork itself by the unit/,
      ],
    ];
    for (const [env, message] of whys) {
      const made = new MemoryWorld();
      delete made.env["LISTEN_FDS"];
      Object.assign(made.env, env);
      assert.throws(() => chosen(made, ["systemd:web"]), {
        code: "ERR_BIND",
        message,
      });
    }
    assert.throws(() => chosen(world(), ["systemd:nope"]), {
      message:
        /there is no such name, there is "systemd:web", "systemd:api", "systemd:unknown"$/,
    });
  });
});

describe("a pool on them", () => {
  test("says whose they are, passes no variable on, and never refuses on them", async () => {
    const made = world();
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, all, events } = stage(
      { listen: ["systemd:web", ":9002"], down: "refuse", workers: 1 },
      made,
    );
    await pool.start();
    await settle();
    assert.deepEqual(
      all("listening").map(({ name, address }) => `${name} ${address}`),
      ["web 127.0.0.1:9000", ":9002 :9002"],
    );
    assert.match(
      all("listening")[0]!.reason,
      /^descriptor 3 "web" of systemd's LISTEN_FDS; one queue/,
    );
    const warnings = all("warning").map(({ message }) => message).join("\n");
    assert.match(warnings, /nobody accepts on "127.0.0.1:9001"/);
    assert.match(warnings, /"refuse" .* of web and closes them at once/);
    const env = made.processes[0]!.plan.env([3, 4]);
    assert.equal(env["LISTEN_PID"], undefined);
    assert.equal(env["LISTEN_FDNAMES"], undefined);
    assert.ok(events.length > 0);
    await pool.stop({ quick: true });
  });

  test("is on them at a cold start too for which some were kept", async () => {
    const made = world({
      NOTIFY_SOCKET: "/run/notify",
      FDSTORE: "4",
      LISTEN_FDS: "4",
      LISTEN_FDNAMES: "web:api:unknown:prefork.pool.l.old.0",
    });
    made.inherited.listening(6, "127.0.0.1", 9003);
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, all } = stage({
      listen: ["systemd:web", "127.0.0.1:9001"],
      metrics: ":9002",
    }, made);
    await pool.start();
    await settle();
    assert.deepEqual(
      all("listening").map(({ name, reason }) =>
        `${name} ${/^descriptor \d/.exec(reason)}`
      ),
      ["web descriptor 3", "127.0.0.1:9001 descriptor 4"],
    );
    // Nothing tells what was kept: it is closed.
    assert.ok(made.abandoned.includes("127.0.0.1:9003"));
    await pool.stop({ quick: true });
  });

  test("looks where its program listens, as at first, where none were kept", () => {
    const config = checkOptions({ program: "app.js", listen: WHERE_PROGRAM });
    const none = { isAlone: true, specs: [], handed: [] } as unknown;
    const found = (made: MemoryWorld) =>
      chooseListeners(config, made.adapter, false, none as Heritage).specs;
    assert.equal(found(new MemoryWorld()), undefined);
    assert.equal(found(world())?.length, 3);
  });

  test("its monitors are on them too, by address and by name", async () => {
    const made = world();
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, all } = stage({
      listen: "systemd:web",
      health: "systemd:api",
      metrics: ":9002",
    }, made);
    await pool.start();
    await settle();
    assert.deepEqual(
      [...made.bound.keys()].sort(),
      ["127.0.0.1:9000", "127.0.0.1:9001", ":9002"],
    );
    assert.ok(
      !all("warning").some(({ message }) => message.startsWith("nobody")),
    );
    await pool.stop({ quick: true });
  });

  test("of Einhorn: it is told when all is ready, and its USR2 ends the pool", async () => {
    const made = new MemoryWorld();
    Object.assign(made.env, {
      EINHORN_MASTER_PID: "999",
      EINHORN_SOCK_PATH: "/tmp/einhorn.sock",
      EINHORN_FD_COUNT: "1",
      EINHORN_FD_0: "7",
    });
    made.inherited.listening(7, "127.0.0.1", 9000);
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, types } = stage({ listen: ":9000", signals: true }, made);
    made.inherited.listening(7, "", 9000);
    await pool.start();
    await settle();
    const word = `{"command":"worker:ack","pid":1000}\n`;
    assert.deepEqual(made.inherited.said, [`/tmp/einhorn.sock ${word}`]);
    made.signal("SIGUSR2");
    await settle();
    assert.ok(types().includes("stopping"));
    assert.ok(!types().includes("upgrade-started"));
    await pool.stop({ quick: true });
  });

  test("a word to Einhorn that cannot be said is told of", async () => {
    const made = new MemoryWorld();
    Object.assign(made.env, {
      EINHORN_MASTER_PID: "999",
      EINHORN_SOCK_PATH: "/x",
    });
    made.inherited.deaf = "nobody is there";
    const { pool, all } = await running({}, made);
    assert.match(
      all("warning").map(({ message }) => message).join(),
      /Einhorn cannot be told that the pool serves, because nobody is there: /,
    );
    await pool.stop({ quick: true });
  });

  test("says which of them is there where an address is in use", async () => {
    const made = world();
    made.taken.add(":9000");
    const { pool } = stage({ listen: ":9000" }, made);
    await assert.rejects(pool.start(), {
      code: "ERR_BIND",
      message:
        /in use; nobody accepts on "127.0.0.1:9000" \(descriptor 3 "web" of systemd's LISTEN_FDS\)/,
    });
  });
});
