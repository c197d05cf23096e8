/**
 * `prefork init`: the files, the numbers in them, and what is left alone.
 *
 * Runs once, under bun: it makes texts of texts.
 */
import assert from "node:assert/strict";
import { filesOf, init, type InitPlace } from "../../cli/init.ts";
import type { Deployment } from "../../cli/templates/deployment.ts";
import { labelOf, stopSeconds } from "../../cli/templates/deployment.ts";
import { fileOf, meant, recipe } from "../../deploy/recipe.ts";
import { describe, test } from "../harness.ts";
import { fakeOutput } from "./fake_pool.ts";

const PLACE: Omit<InitPlace, "read" | "write"> = {
  directory: "/srv/shop",
  user: "ada",
  exists: (path) => !path.includes("missing"),
  command: ["/usr/bin/node", "/srv/shop/node_modules/.bin/prefork"],
  runtime: "node",
  version: "26.10.0",
  prefork: "0.1.0",
};

/** What a line means. */
const parsed = (line: string): Pick<Deployment, "options" | "words"> =>
  meant(line.split(" "));

/** The files for a line. */
function files(
  line: string,
  more: Partial<Deployment> = {},
): Readonly<Record<string, string>> {
  return filesOf({
    ...PLACE,
    name: "shop",
    manifest: ["package.json"],
    ...parsed(line),
    ...more,
  });
}

/** Runs it where these files are. */
function run(
  line: string,
  there: Record<string, string> = {},
  { more = {}, force = false, print = false } = {},
): { code: number; out: string; err: string; there: Record<string, string> } {
  const [stdout, stderr] = [fakeOutput(), fakeOutput()];
  const code = init({ ...parsed(line), force, print }, {
    ...PLACE,
    ...more,
    read: (path) => there[path],
    write: (path, text) => void (there[path] = text),
  }, { stdout, stderr });
  const [out, err] = [stdout, stderr].map(({ written }) => written.join(""));
  return { code, out: out!, err: err!, there };
}

const NAMES = [
  ...["shop.service", "Dockerfile", ".dockerignore", "compose.yaml"],
  "kubernetes.yaml",
];
const PACKAGE = { "/srv/shop/package.json": "{}" };

test("the recipes of deploy/ are what it writes", () => {
  for (const [name, text] of Object.entries(recipe())) {
    assert.equal(fileOf(name), text, `${name}: node deploy/recipe.ts`);
  }
});

describe("what a stop may take is worked out", () => {
  const rows: readonly (readonly [string, number, number])[] = [
    // 30 s of --grace, and 10 s of --drain-delay in Kubernetes.
    ["server.js", 35, 45],
    ["--grace 20s server.js", 25, 35],
    ["--grace 20s --drain-delay 3s server.js", 28, 28],
    ["--grace 1500ms --drain-delay 0 server.js", 7, 7],
    ["--drain-delay 2m server.js", 155, 155],
  ];
  for (const [line, seconds, pod] of rows) {
    test(line, () => {
      const made = files(line);
      assert.equal(stopSeconds(parsed(line).options), seconds);
      assert.match(
        made["shop.service"]!,
        new RegExp(`^TimeoutStopSec=${seconds}$`, "m"),
      );
      assert.match(
        made["compose.yaml"]!,
        new RegExp(`^ {4}stop_grace_period: ${seconds}s$`, "m"),
      );
      assert.match(
        made["kubernetes.yaml"]!,
        new RegExp(`^ {6}terminationGracePeriodSeconds: ${pod}$`, "m"),
      );
    });
  }
});

/** The words of the command in a manifest. */
function commandIn(manifest: string): unknown[] {
  const [, list = ""] = /command:\n((?: +- .*\n)+)/.exec(manifest) ?? [];
  return list.trim().split("\n").map((line) =>
    JSON.parse(line.trim().slice(2))
  );
}

