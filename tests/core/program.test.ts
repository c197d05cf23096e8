import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { Adapter } from "../../core/adapter.ts";
import type { Host } from "../../core/host.ts";
import {
  commandOf,
  type ProgramPlan,
  runtimePattern,
  startsJavaScript,
} from "../../core/launch/program.ts";
import { describe, test } from "../harness.ts";

/** An adapter on Node with other facts; executables are in /bin. */
function adapter(host: Partial<Host> = {}, fdPlacement = true): Adapter {
  const made = new MemoryWorld().adapter;
  return {
    ...made,
    capabilities: { ...made.capabilities, fdPlacement },
    host: { ...made.host, ...host },
  };
}

const command = (
  plan: Partial<ProgramPlan>,
  on: Adapter = adapter(),
): string =>
  commandOf({ runtime: "node", program: "app.ts", args: [], ...plan }, on)
    .join(" ");

/** What Node gets in front of every program. */
const NODE = "--import file:///lib/preload.js --enable-source-maps";

describe("which slot is run by what", () => {
  const own = (program: string): string =>
    runtimePattern({ runtimes: undefined, program }, adapter())(0);

  test("scripts run on the supervisor's own runtime", () => {
    for (const end of ["js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx"]) {
      assert.equal(own(`app.${end}`), "node");
    }
  });
  test("everything else is a program of its own", () => {
    for (
      const program of ["app", "app.rb", "./a.py", "a.js.sh", "ts", "js/a"]
    ) {
      assert.equal(own(program), "exec");
    }
  });
  test("a mix is dealt out in its order, again and again", () => {
    const runtimeOf = runtimePattern(
      {
        runtimes: [{ runtime: "node", count: 3 }, { runtime: "bun", count: 1 }],
        program: "app.rb",
      },
      adapter(),
    );
    const slots = [0, 1, 2, 3, 4, 7].map((slot) => runtimeOf(slot));
    assert.deepEqual(slots, ["node", "node", "node", "bun", "node", "bun"]);
  });
});

describe("a file without an ending", () => {
  const PATH = "/srv/node_modules/.bin/app";
  const on = (head: string, host: Partial<Host> = {}): Adapter =>
    adapter({
      head: (path) => path === PATH ? head : undefined,
      which: (name) => name === "app" ? undefined : `/bin/${name}`,
      exists: (path) => path === PATH || path === "/bin/sh",
      ...host,
    });
  const place = { program: "app", cwd: "/srv/below" };
  const rows = [
    ["#!/usr/bin/env node\nx", "node", ""],
    ["#!/usr/bin/node --no-warnings\r\n", "node", "--no-warnings "],
    ["#! /usr/bin/env -S node --title='a b' --x", "node", "--title=a b --x "],
    ["#!/usr/bin/env -S bun run --smol\n", "bun", "--smol "],
    ["#!/usr/bin/env -S deno run -N --quiet\n", "deno", "-N --quiet "],
    ["#!/usr/bin/env -S deno serve --port 80\n", "deno", "-A "],
  ] as const;
  for (const [head, runtime, args] of rows) {
    test(`that begins with ${JSON.stringify(head)} is run by ${runtime}`, () => {
      const plan = { runtimes: undefined, ...place };
      assert.equal(runtimePattern(plan, on(head))(0), runtime);
      assert.match(
        command({ ...place, runtime }, on(head)),
        new RegExp(`(-maps|load.js) ${args}${PATH}$`),
      );
    });
  }
  test("is run by the runtime that was asked for, without another's flags", () => {
    const plan = { ...place, runtime: "bun" } as const;
    assert.equal(
      command(plan, on("#!/usr/bin/env -S node --expose-gc\n")),
      `/bin/bun --preload /lib/preload.js ${PATH}`,
    );
  });
  test("is a program of its own where it starts another one", () => {
    const host = on("", { head: () => "#!/usr/bin/env node\n" });
    for (const program of ["npm", "npx", "/opt/yarn", "tsx", "cross-env"]) {
      const plan = { runtimes: undefined, program, cwd: "/srv" };
      assert.equal(runtimePattern(plan, host)(0), "exec", program);
    }
  });
  test("is a program of its own where no runtime is named", () => {
    const heads = [
      ...["", "node", "#!/bin/sh\nexec ruby x", "#!", "#!/usr/bin/env"],
      ...["#!/usr/bin/env -S A=1 node", "#!/usr/bin/env -i node"],
      ...["#!/usr/bin/env -S node other.js", "#!/usr/bin/env -S deno test"],
      ...["#!/usr/bin/env tsx", "#!/opt/nodes"],
    ];
    for (const head of heads) {
      const plan = { runtimes: undefined, ...place };
      assert.equal(runtimePattern(plan, on(head))(0), "exec", head);
      assert.match(
        command({ ...place, runtime: "exec" }, on(head)),
        new RegExp(` -- ${PATH}$`),
      );
    }
  });
  test("that leads to JavaScript all the same says itself when it is ready", () => {
    const plan = { ...place, args: [] };
    const yes = [
      "#!/usr/bin/env -S A=1 node",
      "#!/usr/bin/env tsx",
      `#!/bin/sh
basedir=$(dirname "$0")
if [ -x "$basedir/node" ]; then
  exec "$basedir/node"  "$basedir/../app/cli.js" "$@"
else
  exec node  "$basedir/../app/cli.js" "$@"
fi`,
    ];
    for (const head of yes) assert.ok(startsJavaScript(plan, on(head)), head);
    const no = ["", "#!/bin/sh\nexec ruby node x", "#!/usr/bin/env ruby"];
    for (const head of no) assert.ok(!startsJavaScript(plan, on(head)), head);
  });
  test("in PATH goes before one of an installed package", () => {
    const host = { which: (name: string): string => `/bin/${name}` };
    const plan = { runtimes: undefined, ...place };
    assert.equal(runtimePattern(plan, on("#!/bin/node", host))(0), "exec");
  });
});

