import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { binary, nodeFloor, ownRuntime, type Runtime } from "../runtimes.ts";
import { type Consumer, npmConsumer } from "./consumer.ts";
import { runsCommand, runsPool } from "./pools.ts";
import { run, start } from "./run.ts";
import { ROOT, tarball } from "./tarball.ts";

/** Where what is not in the package is read. */
const REPOSITORY = "https://github.com/prefork/prefork";

/** How the users of each runtime start a command of a package they have. */
const COMMANDS: Readonly<
  Record<Runtime, readonly (readonly [string, ...string[]])[]>
> = {
  node: [["npx", "prefork"]],
  deno: [[binary("deno"), "run", "-A", "npm:prefork"]],
  bun: [
    [binary("bun"), "x", "prefork"],
    [binary("bun"), "x", "--bun", "prefork"],
  ],
};

/** A Node of the system that is too old, if there is one. */
function olderNode(): string | undefined {
  const [path] = ["/usr/bin/node", "/usr/local/bin/node"].filter(existsSync);
  if (path === undefined) return undefined;
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  const [, major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(stdout) ?? [];
  const age = Number(major) * 100 + Number(minor);
  // An older one yet cannot read what is published.
  return age >= 2000 && age < 2212 ? path : undefined;
}

/** A program with types right and, where an error is expected, wrong. */
const TYPED = `import { Pool } from "prefork";
import { serve } from "prefork/worker";
const pool: Pool = new Pool({ program: "app.mjs", workers: 2, listen: ":0" });
const started: Promise<unknown> = pool.start();
await started;
// @ts-expect-error: the number of workers is no date
new Pool({ program: "app.mjs", workers: new Date(), listen: ":0" });
// @ts-expect-error: a pool cannot fly
pool.fly();
// @ts-expect-error: a handler returns a response
await serve(() => 42);
await serve(() => new Response("typed"));
`;

describe("the npm package", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await npmConsumer();
  });
  afterAll(() => consumer.remove());

  const runtime = (): [string, ...string[]] =>
    ownRuntime === "node"
      ? [binary("node")]
      : ownRuntime === "deno"
      ? [binary("deno"), "run", "-A"]
      : [binary("bun")];

  test("a program runs a pool with it", async () => {
    await runsPool([...runtime(), "pool.mjs"], consumer.path);
  });

  test("the oldest Node runs a pool with it", {
    skip: nodeFloor() === undefined && "there is none for this platform",
  }, async () => {
    await runsPool([nodeFloor() as string, "pool.mjs"], consumer.path);
  });

  test("the command runs as its users start it", async () => {
    for (const command of COMMANDS[ownRuntime]) {
      await runsCommand(command, "app.mjs", consumer.path);
    }
  });

  const old = olderNode();
  test("a Node that is too old is told so, whatever it is asked", {
    skip: ownRuntime !== "bun"
      ? "it is the same under each runner: it runs under bun"
      : old === undefined && "this machine has no Node before 22.12",
  }, async () => {
    const command = `${consumer.path}/node_modules/prefork/dist/cli.js`;
    for (const words of [["app.mjs"], ["check", "app.mjs"], ["list"]]) {
      const { child, exited, output } = start(
        [old!, command, ...words],
        consumer.path,
      );
      child.stdin?.end();
      assert.equal(await exited, 2);
      assert.match(
        output(),
        /^prefork: Cannot run on node \S+: it must be node 22\.12 or later.*\n$/,
      );
    }
    const said = await run([old!, command, "--version"], consumer.path);
    assert.match(said, /^\d+\.\d+\.\d+\n$/);
  });

  test("the command runs a program that knows nothing of it", async () => {
    const [command] = COMMANDS[ownRuntime];
    await runsCommand(command!, "unmodified.mjs", consumer.path);
  });

  test("the command knows its version", async () => {
    const { version } = JSON.parse(
      readFileSync(`${ROOT}package.json`, "utf8"),
    );
    for (const command of COMMANDS[ownRuntime]) {
      const output = await run([...command, "--version"], consumer.path);
      assert.match(
        output,
        new RegExp(`\\b${version.replaceAll(".", "\\.")}\\b`),
      );
    }
  });

  test("its types resolve and are not any", async () => {
    consumer.write("typed.ts", TYPED);
    // As a project on Node has it, and the package's own files checked too.
    const options = [
      ["--target", "es2023", "--lib", "esnext", "--module", "nodenext"],
      ["--strict", "--exactOptionalPropertyTypes", "--noEmit"],
      ["--types", "node", "--typeRoots", `${ROOT}node_modules/@types`],
    ].flat();
    const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
    await run([binary("node"), tsc, ...options, "typed.ts"], consumer.path);
  });

  test("it holds what it should and depends on nothing", () => {
    assert.deepEqual(readdirSync(`${consumer.path}/node_modules`).sort(), [
      ".bin",
      ".package-lock.json",
      "prefork",
    ]);
    const installed = `${consumer.path}/node_modules/prefork`;
    const manifest = JSON.parse(
      readFileSync(`${installed}/package.json`, "utf8"),
    );
    assert.equal(manifest.dependencies, undefined);
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    const unexpected = files.filter((file) =>
      !/^(package\.json|README\.md|LICENSE|dist|docs)$/
        .test(file) &&
      !/^docs\/[A-Z\d]+\.md$/.test(file) &&
      !/^dist\/((mod|worker|cli)\.js|worker|chunks)$/.test(file) &&
      !/^dist\/(worker\/preload(_require)?|chunks\/\w+)\.js$/.test(file) &&
      !file.endsWith(".d.ts")
    );
    assert.deepEqual(unexpected, []);
    assert.deepEqual(
      files.filter((file) => file.endsWith(".d.ts")).sort(),
      ["dist/cli.d.ts", "dist/mod.d.ts", "dist/worker.d.ts"],
    );
    for (
      const file of ["package.json", "README.md", "LICENSE"]
    ) {
      assert.ok(files.includes(file), `${file} is there`);
    }
  });

  test("it is less than 300 kB to download", async () => {
    const { size } = statSync(await tarball());
    assert.ok(size < 300_000, `${size} bytes`);
  });

  test("what its README leads to is there", () => {
    const installed = `${consumer.path}/node_modules/prefork`;
    const readme = readFileSync(`${installed}/README.md`, "utf8");
    const links = [...readme.matchAll(/(!?)\[[^\]]*\]\(([^)#]+)/g)]
      .map(([, picture, to = ""]) => ({ isPicture: picture === "!", to }));
    // Pages that show pictures take them from the repository.
    const packed = links.filter(({ isPicture, to }) =>
      !isPicture && !to.startsWith("https:")
    );
    assert.ok(packed.length > 5);
    for (const { to } of packed) {
      assert.ok(existsSync(`${installed}/${to}`), to);
    }
    const elsewhere = new RegExp(`^${REPOSITORY}/(blob|tree)/main/`);
    for (const { to } of links.filter(({ to }) => elsewhere.test(to))) {
      assert.ok(existsSync(ROOT + to.replace(elsewhere, "")), to);
    }
  });

  test("the command prints its pages", async () => {
    const [command] = COMMANDS[ownRuntime];
    const page = await run([...command!, "help", "control"], consumer.path);
    assert.match(page, /^# Control$/m);
  });
});