test("a container gets an address, a name and its health, unless given", () => {
  const line = "-w 2 server.js --verbose";
  const cmd = /^CMD (\[.*\])$/m.exec(files(line)["Dockerfile"]!)?.[1];
  assert.deepEqual(JSON.parse(cmd!), [
    ...["node", "node_modules/prefork/dist/cli.js", "--name", "shop"],
    ...["-l", ":8080", "--health", ":8081", "-w", "2", "server.js"],
    "--verbose",
  ]);
  const given =
    "--name x -l :80 -l api=:8081 --health :9 --drain-delay 1s a.js";
  const { Dockerfile, "kubernetes.yaml": manifest } = files(given);
  assert.deepEqual(commandIn(manifest!), [
    "node",
    "node_modules/prefork/dist/cli.js",
    ...given.split(" "),
  ]);
  assert.match(Dockerfile!, /^EXPOSE 80 8081 9$/m);
  assert.match(manifest!, /name: http\n +containerPort: 80\n/);
  assert.match(manifest!, /name: api\n +containerPort: 8081\n/);
  assert.match(manifest!, /ip_unprivileged_port_start\n +value: "0"/);
});

test("a port that is the program's is not that of its health", () => {
  const { Dockerfile } = files("-l :8081 server.js");
  assert.match(Dockerfile!, /"--health", ":8080"/);
});

test("a health that no port answers is refused", () => {
  assert.throws(
    () => files("--health unix:/run/h.sock server.js"),
    /^TypeError: Cannot use "unix:\/run\/h.sock" for "--health" here: .* --health :8081$/,
  );
});

test("words mean in each file what they mean on the command line", () => {
  const words = ["-l", ":1", "a b.js", 'say "$HOME" \\', "100%", "$(X)"];
  const made = files("x", meant(words));
  assert.match(
    made["shop.service"]!,
    /^ExecStart=.* -l :1 "a b\.js" "say \\"\$\$HOME\\" \\\\" 100%% "\$\$\(X\)"$/m,
  );
  assert.equal(commandIn(made["kubernetes.yaml"]!).at(-1), "$$(X)");
  assert.ok(
    made["Dockerfile"]!.endsWith(
      `${words.map((word) => JSON.stringify(word)).join(", ")}]\n`,
    ),
  );
});

test("the unit is of who calls, or of a user that systemd makes for root's", () => {
  assert.match(files("a.js")["shop.service"]!, /^User=ada$/m);
  const root = files("a.js", { user: undefined })["shop.service"]!;
  assert.match(root, /^DynamicUser=yes$/m);
  assert.doesNotMatch(root, /^User=/m);
  assert.match(
    files("-l :443 a.js")["shop.service"]!,
    /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m,
  );
});

test("a Node that cannot tell systemd is not waited for", () => {
  const unit = (version: string): string =>
    files("a.js", { version })["shop.service"]!;
  assert.match(unit("26.9.0"), /^Type=notify$/m);
  assert.match(unit("26.8.1"), /^Type=exec$/m);
  assert.match(unit("22.12.0"), /^Type=exec$/m);
});

test("how the pool is reloaded follows from where it is asked", () => {
  const reload = (line: string): string | undefined =>
    /^ExecReload=(.*)$/m.exec(files(line)["shop.service"]!)?.[1];
  const prefork = PLACE.command.join(" ");
  assert.equal(reload("a.js"), `${prefork} reload /run/shop/control.sock`);
  assert.equal(reload("--control /run/x a.js"), `${prefork} reload /run/x`);
  assert.equal(reload("--control off a.js"), "kill -HUP $MAINPID");
});

