/**
 * What a pool can do with which permissions: each row of docs/PERMISSIONS.md is
 * run with exactly what it names, and without each of that.
 *
 * Runs once, under bun: what has the permissions is on Deno or on Node under
 * each runner, and Bun has none.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Command,
  fixture,
  LOCAL,
  prefork,
  ready,
  until,
} from "../command.ts";
import { docsPage, tableBelow } from "../core/docs_page.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { freePort } from "../ports.ts";
import { binary, commandOn, ownRuntime } from "../runtimes.ts";
import { DEEDS, type Scene } from "./permission_deeds.ts";
import {
  ANY,
  type Feature,
  FEATURES,
  type Need,
  type Place,
  PLACES,
} from "./permission_table.ts";

const cli = libraryFile("cli");
/** Deno without a prompt, with these permissions. */
function denoWith(
  permissions: readonly string[],
): readonly [string, ...string[]] {
  const flags = permissions.map((each) => `--allow-${each}`);
  return [binary("deno"), "run", "--no-prompt", "--no-check", ...flags, cli];
}

const command = denoWith(["read", "write", "net", "env", "sys", "run"]);

describe("Deno without --allow-ffi", () => {
  for (const share of ["balanced", "shared", "sharded", "handoff"]) {
    test(`${share} is refused, naming the flag and the mode that works`, async () => {
      await using refused = prefork(
        ["-s", share, ...LOCAL, fixture("pid.ts")],
        { command },
      );
      assert.equal((await refused.ended).code, 2, refused.lines.join("\n"));
      assert.equal(refused.lines.length, 1);
      assert.match(refused.lines[0]!, /--allow-ffi/);
      assert.match(refused.lines[0]!, /reuseport/);
    });
  }

  test("auto takes reuseport, says why, and works, but for an upgrade", async () => {
    await using running = prefork(
      ["-w", "2", "--probation", "0", ...LOCAL, fixture("pid.ts")],
      { command },
    );
    const { share, listen } = await ready(running);
    assert.equal(share, "reuseport");
    await running.line(
      /^prefork listening .*share=reuseport reason=.*--allow-ffi/,
    );
    await distinct(listen!, 2);
    running.signal("SIGHUP");
    await running.line(/^prefork reload-finished /);
    running.signal("SIGUSR2");
    await running.line(/Cannot upgrade the pool: .*on Deno with --allow-ffi/);
    running.signal("SIGTERM");
    assert.equal((await running.ended).code, 0, running.lines.join("\n"));
  });
});

/** What a command on a runtime has before our own options. */
function startedAs(
  place: Place,
  flags: readonly string[],
): { readonly command?: [string, ...string[]]; readonly args: string[] } {
  const passed = flags.flatMap((flag) => ["--runtime-arg", flag]);
  switch (place) {
    case "supervisor on Deno":
      return {
        command: [
          ...[binary("deno"), "run", "--no-prompt", "--no-check"] as const,
          ...[...flags, cli],
        ],
        args: ["-r", "node"],
      };
    case "supervisor on Node":
      return {
        command: [binary("node"), "--permission", ...flags, cli],
        args: ["-r", "node"],
      };
    case "worker on Deno":
      return { args: ["-r", "deno", ...passed] };
    case "worker on Node":
      return {
        args: ["-r", "node", "--runtime-arg", "--permission", ...passed],
      };
  }
}

/** The flags with which a feature works somewhere. */
function flagsOf({ needs, spares }: Feature, place: Place): string[] {
  const every = feature(ANY, place).filter(({ flag }) => !spares?.test(flag));
  const own = needs[place] ?? [];
  const others = needs === ANY.needs ? [] : own;
  return [...every, ...others].map(({ flag }) => flag);
}

function feature({ needs }: Feature, place: Place): readonly Need[] {
  return needs[place] ?? [];
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "prefork-permission-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Starts a pool by a set of options, with these flags and no others. */
function start(
  { program = "plain/http.mjs" }: Feature,
  place: Place,
  options: readonly string[],
  flags: readonly string[],
  { parent = [], env = {} }: Pick<Scene, "parent" | "env">,
  port = 0,
): Command {
  const real = (text: string): string =>
    text.replaceAll("DIR", directory).replace("PORT", String(port));
  const { command = commandOn(ownRuntime, cli), args } = startedAs(
    place,
    flags.map(real),
  );
  const words = [...parent, ...command] as [string, ...string[]];
  const own = options.includes("--control") ? [] : ["--control", "off"];
  return prefork(
    ["-w", "1", ...args, ...own, ...options.map(real), fixture(program)],
    { command: words, env },
  );
}

const FEATURES_HERE = [ANY, ...FEATURES].flatMap((each) =>
  PLACES.filter((place) => each.needs[place] !== undefined)
    .map((place) => ({ each, place }))
);

/** Runs each set of options of a feature in a scene of its own. */
async function inScenes(
  { options, deed = "requests" }: Feature,
  run: (options: readonly string[], scene: Scene) => Promise<void>,
): Promise<void> {
  for (const each of options) {
    const scene = DEEDS[deed].begin(directory);
    try {
      await run(each, scene);
    } finally {
      scene.close?.();
    }
  }
}

for (const { each, place } of FEATURES_HERE) {
  const needs = feature(each, place);
  const all = flagsOf(each, place);
  const { skip } = DEEDS[each.deed ?? "requests"];

  test(`${place}, ${each.name}: works with what docs/PERMISSIONS.md says`, {
    skip,
  }, async () => {
    await inScenes(each, async (options, scene) => {
      const port = options.some((option) => option.includes("PORT"))
        ? await freePort()
        : 0;
      await using running = start(each, place, options, all, scene, port);
      if (options.includes("--log-file")) {
        const log = (): string => readFileSync(join(directory, "log"), "utf8");
        await until(() => log().includes("prefork ready"), "in the log file");
        return;
      }
      const { listen } = await ready(running);
      const said = running.lines.join("\n");
      for (const { says } of needs) assert.doesNotMatch(said, says);
      if (each === ANY) assert.match(said, /share=balanced/);
      await scene.see(running, listen!);
      if (port === 0) return;
      const path = options.includes("--health") ? "/ready" : "/metrics";
      assert.equal((await get(`127.0.0.1:${port}`, path)).status, 200);
    });
  });

  for (const { flag, says, goesOn, earlier } of needs) {
    test(`${place}, ${each.name}: without ${flag} a sentence says so`, {
      skip,
    }, async () => {
      const less = all.filter((given) => given !== flag);
      await inScenes(each, async (options, scene) => {
        await using running = start(each, place, options, less, scene);
        if (goesOn) {
          await ready(running);
          await running.line(says);
        } else {
          const { code } = await running.ended;
          const said = running.lines.join("\n");
          assert.match(earlier ? said : running.lines.at(-1)!, says, said);
          assert.ok(code !== 0 && (earlier || code !== 1), `${code}: ${said}`);
        }
        // The stack of an error is none.
        if (!earlier) {
          assert.doesNotMatch(running.lines.join("\n"), /^(\[0\])? +at /m);
        }
      });
    });
  }
}

test("the page has the same table", () => {
  const page = tableBelow(docsPage("PERMISSIONS.md"), "## What is needed");
  const cell = (needs: readonly Need[]): string =>
    needs.map(({ flag }) => `\`${flag}\``).join(", ");
  assert.deepEqual(page.head, ["for", ...PLACES]);
  assert.deepEqual(
    page.rows,
    [ANY, ...FEATURES].map((each) => [
      each.name,
      ...PLACES.map((place) => cell(feature(each, place))),
    ]),
  );
});
