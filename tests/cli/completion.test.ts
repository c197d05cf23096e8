/** What shells are told to complete, and that they do. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { OPTION_NAMES } from "../../cli/options.ts";
import { completions, scriptFor, SHELLS } from "../../cli/completion.ts";
import { VERBS } from "../../cli/verbs.ts";
import { PATH } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, describe, test } from "../harness.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

const directory = mkdtempSync(path.join(tmpdir(), "prefork-completion-"));
afterAll(() => rmSync(directory, { recursive: true }));

const POOLS = {
  names: () => ["web", "api"],
  slots: () => Promise.resolve(3),
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
      ["completion ", [...SHELLS]],
    ] as const
  ) {
    test(`after "prefork ${words}"`, async () => {
      const found = await completions(words.split(" "), POOLS);
      assert.deepEqual(found.sort(), [...expected].sort());
    });
  }

  test("every verb and every option", async () => {
    const verbs = await completions([""], POOLS);
    for (const verb of Object.keys(VERBS)) {
      assert.ok(verbs.includes(verb), verb);
    }
    // One that may stand with a value and without is named once.
    const options = [...new Set(OPTION_NAMES)];
    assert.deepEqual(await completions(["--"], POOLS), options);
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
    test(shell, { skip: there ? undefined : `${shell} is not here` }, () => {
      const bin = path.join(directory, shell);
      mkdirSync(path.join(bin, "prefork"), { recursive: true });
      writeFileSync(path.join(bin, "prefork", "web.sock"), "");
      writeFileSync(path.join(bin, "script"), scriptFor([shell]));
      mkdirSync(path.join(bin, "bin"));
      const own = path.join(bin, "bin", "prefork");
      const [file, ...args] = commandOn(ownRuntime, libraryFile("cli"));
      writeFileSync(own, `#!/bin/sh\nexec ${file} ${args.join(" ")} "$@"\n`);
      chmodSync(own, 0o755);
      const { stdout, stderr } = spawnSync(shell, ASKED[shell], {
        cwd: bin,
        encoding: "utf8",
        env: {
          PATH: `${path.dirname(own)}:${PATH}`,
          XDG_RUNTIME_DIR: bin,
          HOME: bin,
        },
      });
      assert.equal(stdout.trim(), "web", stderr);
    });
  }
});
