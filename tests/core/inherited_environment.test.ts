/** What parents say of their sockets, in every format. */
import assert from "node:assert/strict";
import {
  announcements,
  isParentVariable,
} from "../../core/inherited/environment.ts";
import { describe, test } from "../harness.ts";
import { type Env, systemd } from "./inherited_world.ts";

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
