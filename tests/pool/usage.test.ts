import assert from "node:assert/strict";
import { fixture, prefork } from "../command.ts";
import { describe, test } from "../harness.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

const PROGRAM = fixture("pid.ts");

/** Arguments, and what the one line on stderr must name. */
const BAD: readonly (readonly [readonly string[], ...RegExp[]])[] = [
  [["-l", "nonsense", PROGRAM], /"nonsense"/, /host:port/],
  [["-l", ":99999", PROGRAM], /"99999"/, /0 to 65535/],
  [["-l", "unix:", PROGRAM], /"unix:"/, /empty/, /unix:\/path/],
  [["-l", `unix:/${"x".repeat(107)}`, PROGRAM], /108 bytes/, /107/],
  [["--colour", PROGRAM], /"--colour"/, /--help/],
  [["-w", "0", PROGRAM], /Cannot use 0/, /1 to 1024/],
  [["-w", "-1", PROGRAM], /Cannot use -1/, /1 to 1024/],
  [["-w", "x", PROGRAM], /"x"/, /whole number, a range such as 2-8, or auto/],
  [["-w", "1e9", PROGRAM], /1000000000/, /1 to 1024/],
  [["-s", "magic", PROGRAM], /"magic"/, /shared, sharded/],
  [["-r", "ruby", PROGRAM], /"ruby"/, /node, deno, bun/],
  [["-w", "3", "-r", "node=1,bun=1", PROGRAM], /3/, /adds up to 2/],
  [["--grace", "soon", PROGRAM], /"soon"/, /30s/],
  [["-s", "sharded", "-l", "unix:/tmp/x.sock", PROGRAM], /sharded/, /"shared"/],
  [["-s", "reuseport", "-l", "unix:/tmp/x.sock", PROGRAM], /TCP only/],
  [["-s", "handoff", "-r", "exec", "true"], /receive a connection/],
  [["-w"], /needs a value/],
  [[], /without a program/],
];

describe("wrong usage", () => {
  for (const [args, ...patterns] of BAD) {
    const short = args.map((arg) => arg === PROGRAM ? "app" : arg.slice(0, 30));
    test(`prefork ${short.join(" ")}: exit code 2 and one sentence`, async () => {
      await using command = prefork(args);
      assert.deepEqual(await command.ended, { code: 2, signal: null });
      assert.equal(command.lines.length, 1, command.lines.join("\n"));
      for (const pattern of patterns) {
        assert.match(command.lines[0]!, pattern);
      }
    });
  }

  test("the library in the place of the command says which that is", async () => {
    await using library = prefork(["-w", "2", PROGRAM], {
      command: commandOn(ownRuntime, libraryFile("mod")),
    });
    assert.equal((await library.ended).code, 2);
    assert.deepEqual(library.lines, [
      'prefork: this module is the library, the command is "deno run -A jsr:@prefork/prefork/cli", "npx prefork" or "bunx --bun prefork"',
    ]);
  });

  test("--help and --version go to stdout with exit code 0", async () => {
    for (const arg of ["--help", "--version"]) {
      await using command = prefork([arg]);
      assert.equal((await command.ended).code, 0);
      assert.ok(command.of("stdout").length > 0);
      assert.deepEqual(command.of("stderr"), []);
    }
  });
});
