import assert from "node:assert/strict";
import type { Seat } from "../../core/balance/scoreboard.ts";
import {
  decodeInheritance,
  encodeInheritance,
  ENV,
  type InheritedListener,
  isOwnVariable,
} from "../../core/launch/environment.ts";
import { ownSockets, socketVariables } from "../../core/launch/inherited.ts";
import type { Pass } from "../../core/options/program.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";

const listener = (
  more: Partial<InheritedListener> = {},
): InheritedListener => ({
  name: "127.0.0.1:80",
  address: "127.0.0.1:80",
  mode: "shared",
  backlog: 4096,
  ipv6Only: false,
  fds: [3],
  shard: 0,
  ...more,
});

const SEAT: Seat = { fd: 4, seat: 2, weight: 0.15, passes: true };

const encode = (
  listeners: readonly InheritedListener[],
  pidToo = true,
  seat?: Seat,
): Record<string, string> => ({
  ...encodeInheritance(
    { slot: 2, generation: 7, listeners, ...(seat && { seat }) },
  ),
  ...passed("auto", listeners, pidToo),
});

const passed = (
  pass: Pass,
  listeners: readonly InheritedListener[],
  pidToo = true,
): Record<string, string> => {
  const plan = { slot: 2, generation: 7, parent: 4711, pidToo };
  return socketVariables(pass, ownSockets(listeners), plan);
};

describe("what prefork's own workers read", () => {
  test("comes back as it was written", () => {
    const listeners = [
      listener(),
      listener({ name: "api", mode: "sharded", fds: [4, 5, 6], shard: 2 }),
      listener({ name: 'a "b"\n=;é', mode: "reuseport", fds: [] }),
      listener({ address: "[::]:80", ipv6Only: true, mode: "handoff" }),
      listener({ mode: "handoff", sticky: "cookie:sid" }),
      listener({ mode: "balanced" }),
    ];
    const inheritance = { slot: 2, generation: 7, listeners };
    for (const given of [inheritance, { ...inheritance, seat: SEAT }]) {
      assert.deepEqual(decodeInheritance(encodeInheritance(given)), given);
    }
  });

  test("is not there without a supervisor", () => {
    assert.equal(decodeInheritance({}), undefined);
    assert.equal(decodeInheritance({ PREFORK_SLOT: "1" }), undefined);
  });

  test("of another version is refused with both versions and the way out", () => {
    const env = { ...encode([listener()]), [ENV.protocol]: "2" };
    assert.throws(() => decodeInheritance(env), {
      name: "TypeError",
      message:
        "Cannot attach to the supervisor: it speaks protocol 2 and this worker 1, install the same version of prefork for both",
    });
  });

  const whole: Readonly<Record<string, string>> = {
    ...encode([listener()], true, SEAT),
    [ENV.standby]: "1",
    [ENV.requests]: "100",
    [ENV.stackAfter]: "10000",
  };
  const json = (change: Record<string, unknown>): string =>
    JSON.stringify([{ ...listener(), ...change }]);
  const seat = (change: Record<string, unknown>): string =>
    JSON.stringify({ ...SEAT, ...change });
  const damages: readonly (readonly [string, string | undefined])[] = [
    ...[undefined, "x", "-1", "1.5", "NaN"].flatMap((value) =>
      [[ENV.slot, value], [ENV.generation, value]] as const
    ),
    ...[
      ...[undefined, "", "{", "null", "{}", "5", "[5]", "[null]", "[[]]"],
      ...[json({ name: 1 }), json({ address: null }), json({ mode: 3 })],
      ...[json({ backlog: -1 }), json({ backlog: "9" }), json({ shard: 0.5 })],
      ...[json({ ipv6Only: "true" }), json({ fds: 3 }), json({ fds: ["3"] })],
      ...[json({ fds: [3, -1] }), json({ shard: undefined })],
      ...[json({ sticky: 1 }), json({ sticky: null })],
    ].map((value) => [ENV.listeners, value] as const),
    ...[
      ...["", "{", "null", "[]", "5", seat({ fd: -1 }), seat({ fd: "4" })],
      ...[seat({ seat: 0.5 }), seat({ seat: undefined })],
      ...[seat({ weight: 0 }), seat({ weight: -1 }), seat({ weight: "1" })],
      ...[seat({ passes: 1 }), seat({ passes: undefined })],
    ].map((value) => [ENV.seat, value] as const),
  ];
  for (const [name, value] of damages) {
    test(`damaged, ${name}=${value}, is refused with the way out`, () => {
      assert.throws(() => decodeInheritance({ ...whole, [name]: value }), {
        name: "TypeError",
        message:
          "Cannot attach to the supervisor: PREFORK_SLOT, PREFORK_GENERATION, PREFORK_LISTENERS or PREFORK_SEAT is damaged, start the worker through a pool or unset PREFORK_PROTOCOL",
      });
    });
  }

  test("cut off or garbled at random is understood or refused, no more", () => {
    forSeeds(2_000, (random) => {
      const name = random.pick(Object.values(ENV));
      const text = whole[name] ?? "1";
      const at = random.whole(0, text.length);
      const garbage = random.pick(["", "]", '"', "9", "null", "\0"]);
      const value = text.slice(0, at) + garbage +
        text.slice(at + random.whole(0, 3));
      try {
        const { slot } = decodeInheritance({ ...whole, [name]: value })!;
        assert.ok(Number.isSafeInteger(slot), `seed ${random.seed}: ${value}`);
      } catch (error) {
        assert.match(
          String(error),
          /^TypeError: Cannot attach to the supervisor: /,
          `seed ${random.seed}: ${name}=${value}`,
        );
      }
    });
  });
});

