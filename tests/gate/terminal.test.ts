/**
 * The terminal in memory by which the pictures of the README are drawn, and the
 * pictures.
 *
 * Runs once, under vitest: it compares texts.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { screenSvg } from "../../scripts/lib/screen_svg.ts";
import { Terminal, textOf } from "../../scripts/lib/terminal.ts";
import { describe, test } from "../harness.ts";

const root = new URL("../../", import.meta.url);
const read = (file: string): string =>
  readFileSync(new URL(file, root), "utf8");

/** What a small screen shows after something was written to it. */
function shown(...parts: readonly string[]): string[] {
  const terminal = new Terminal(10, 3);
  for (const [at, part] of parts.entries()) terminal.write(part, at);
  return terminal.lines.map(textOf);
}

describe("a terminal", () => {
  test("wraps, scrolls and keeps what has left it", () => {
    assert.deepEqual(shown("0123456789ab\r\n2\r\n3\r\n4"), [
      "0123456789",
      "ab",
      "2",
      "3",
      "4",
    ]);
  });

  test("obeys what moves the cursor and erases", () => {
    for (
      const [text, lines] of [
        ["starting\r\x1b[Kdone", ["done"]],
        ["abc\b\bX", ["aXc"]],
        ["a\tb", ["a       b"]],
        ["\x1b[2;3Hx\x1b[Hy", ["y", "  x"]],
        ["a\r\nb\x1b[1Ac\x1b[Bd", ["ac", "b d"]],
        ["abc\x1b[2Dx\x1b[Cy", ["axcy"]],
        ["a\r\nb\x1b[H\x1b[J", [""]],
        ["a\r\nb\x1b[2J\x1b[Hc", ["c", ""]],
        ["a\x1b[?1049hb\x1b[?25l\x1b[?1049l", ["a"]],
        ["\x1b]0;title\x07a", ["a"]],
      ] as const
    ) assert.deepEqual(shown(text), lines, JSON.stringify(text));
  });

  test("refuses what it does not know", () => {
    assert.throws(() => shown("\x1b[5S"), /Cannot show CSI 5S/);
    assert.throws(() => shown("\x1b[38m"), /Cannot show SGR 38/);
    assert.throws(() => shown("\x01"), /Cannot show "\\u0001"/);
  });

  test("is drawn: each run where it stands, in its look, when it came", () => {
    const terminal = new Terminal(20, 3);
    terminal.write("\x1b[1;31ma<b\x1b[0m  c\r\n", 1_000);
    terminal.write("\x1b[7m d \x1b[0m", 1_500);
    terminal.write("\r\nz", 60_000);
    const svg = screenSvg({
      title: "t",
      lines: terminal.lines,
      columns: 20,
      moves: true,
    });
    assert.match(
      svg,
      /<text class="r bold" x="14" y="27" textLength="25\.2">a&lt;b</,
    );
    assert.match(svg, /<text x="56" y="27" textLength="8\.4">c</);
    assert.match(svg, /<rect class="block" x="14" y="31" width="25\.2"/);
    assert.deepEqual(
      [...svg.matchAll(/animation-delay:([\d.]+)s/g)].map(([, s]) => s),
      ["0", "0.5", "1.7"],
    );
  });
});

describe("the pictures", () => {
  test("are small, and can be read on dark pages too", () => {
    const pictures = readdirSync(new URL("docs/", root)).filter((name) =>
      name.endsWith(".svg")
    );
    assert.ok(pictures.includes("reload.svg"));
    for (const name of pictures) {
      const { size } = statSync(new URL(`docs/${name}`, root));
      assert.ok(size < 60_000, `${name}: ${size} bytes`);
      assert.match(read(`docs/${name}`), /prefers-color-scheme: ?dark/);
    }
  });

  test("of a broken reload says what the first steps in the README say", () => {
    const [, sentence] = /^(prefork: Cannot reload.*)$/m.exec(
      read("README.md"),
    )!;
    const [, said] = /<desc id="d">(.*?)<\/desc>/s.exec(
      read("docs/reload.svg"),
    )!;
    assert.ok(said!.replaceAll("\n", "").includes(sentence!));
    assert.match(said!, /^\d+ requests answered, 0 failed$/m);
  });
});
