/** examples/any-language: four languages accept on one socket. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATH, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { documented, leaves, start } from "./example.ts";

const LANGUAGES: Readonly<Record<string, string>> = {
  ruby: "ruby",
  python: "python3",
  perl: "perl",
  c: "cc",
};

const here = Object.keys(LANGUAGES).filter((name) =>
  spawnSync("sh", ["-c", `command -v ${LANGUAGES[name]}`], {
    env: { PATH },
  }).status === 0
);
const skip = here.includes("perl") && here.length > 1
  ? undefined
  : `of the languages there is ${here.join(", ") || "none"}`;

describe("examples/any-language", () => {
  const [line] = documented("any-language");

  test(
    "servers in all languages that are here share a socket, and cut nobody",
    { skip },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "example-"));
      const path = join(folder, "echo.sock");
      try {
        const soon = ["--probation", "0", "--soak", "100ms"];
        await using command = start(line!, `unix:${path}`, soon);
        await command.line(/^prefork ready /);
        const seen = new Map<string, Talk>();
        await until(async () => {
          const talk = new Talk(path);
          const [, name] = /^(\w+) \d+: hello$/.exec(await talk.say("hello"))!;
          if (seen.has(name!)) talk.end();
          else seen.set(name!, talk);
          return seen.size === here.length;
        }, `answers in ${here.join(", ")}`);

        // Each is in the middle of a conversation when it is replaced.
        command.signal("SIGHUP");
        await command.line(/^prefork worker-ready slot=\d generation=2 /);
        for (const [name, talk] of seen) {
          assert.match(
            await talk.say("again"),
            new RegExp(`^${name} \\d+: again$`),
          );
          talk.end();
        }
        await command.line(/^prefork reload-finished /);
        await leaves(command, "SIGTERM");
        assert.equal(existsSync(path), false);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

/** One conversation. */
class Talk {
  readonly #socket;
  #heard = "";

  constructor(path: string) {
    this.#socket = connect(path).setEncoding("utf8");
    this.#socket.on("data", (text: string) => this.#heard += text);
  }

  /** Says a line and waits for the next one. */
  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\n`);
    while (!this.#heard.includes("\n")) await once(this.#socket, "data");
    const [first = "", ...rest] = this.#heard.split("\n");
    this.#heard = rest.join("\n");
    return first;
  }

  end(): void {
    this.#socket.end();
  }
}