describe("each runtime has its image", () => {
  const rows: readonly (readonly [Deployment["runtime"], string, RegExp])[] = [
    [
      "node",
      "26.10.0",
      /node:26-slim\n[^]*npm install[^]*CMD \["node", "node_/,
    ],
    [
      "bun",
      "1.4.4",
      /bun:1\.4\.4-slim\n[^]*bun install[^]*CMD \["bun", "node_/,
    ],
    ["deno", "2.9.5", /deno:2\.9\.5\n[^]*CMD \["deno", "run", "-A", "jsr:@pre/],
  ];
  for (const [runtime, version, image] of rows) {
    test(runtime, () => {
      assert.match(files("a.js", { runtime, version })["Dockerfile"]!, image);
    });
  }
});

test("files are written once, and never over others", () => {
  const first = run("server.js", {
    ...PACKAGE,
    "/srv/shop/Dockerfile": "mine",
  });
  assert.equal(first.code, 1);
  assert.equal(first.there["/srv/shop/Dockerfile"], "mine");
  assert.equal(
    first.err,
    "prefork: Dockerfile is there and was left as it is; --force replaces it, --print shows what it would be\n",
  );
  const wrote = NAMES.filter((name) => name !== "Dockerfile")
    .map((name) => `prefork wrote file=${name}\n`).join("");
  assert.equal(first.out, wrote);

  const forced = run("server.js", first.there, { force: true });
  assert.equal(forced.code, 0);
  assert.match(forced.out, /^prefork wrote file=Dockerfile$/m);
  assert.match(forced.out, /^prefork unchanged file=compose\.yaml$/m);
  const again = run("server.js", forced.there);
  assert.deepEqual([again.code, again.err], [0, ""]);
  assert.doesNotMatch(again.out, /wrote/);
});

test("printed files are not written", () => {
  const { code, out, there } = run("server.js", { ...PACKAGE }, {
    print: true,
  });
  assert.equal(code, 0);
  assert.deepEqual(there, PACKAGE);
  for (const name of NAMES) assert.ok(out.includes(`==> ${name} <==\n`), name);
});

describe("what would not work is told", () => {
  const rows: readonly (readonly [string, object, RegExp])[] = [
    ["-l 127.0.0.1:80 a.js", {}, /127\.0\.0\.1:80 .* ":80" from outside/],
    ["/opt/a.js", {}, /\/opt\/a\.js is outside of \/srv\/shop/],
    ["-r bun a.js", {}, /the image has node: .* \(bun\)/],
    ["a.js", { command: ["/x/_npx/1/prefork"] }, /npm install prefork/],
  ];
  for (const [line, more, note] of rows) {
    test(line, () => {
      const { err } = run(line, { ...PACKAGE }, { more });
      assert.match(err, note);
      assert.match(err, /^prefork: note: [^\n]*\n$/);
    });
  }
  test("no package.json", () => {
    assert.match(run("a.js").err, /there is no package\.json here/);
  });
});

test("a program inside is found in the container by its place", () => {
  const made = files("/srv/shop/src/a.js");
  assert.equal(commandIn(made["kubernetes.yaml"]!).at(-1), "src/a.js");
});

test("wrong options are refused before anything is written", () => {
  const there = { ...PACKAGE };
  assert.throws(() => run("-w 0 server.js", there), /from 1 to 1024/);
  assert.throws(() => run("--user www server.js", there), /without root/);
  assert.throws(() => run("missing.js", there), {
    code: "ERR_BOOT",
    message: 'Cannot write files for "missing.js": there is no such file',
  });
  assert.throws(
    () => run("--chdir /missing server.js", there),
    /there is no such file/,
  );
  assert.deepEqual(there, PACKAGE);
});

test("its own flags stand before the pool's, and behind the program are that's", () => {
  assert.throws(
    () => meant(["-w", "2", "--print", "a.js"]),
    /^TypeError: Cannot understand "--print": .* write prefork init --print /,
  );
  assert.deepEqual(meant(["a.js", "--print"]).options.args, ["--print"]);
});

test("names become labels of DNS", () => {
  const rows = [
    ["Shop", "shop"],
    ["my_app.v2", "my-app-v2"],
    ["8080", "app-8080"],
    ["null", "app-null"],
    ["---", "app"],
    ["x".repeat(60), "x".repeat(40)],
  ] as const;
  for (const [text, label] of rows) assert.equal(labelOf(text), label);
});