describe("scripts", () => {
  test("the own runtime is the very executable that runs now", () => {
    const here = adapter({ execPath: "/opt/node22" });
    assert.equal(
      command({ args: ["-x"] }, here),
      `/opt/node22 ${NODE} app.ts -x`,
    );
  });
  test("other runtimes come from PATH", () => {
    assert.equal(
      command({ runtime: "bun" }),
      "/bin/bun --preload /lib/preload.js app.ts",
    );
    assert.equal(
      command({ runtime: "deno", args: ["a b"] }),
      "/bin/deno run --preload /lib/preload.js -A app.ts a b",
    );
  });
  test("a runtime that is not in PATH is an error that names it", () => {
    const on = adapter({ which: () => undefined });
    assert.equal(command({ runtime: "node" }, on), `/bin/node ${NODE} app.ts`);
    assert.throws(() => command({ runtime: "deno" }, on), {
      code: "ERR_SPAWN",
      message:
        'Cannot start workers on deno: there is no "deno" in PATH, install it or choose another runtime',
    });
  });
  test("a file that is not there is an error that names it", () => {
    assert.throws(() => command({ program: "missing.js" }), {
      code: "ERR_BOOT",
      message: 'Cannot start "missing.js": there is no such file',
    });
  });
  test("a name that begins with a dash is no option", () => {
    assert.equal(
      command({ program: "-dash.js", args: ["-x"] }),
      `/bin/node ${NODE} ./-dash.js -x`,
    );
    assert.throws(() => command({ program: "-missing.js" }), {
      message: 'Cannot start "-missing.js": there is no such file',
    });
  });
  test("a module by URL is not looked for", () => {
    for (const program of ["https://x/missing.ts", "npm:missing", "jsr:@a/b"]) {
      assert.equal(command({ program }), `/bin/node ${NODE} ${program}`);
    }
  });
});

describe("the working directory", () => {
  const seen: string[] = [];
  const on = adapter({
    exists: (path) => {
      seen.push(path);
      return path.startsWith("/srv/") || path === "/bin/sh";
    },
  });
  const rows = [
    ["app.ts", "/srv", "/srv/app.ts"],
    ["./app.ts", "/srv", "/srv/./app.ts"],
    ["/srv/app.ts", "/other", "/srv/app.ts"],
  ] as const;
  for (const [program, cwd, path] of rows) {
    test(`"${program}" from "${cwd}" is looked for at "${path}"`, () => {
      seen.length = 0;
      assert.equal(
        command({ program, cwd }, on),
        `/bin/node ${NODE} ${program}`,
      );
      assert.deepEqual(seen, [path]);
    });
  }
  test("counts for executables with a slash", () => {
    const plan = { runtime: "exec", program: "./serve", cwd: "/srv" } as const;
    assert.match(command(plan, on), / -- \.\/serve$/);
    assert.throws(() => command({ ...plan, cwd: "/else" }, on), {
      code: "ERR_BOOT",
    });
  });
});

