import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get, unanswered } from "../http.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-bind-"));
chmodSync(dir, 0o755);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const PROGRAM = fixture("pid.ts");

async function occupied(): Promise<{ port: number } & AsyncDisposable> {
  const server = net.createServer();
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => server.close(() => resolve())),
  };
}

describe("an address that cannot be bound", () => {
  for (
    const share of ["balanced", "shared", "sharded", "reuseport", "handoff"]
  ) {
    test(`port in use, ${share}: exit code 4, the address and its holder, no worker`, async () => {
      await using other = await occupied();
      await using command = prefork([
        "-s",
        share,
        "-l",
        `127.0.0.1:${other.port}`,
        PROGRAM,
      ]);
      assert.equal((await command.ended).code, 4);
      assert.equal(command.lines.length, 1, command.lines.join("\n"));
      assert.match(
        command.lines[0]!,
        new RegExp(`127\\.0\\.0\\.1:${other.port}`),
      );
      if (process.platform === "linux") {
        assert.match(command.lines[0]!, new RegExp(`\\b${process.pid}\\b`));
      }
    });
  }

  for (const share of ["sharded", "reuseport"]) {
    test(`a second pool on the port of a ${share} one is refused`, async () => {
      await using first = prefork(["-w", "1", "-s", share, ...LOCAL, PROGRAM]);
      const { listen } = await ready(first);
      await using second = prefork([
        "-w",
        "1",
        "-s",
        share,
        "-l",
        listen!,
        PROGRAM,
      ]);
      assert.equal((await second.ended).code, 4);
      assert.equal((await get(listen!)).status, 200);
    });
  }

  test("an address of another machine: exit code 4", async () => {
    await using command = prefork(["-l", "192.0.2.1:8080", PROGRAM]);
    assert.equal((await command.ended).code, 4);
    assert.match(command.lines[0]!, /192\.0\.2\.1:8080/);
  });
});

describe("a Unix socket", () => {
  test("has its mode before anyone can connect, and goes away on a clean stop", async () => {
    const path = join(dir, "mode.sock");
    await using command = prefork([
      "-w",
      "2",
      "-l",
      `unix:${path}?mode=0640`,
      PROGRAM,
    ]);
    const { listen } = await ready(command);
    assert.equal(listen, `unix:${path}`);
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.match((await get(listen!)).body, /^pid \d+$/);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.equal(existsSync(path), false);
  });

  test("that is dead is replaced", async () => {
    const path = join(dir, "dead.sock");
    await using first = prefork(["-w", "1", "-l", `unix:${path}`, PROGRAM]);
    await ready(first);
    first.signal("SIGKILL");
    await first.ended;
    assert.equal(existsSync(path), true);
    await unanswered(`unix:${path}`);
    await using second = prefork(["-w", "1", "-l", `unix:${path}`, PROGRAM]);
    const { listen } = await ready(second);
    assert.equal((await get(listen!)).status, 200);
  });

  test("that is alive is refused and left alone", async () => {
    const path = join(dir, "live.sock");
    await using first = prefork(["-w", "1", "-l", `unix:${path}`, PROGRAM]);
    const { listen } = await ready(first);
    await using second = prefork(["-w", "1", "-l", `unix:${path}`, PROGRAM]);
    assert.equal((await second.ended).code, 4);
    assert.match(second.lines[0]!, /live\.sock/);
    assert.equal((await get(listen!)).status, 200);
  });

  test("in the place of another kind of file is refused and the file left alone", async () => {
    const path = join(dir, "notes.txt");
    writeFileSync(path, "precious");
    await using command = prefork(["-l", `unix:${path}`, PROGRAM]);
    assert.equal((await command.ended).code, 4);
    assert.equal(readFileSync(path, "utf8"), "precious");
  });

  test("in a directory that is not there is refused", async () => {
    await using command = prefork(["-l", `unix:${dir}/none/x.sock`, PROGRAM]);
    assert.equal((await command.ended).code, 4);
    assert.match(command.lines[0]!, /none\/x\.sock/);
  });
});