describe("Server::Starter's variables", () => {
  const keys: readonly (readonly [string, string])[] = [
    ["127.0.0.1:80", "127.0.0.1:80=3"],
    [":8080", "0.0.0.0:8080=3"],
    ["localhost:80", "localhost:80=3"],
    ["[::1]:80", "[::1]:80=3"],
    ["unix:/run/a.sock", "/run/a.sock=3"],
    ["unix:@name", "@name=3"],
  ];
  for (const [address, port] of keys) {
    test(`have "${port}" for ${address}`, () => {
      const env = encode([listener({ address })]);
      assert.equal(env["SERVER_STARTER_PORT"], port);
      assert.equal(env["SERVER_STARTER_GENERATION"], "7");
    });
  }

  test("list every socket by its real number, the own shard of several", () => {
    const env = encode([
      listener(),
      listener({ address: ":81", mode: "sharded", fds: [4, 5, 6], shard: 1 }),
      listener({ address: ":82", mode: "handoff", fds: [] }),
    ], false);
    assert.equal(env["SERVER_STARTER_PORT"], "127.0.0.1:80=3;0.0.0.0:81=5");
  });

  test("are not there when no socket is inherited", () => {
    const env = encode([listener({ mode: "reuseport", fds: [] })]);
    const ours = Object.values(ENV).filter((name) =>
      ![
        ...[ENV.seat, ENV.standby, ENV.requests, ENV.stackAfter],
        ENV.slotVariable,
      ].includes(name as never)
    );
    assert.deepEqual(Object.keys(env).sort(), ours.sort());
  });

  test("do not count the scoreboard, which is no socket", () => {
    const env = encode([listener()], true, SEAT);
    assert.equal(env["SERVER_STARTER_PORT"], "127.0.0.1:80=3");
    assert.equal(env["LISTEN_FDS"], "1");
    assert.equal(env[ENV.seat], JSON.stringify(SEAT));
  });
});

describe("systemd's variables", () => {
  test("count and name the sockets from number 3 on", () => {
    const env = encode([
      listener(),
      listener({ name: "api", fds: [4] }),
      listener({ name: "[::1]:80", fds: [5] }),
    ]);
    assert.equal(env["LISTEN_FDS"], "3");
    assert.equal(env["LISTEN_FDNAMES"], "127.0.0.1_80:api:[__1]_80");
    assert.equal(env["LISTEN_PID"], undefined);
  });

  const without: readonly (readonly [
    string,
    readonly InheritedListener[],
    boolean,
  ])[] = [
    ["the numbers are not 3, 4, ..", [listener({ fds: [10] })], true],
    [
      "there is a gap",
      [listener(), listener({ name: "b", fds: [5] })],
      true,
    ],
    [
      "the order is another",
      [listener({ fds: [4] }), listener({ name: "b", fds: [3] })],
      true,
    ],
    ["the adapter cannot place them", [listener()], false],
    ["there is no socket", [listener({ fds: [] })], true],
  ];
  for (const [when, listeners, placed] of without) {
    test(`are not there when ${when}`, () => {
      const env = encode(listeners, placed);
      assert.equal(env["LISTEN_FDS"], undefined);
      assert.equal(env["LISTEN_FDNAMES"], undefined);
    });
  }
});

test("of Einhorn there are some without a socket, too", () => {
  const plan = { slot: 2, generation: 7, parent: 4711, pidToo: true };
  assert.deepEqual(socketVariables("einhorn", [], { ...plan, ack: "/ack" }), {
    EINHORN_MASTER_PID: "4711",
    EINHORN_CHILD_INDEX: "2",
    EINHORN_SOCK_PATH: "/ack",
    EINHORN_FD_COUNT: "0",
  });
});

test("a variable with the name of nginx's is the user's own", () => {
  assert.equal(isOwnVariable("NGINX", "/usr/sbin/nginx"), false);
});

describe("variables of other servers", () => {
  const two = [
    listener(),
    listener({ name: "b", address: "unix:/run/a.sock", fds: [4] }),
  ];
  const rows: readonly (readonly [Pass, Record<string, string>])[] = [
    ["nginx", { NGINX: "3;4;" }],
    ["fpm", { FPM_SOCKETS: "127.0.0.1:80=3,/run/a.sock=4" }],
    ["einhorn", {
      EINHORN_MASTER_PID: "4711",
      EINHORN_CHILD_INDEX: "2",
      EINHORN_FD_COUNT: "2",
      EINHORN_FD_0: "3",
      EINHORN_FD_1: "4",
    }],
    ["listen-fds", { LISTEN_FDS: "2", LISTEN_FDNAMES: "127.0.0.1_80:b" }],
    ["server-starter", {
      SERVER_STARTER_PORT: "127.0.0.1:80=3;/run/a.sock=4",
      SERVER_STARTER_GENERATION: "7",
    }],
    ["stdin", {}],
  ];
  for (const [pass, variables] of rows) {
    test(`of "${pass}" are these and no others`, () => {
      assert.deepEqual(passed(pass, two), variables);
      for (const [name, value] of Object.entries(variables)) {
        assert.ok(isOwnVariable(name, value));
      }
    });
  }
});