describe("executables", () => {
  const ruby = {
    runtime: "exec",
    program: "ruby",
    args: ["app.rb", "a b"],
  } as const;
  const direct = "/bin/ruby app.rb a b";
  const withParent = `/bin/setpriv --pdeathsig TERM -- ${direct}`;
  const shell = '/bin/sh -c LISTEN_PID=$$ exec "$@" sh';

  test("learn of the supervisor's death and of their own pid", () => {
    assert.equal(command(ruby), `${shell} ${withParent}`);
  });
  test("learn no pid where sockets cannot be placed", () => {
    assert.equal(command(ruby, adapter({}, false)), withParent);
  });
  test("go without setpriv where there is none", () => {
    const which = (name: string): string | undefined =>
      name === "setpriv" ? undefined : `/bin/${name}`;
    assert.equal(command(ruby, adapter({ which })), `${shell} ${direct}`);
    const mac = adapter({ platform: "darwin" });
    assert.equal(command(ruby, mac), `${shell} ${direct}`);
    // That of BusyBox has no --pdeathsig.
    const real = (path: string): string =>
      path === "/bin/setpriv" ? "/bin/busybox" : path;
    assert.equal(command(ruby, adapter({ real })), `${shell} ${direct}`);
  });
  test("go without a shell where there is none", () => {
    const on = adapter({ exists: () => false });
    assert.equal(command(ruby, on), withParent);
  });
  test("keep each argument as one", () => {
    const words = commandOf(ruby, adapter({ platform: "darwin" }, false));
    assert.deepEqual(words, ["/bin/ruby", "app.rb", "a b"]);
  });
  test("that are not there are an error that names them", () => {
    const on = adapter({ which: () => undefined, exists: () => false });
    for (const program of ["nothing", "./nothing", "/no/thing"]) {
      assert.throws(() => command({ ...ruby, program }, on), {
        code: "ERR_BOOT",
        message:
          `Cannot start "${program}": there is no such file and no such command in PATH`,
      });
    }
  });
});

test("executables that nobody can execute are refused with the reason", () => {
  const asked: string[] = [];
  const on = adapter({
    programProblem: (path) => {
      asked.push(path);
      return "it is a directory";
    },
  });
  const plan = { runtime: "exec", program: "./dir", cwd: "/srv" } as const;
  assert.throws(() => command(plan, on), {
    code: "ERR_BOOT",
    message: 'Cannot start "./dir": it is a directory',
  });
  assert.deepEqual(asked, ["/srv/./dir"]);
});

describe("a program that watches files itself", () => {
  const rows = [
    ["node --watch --no-warnings app.js", "app.js"],
    ["/usr/bin/node --watch-path=src app.js", "app.js"],
    ["bun --hot run server.ts", "server.ts"],
    ["deno run -A --watch main.ts", "main.ts"],
    ["npx tsx watch src/app.ts", "src/app.ts"],
    ["nodemon", "FILE"],
    ["env A=1 nodemon app.mjs", "app.mjs"],
  ] as const;
  for (const [line, file] of rows) {
    test(`as "${line}" is an error with what to use`, () => {
      const [program = "", ...args] = line.split(" ");
      assert.throws(() => command({ runtime: "exec", program, args }), {
        code: "ERR_BOOT",
        message:
          `Cannot start "${line}": it starts the program anew by itself and keeps the pool's sockets from it, write "prefork --watch ${file}", which reloads the pool when a file changes`,
      });
    });
  }
  test("as an argument of the runtime is one as well", () => {
    const plan = { program: "app.js", runtimeArgs: ["--watch"] };
    assert.throws(() => command(plan), {
      message:
        /^Cannot start "node --watch app.js": .*"prefork --watch app.js"/,
    });
  });
  test("is no program whose own argument is called so", () => {
    for (const line of ["node app.js --watch", "tsx app.ts watch", "./own"]) {
      const [program = "", ...args] = line.split(" ");
      command({ runtime: "exec", program, args });
    }
  });
});
