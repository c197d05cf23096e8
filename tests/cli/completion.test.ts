/** What shells are told to complete, and that they do. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { OPTION_NAMES } from "../../cli/options.ts";
import { completions, scriptFor, SHELLS } from "../../cli/completion.ts";
import { VERBS } from "../../cli/verbs.ts";
import { PATH } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, describe, test } from "../harness.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";
import { poolStatus } from "./fake_pool.ts";

const run = promisify(execFile);

const directory = mkdtempSync(path.join(tmpdir(), "prefork-completion-"));
afterAll(() => rmSync(directory, { recursive: true }));

const KNOWN = {
  names: () => Promise.resolve(["web", "api"]),
  slots: () => Promise.resolve(3),
  topics: () => ["control", "config", "logs"],
};

describe("what may come next", () => {
  for (
    const [words, expected] of [
      ["re", ["reload", "restart", "resume", "reopen"]],
      ["--roll", ["--rollback"]],
      ["--rollback ", ["park", "restart", "none"]],
      ["-s sha", ["shared", "sharded"]],
      ["reload ", ["web", "api"]],
      ["reload web ", []],
      ["restart ", ["0", "1", "2"]],
      ["quiesce 1 w", ["web"]],
      ["quiesce 1 --", ["--force"]],
      ["status --", ["--json", "--watch"]],
      ["doctor ", ["web", "api"]],
      ["doctor w", ["web"]],
      ["completion ", [...SHELLS]],
      ["help con", ["control", "config"]],
      ["help logs ", []],
    ] as const
  ) {
    test(`after "prefork ${words}"`, async () => {
      const found = await completions(words.split(" "), KNOWN);
      assert.deepEqual(found.sort(), [...expected].sort());
    });
  }

  test("every verb and every option", async () => {
    const verbs = await completions([""], KNOWN);
    for (const verb of Object.keys(VERBS)) {
      assert.ok(verbs.includes(verb), verb);
    }
    // One that may stand with a value and without is named once.
    const options = [...new Set(OPTION_NAMES)];
    assert.deepEqual(await completions(["--"], KNOWN), options);
  });

  test("a shell that is not known is told which are", () => {
    assert.throws(() => scriptFor(["tcsh"]), /"tcsh": .* bash\|zsh\|fish$/);
  });
});

/** What makes each shell say what it would complete, and how it is called. */
const ASKED = {
  bash: [
    "-c",
    `. ./script
    COMP_WORDS=(prefork quiesce 1 w); COMP_CWORD=3; _prefork
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  zsh: [
    "-fc",
    `compdef() { :; }; . ./script
    compadd() { print -l -- $found; }
    words=(prefork quiesce 1 w); CURRENT=4; _prefork`,
  ],
  fish: ["-N", "-c", `source ./script; complete -C "prefork quiesce 1 w"`],
} as const;

describe("in a shell", () => {
  for (const shell of SHELLS) {
    const there = spawnSync(shell, ["-c", ":"]).status === 0;
    test(
      shell,
      { skip: there ? undefined : `${shell} is not here` },
      async () => {
        const bin = path.join(directory, shell);
        mkdirSync(path.join(bin, "prefork"), { recursive: true });
        // Nobody answers there, as where a pool was killed.
        writeFileSync(path.join(bin, "prefork", "worn.sock"), "");
        const server = createServer((_, response) => {
          const pool = { name: "web", pid: 4711, runtime: "node 26.10.0" };
          const told = { prefork: 1, pool, status: poolStatus() };
          response.end(JSON.stringify(told));
        });
        const socket = path.join(bin, "prefork", "web.sock");
        await new Promise<void>((resolve) => server.listen(socket, resolve));
        writeFileSync(path.join(bin, "script"), scriptFor([shell]));
        mkdirSync(path.join(bin, "bin"));
        const own = path.join(bin, "bin", "prefork");
        const [file, ...args] = commandOn(ownRuntime, libraryFile("cli"));
        writeFileSync(own, `#!/bin/sh\nexec ${file} ${args.join(" ")} "$@"\n`);
        chmodSync(own, 0o755);
        const { stdout, stderr } = await run(shell, ASKED[shell], {
          cwd: bin,
          env: {
            PATH: `${path.dirname(own)}:${PATH}`,
            XDG_RUNTIME_DIR: bin,
            HOME: bin,
          },
        });
        server.close();
        assert.equal(stdout.trim(), "web", stderr);
      },
    );
  }
});
