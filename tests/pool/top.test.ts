/** `prefork top` in a real pseudo terminal, and on a pipe. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fixture, LOCAL, PATH, prefork, ready, watch } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, describe, test } from "../harness.ts";
import { cleanEnv, commandOn, ownRuntime } from "../runtimes.ts";

const directory = mkdtempSync(path.join(tmpdir(), "prefork-top-"));
const env = { XDG_RUNTIME_DIR: directory };
afterAll(() => rmSync(directory, { recursive: true }));

/**
 * Runs a command on a terminal of 80x24. Each line of its own stdin is what is
 * typed next, after what is to be seen first; it says how the command ended.
 */
const TERMINAL = `
import fcntl, json, os, pty, signal, struct, sys, termios
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
seen = b""
while True:
    while steps and steps[0][0].encode() in seen:
        key = steps.pop(0)[1]
        seen = b""
        if key == "TERM": os.kill(pid, signal.SIGTERM)
        else: os.write(terminal, key.encode())
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part: break
    seen += part
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
_, status = os.waitpid(pid, 0)
print("\\nsteps left", len(steps), "code", os.waitstatus_to_exitcode(status))
`;

const python = spawnSync("python3", ["-c", "import pty"]).status === 0;
const skip = python ? undefined : "python3 is not here";

/** What a terminal has shown, with the keys that were pressed meanwhile. */
async function shown(
  steps: readonly (readonly [after: string, key: string])[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const top = [...commandOn(ownRuntime, libraryFile("cli")), "top", "web"];
  const child = spawn("python3", [
    "-c",
    TERMINAL,
    JSON.stringify(steps),
    ...top,
  ], {
    env: cleanEnv({ PATH, TERM: "xterm", LANG: "C", ...env, ...more }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (part) => text += part);
  await using command = watch(child);
  await command.ended;
  return text;
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

describe("a pool on a terminal", () => {
  test(
    "is seen, and told by keys; the terminal is left as it was",
    { skip },
    async () => {
      await using pool = prefork([
        ...["-w", "2", ...LOCAL, "--name", "web"],
        fixture("plain/http.mjs"),
      ], { env });
      await ready(pool);
      const text = await shown([
        ["q quit", "js"],
        ["quiesce 1: done", "s"],
        ["resume 1: done", "r"],
        ["restart 1: done", "?"],
        ["accepted a second", "q"],
      ]);
      assert.ok(
        text.includes(ENTER) && text.indexOf(LEAVE) > text.indexOf(ENTER),
      );
      assert.match(text, /steps left 0 code 0/);
      await pool.line(/^prefork worker-quiesced slot=1 /);
      await pool.line(/^prefork worker-exited slot=1 .*reason=recycled/);

      const ended = await shown([["q quit", "TERM"]], { NO_COLOR: "1" });
      assert.ok(ended.includes(LEAVE));
      assert.match(ended, /steps left 0 code 0/);
      assert.ok(!ended.includes("\x1b[32m"));

      const dumb = await shown([["waiting 0", "\x03"]], { TERM: "dumb" });
      // Deno clears the line when it starts.
      assert.ok(!dumb.includes("\x1b[?"), dumb);

      await using piped = prefork(["top", "web"], { env, verb: true });
      await piped.line(/^ +SLOT +PID +STATE /);
      await piped.line(/^ +1 +\d+ ready /);
      pool.signal("SIGTERM");
      await pool.ended;
      const { code } = await piped.ended;
      assert.equal(code, 1);
      assert.match(
        piped.of("stderr").at(-1)!,
        /^prefork: Cannot ask the pool /,
      );
    },
  );
});
