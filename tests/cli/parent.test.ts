import assert from "node:assert/strict";
import { isGone, packageManagerOf, type ParentLook } from "../../cli/parent.ts";
import { describe, test } from "../harness.ts";

const ENV = { npm_config_user_agent: "npm/11.19.1 node/v26.10.0 linux x64" };

/** Processes from the youngest to the oldest, with the pids 10, 11, .. */
class Running implements ParentLook {
  readonly parents = new Map<number, number>();
  readonly #commands = new Map<number, string>();

  constructor(...commands: readonly string[]) {
    for (const [i, command] of ["node prefork", ...commands].entries()) {
      this.parents.set(10 + i, 11 + i);
      this.#commands.set(10 + i, `${command.replaceAll(" ", "\0")}\0`);
    }
  }

  parentOf(pid: number): number | undefined {
    return this.parents.get(pid);
  }

  commandOf(pid: number): string | undefined {
    return this.#commands.get(pid);
  }
}

const find = (running: Running, env = ENV) =>
  packageManagerOf(10, env, running);

describe("the package manager that started the command", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["npm exec prefork -w 2", [
      "sh -c 'prefork' -w 2",
      "npm exec prefork -w 2",
    ]],
    ["npm start", ["/bin/sh -c prefork a.js", "npm start"]],
    ["npm-cli.js start", ["sh -c prefork", "node /usr/lib/npm-cli.js start"]],
    ["npm start", ["sh -c sh", "bash -c a && prefork b.js", "npm start"]],
    ["pnpm exec prefork", ["node ../.bin/pnpm exec prefork"]],
    ["pnpm.cjs start", ["sh -c prefork", "/opt/node /x/pnpm.cjs start"]],
    ["yarn-4.9.1.cjs start", ["node .yarn/releases/yarn-4.9.1.cjs start"]],
    ["yarn.js start", ["/bin/sh -c prefork", "/usr/bin/node /x/yarn.js start"]],
    ["bunx prefork", ["bunx prefork"]],
    ["bun --bun run start", ["/x/bun --bun run start"]],
    ["bun x prefork", ["bun x prefork"]],
    ["deno task start", ["deno task start"]],
    ["npm start", ["sh -c prefork -l :80?a=1&b=2 x.js 2>&1", "npm start"]],
  ];
  for (const [name, commands] of rows) {
    test(`${commands.join(" < ")}: ${name}`, () => {
      const found = find(new Running(...commands, "bash"));
      assert.equal(found?.name, name);
      assert.equal(found?.pid, 10 + commands.length);
    });
  }

  const none: readonly (readonly [string, readonly string[]])[] = [
    ["a shell", ["-bash", "npm start"]],
    ["a script of a shell", ["sh deploy.sh", "npm start"]],
    ["a program", ["node deploy.js", "npm start"]],
    ["a program of that name", ["node npm-deploy/run.js"]],
    ["a program on Bun", ["bun deploy.ts"]],
    ["a shell that does not wait", [
      "sh -c prefork a.js & echo b",
      "npm start",
    ]],
    ["a shell that does not wait", ["sh -c (prefork a.js&)", "npm start"]],
    ["a service manager", []],
  ];
  for (const [what, commands] of none) {
    test(`is not there behind ${what}`, () => {
      assert.equal(find(new Running(...commands, "/sbin/init")), undefined);
    });
  }

  test("is not looked for where none has set its variable, or without proc(5)", () => {
    const running = new Running("sh -c prefork", "npm start");
    assert.equal(find(running, {} as typeof ENV), undefined);
    running.parents.clear();
    assert.equal(find(running), undefined);
  });

  test("is gone when it has ended, or the shell before it", () => {
    const running = new Running("sh -c prefork", "npm start", "bash");
    const found = find(running)!;
    assert.equal(isGone(found, running), false);
    for (const orphan of [10, 11]) {
      const parent = running.parents.get(orphan)!;
      running.parents.set(orphan, 1);
      assert.equal(isGone(found, running), true);
      running.parents.set(orphan, parent);
    }
    running.parents.delete(11);
    assert.equal(isGone(found, running), true);
  });
});
