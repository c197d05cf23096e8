import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { Host } from "../../core/host.ts";
import { processPrefix } from "../../core/launch/process.ts";
import { accountOf } from "../../core/launch/user.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { UserOptions } from "../../core/options/user.ts";
import { describe, test } from "../harness.ts";
import { settle, stage } from "./world.ts";

const FILES: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nother:x:0:0::/:/bin/sh\n" +
    "www:x:33:34:,,,:/var/www:/bin/false\n",
  "/etc/group": "root:x:0:\nweb:x:34:\nlog:x:4:www\n",
  "/proc/self/status": "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t1ff\n",
};

/** A machine with those files, or others in their places. */
function machine(
  files: Readonly<Record<string, string>> = {},
  more: Partial<Host> = {},
): Host {
  const { adapter: { host }, files: there } = new MemoryWorld();
  for (const [path, text] of Object.entries({ ...FILES, ...files })) {
    there.set(path, text);
  }
  return { ...host, ...more };
}

const account = (options: UserOptions, host = machine()) =>
  accountOf(checkOptions({ program: "a.js", ...options }), host);
const words = (options: UserOptions, host = machine()) =>
  account(options, host)?.prefix.join(" ");

/** The status of a process without any of these capabilities. */
const status = (uid: number, gid = uid) =>
  `Uid:\t${uid}\t${uid}\t0\t0\nGid:\t${gid}\t${gid}\t0\t0\nCapEff:\t0\n`;

describe("whom workers run as", () => {
  const END = "--no-new-privs --inh-caps=-all --bounding-set=-all";

  test("is a name or a number, with the groups of that user", () => {
    assert.equal(account({}), undefined);
    const prefix = `/bin/setpriv --reuid 33 --regid 34 --init-groups ${END}`;
    const variables = { HOME: "/var/www", USER: "www", LOGNAME: "www" };
    for (const user of ["www", "33", 33]) {
      assert.deepEqual(account({ user }), {
        uid: 33,
        variables,
        prefix: prefix.split(" "),
      });
    }
    for (const group of ["log", "4", 4]) {
      assert.equal(words({ user: 33, group }), prefix.replace("34", "4"));
    }
  });

  test("has no groups where it is in no file, and needs one", () => {
    const { prefix, variables } = account({ user: 7, group: 8 })!;
    assert.equal(
      prefix.join(" "),
      `/bin/setpriv --reuid 7 --regid 8 --clear-groups ${END}`,
    );
    assert.deepEqual(variables, { HOME: "/", USER: "7", LOGNAME: "7" });
    assert.throws(() => account({ user: 7 }), {
      name: "TypeError",
      message: /no user with that number, so say the group too, by "group"$/,
    });
  });

  test("is the last of what a worker's process takes", () => {
    const options = { umask: 0, nice: 1, user: "www" };
    const config = checkOptions({ program: "a.js", ...options });
    assert.match(
      processPrefix(config, 0, machine()).join(" "),
      /^\/bin\/sh .* \/bin\/nice -n 1 \/bin\/setpriv --reuid 33 .*-all$/,
    );
  });

  test("cannot be anybody whom this process cannot become", () => {
    const user = "www";
    const own = machine({ "/proc/self/status": status(33, 34) });
    assert.equal(
      words({ user }, own),
      "/bin/setpriv --no-new-privs --inh-caps=-all",
    );
    for (
      const [options, text, message] of [
        [{ user: "root" }, status(33, 34), /runs as user 33, and only root/],
        [{ user, group: 4 }, status(33, 34), /runs as user 33, and only root/],
        [{ user }, status(0), /root has no CAP_KILL, CAP_SETGID, .* grant it/],
      ] as const
    ) {
      assert.throws(
        () => words(options, machine({ "/proc/self/status": text })),
        { name: "TypeError", message },
      );
    }
    // Where it cannot be seen, setpriv(1) has the last word.
    assert.ok(words({ user }, machine({ "/proc/self/status": "" })));
  });

  test("cannot be anybody who is not there, or not alone", () => {
    for (
      const [options, message] of [
        [
          { user: "nosuch" },
          /^Cannot use "nosuch" for "user": there is no user/,
        ],
        [
          { user: "www", group: "nosuch" },
          /there is no group .* in \/etc\/group/,
        ],
        [
          { user: 2 ** 32 - 1 },
          /^Cannot use "4294967295" for "user": there is/,
        ],
        [
          { user: "other" },
          /"root" in .* has the same number 0, .* use "root"$/,
        ],
        [{ user: "a b" }, /^Cannot use "a b" for "user": it must be a name or/],
        [{ user: "-x" }, /^Cannot use "-x" for "user": it must be a name or a/],
        [{ user: -1 }, /^Cannot use -1 for "user": it must be a name or a nu/],
        [{ group: "web" }, /^Cannot use "web" for "group" without "user": say/],
      ] as const
    ) {
      assert.throws(() => account(options), { name: "TypeError", message });
    }
  });

  test("takes setpriv of util-linux", () => {
    const none = { which: () => undefined };
    const other = { real: () => "/bin/busybox" };
    for (const more of [none, other]) {
      assert.throws(() => words({ user: "www" }, machine({}, more)), {
        code: "ERR_SPAWN",
        message: /no "setpriv" of util-linux in PATH, .* leave "user" out$/,
      });
    }
  });
});

describe("the start that shows where a program listens as another user", () => {
  for (
    const [open, port, answer] of [
      ["unprivileged", 80, "refused"],
      ["unprivileged", 8080, "opened"],
      ["any", 80, "opened"],
    ] as const
  ) {
    test(`has port ${port} ${answer} under "--open ${open}"`, async () => {
      const world = new MemoryWorld();
      for (const [path, text] of Object.entries(FILES)) {
        world.files.set(path, text);
      }
      const options = { listen: "program", user: "www", open } as const;
      const { pool } = stage(options, world);
      pool.start().catch(() => {});
      await settle();
      const program = world.processes[0]!;
      assert.equal(program.env["USER"], "www");
      program.say({ type: "hello", runtime: "memory", pid: program.pid });
      const address = `127.0.0.1:${port}`;
      program.say({ type: "open", id: 7, address, nth: 0 });
      await settle();
      const heard = program.heard.at(-1) as Record<string, unknown>;
      assert.equal(heard["type"], answer);
      if (answer === "refused") {
        assert.equal(heard["code"], "EACCES");
        assert.match(String(heard["reason"]), /-l 127.0.0.1:80" or allow all/);
      }
      void pool.stop({ quick: true });
    });
  }
});

test("a port of root's is none for workers that bind it themselves", async () => {
  for (const [port, fits] of [[80, false], [8080, true]] as const) {
    const world = new MemoryWorld();
    for (const [path, text] of Object.entries(FILES)) {
      world.files.set(path, text);
    }
    const listen = `127.0.0.1:${port}`;
    const options = { listen, share: "reuseport", user: "www" } as const;
    const { pool } = stage(options, world);
    const started = pool.start();
    started.catch(() => {});
    await settle();
    assert.equal(world.processes.length > 0, fits);
    if (!fits) {
      await assert.rejects(started, {
        code: "ERR_SHARE_MODE",
        message: /as "www" in "reuseport", in which each binds "127.0.0.1:80"/,
      });
    }
    void pool.stop({ quick: true });
  }
});
