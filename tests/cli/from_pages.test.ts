/**
 * The pages for who comes from something else name commands, options and
 * signals that there are.
 *
 * Runs once, under vitest: it compares texts.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../cli/arguments.ts";
import { HELP } from "../../cli/help.ts";
import {
  SIGNAL_PRESETS,
  type SignalAction,
} from "../../core/options/signals.ts";
import type { Signal } from "../../core/adapter.ts";
import { docsPage, tableBelow } from "../core/docs_page.ts";
import { describe, test } from "../harness.ts";

const FOLDER = fileURLToPath(new URL("../../docs/from/", import.meta.url));
const PAGES = readdirSync(FOLDER).map((name) => `from/${name}`);

/** What the table of signals calls what a pool does. */
const WORDS: Readonly<Record<SignalAction, string>> = {
  stop: "ends gracefully",
  quick: "ends at once",
  interrupt: "ends gracefully, then at once",
  reload: "reload",
  upgrade: "another supervisor",
  reopen: "opens log files anew",
  quiesce: "workers leave",
  report: "logs what workers do",
  more: "one worker more",
  fewer: "one worker fewer",
};

/** The cells of every column of a page that is prefork's. */
function oursIn(page: string): string[] {
  let column = -1;
  return page.split("\n").flatMap((line) => {
    const cells = line.startsWith("|")
      ? line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())
      : [];
    const head = cells.indexOf("prefork");
    if (cells.length === 0 || head >= 0) column = head;
    return column >= 0 && head < 0 ? [cells[column]!] : [];
  });
}

/** The command lines of a page, without what stands for something else. */
function commandsIn(page: string): string[] {
  return [
    ...[...page.matchAll(/^ {4}(?:.* -- )?prefork (.*)$/gm)],
    ...oursIn(page).flatMap((cell) => [...cell.matchAll(/`prefork ([^`]*)`/g)]),
  ].map(([, words]) => words!.replace("SLOT", "0"));
}

describe("a page for who comes from something else", () => {
  for (const name of PAGES) {
    test(`${name} names what there is`, () => {
      const page = docsPage(name);
      const commands = commandsIn(page);
      assert.ok(commands.length > 0);
      for (const command of commands) {
        if (/^(?:check|init)$/.test(command)) continue;
        const { kind } = parseCommandLine(command.split(" "));
        assert.match(kind, /^(?:run|control|upgrade)$/, command);
      }
      const options = oursIn(page).flatMap((cell) =>
        [...cell.matchAll(/`(--[a-z-]+)/g)].map(([, option]) => option!)
      );
      assert.ok(options.length > 1);
      for (const option of options) {
        assert.match(HELP, new RegExp(`^ {2}.{4}${option}\\b`, "m"), option);
      }
    });
  }
});

test("the table of signals says what the presets do", () => {
  const page = docsPage("from/UNICORN_PUMA_GUNICORN.md");
  const { head, rows } = tableBelow(page, "## Signals");
  for (
    const [title, preset] of [
      ["prefork", "default"],
      ["`--signals unicorn`", "unicorn"],
      ["`--signals gunicorn`", "gunicorn"],
    ] as const
  ) {
    const column = head.indexOf(title);
    const said = rows.map((row) => [row[0]!, row[column]!] as const)
      .filter(([, does]) => does !== "");
    const does = Object.entries(SIGNAL_PRESETS[preset]).map(
      ([signal, action]) => [(signal as Signal).slice(3), WORDS[action]],
    );
    assert.deepEqual(Object.fromEntries(said), Object.fromEntries(does), title);
  }
});
