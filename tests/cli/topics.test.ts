/**
 * The pages that `prefork help` knows.
 *
 * Runs once, under vitest: it compares texts.
 */
import assert from "node:assert/strict";
import { pagesOf, pageText, topicsText } from "../../cli/topics.ts";
import { describe, test } from "../harness.ts";

const CLI = new URL("../../cli.ts", import.meta.url).href;

/** What a topic that is no page is answered. */
function refusal(topic: string): string {
  try {
    pageText(topic, pagesOf(CLI));
  } catch (error) {
    assert.ok(error instanceof TypeError);
    return error.message;
  }
  throw new Error(`"${topic}" is a page`);
}

describe("prefork help TOPIC", () => {
  test("prints a page, however its name is written", () => {
    for (const topic of ["control", "CONTROL", "control.md", "Control.MD"]) {
      assert.match(pageText(topic.toLowerCase(), pagesOf(CLI)), /^# Control\n/);
    }
    assert.match(pageText("readme", pagesOf(CLI)), /^# prefork\n/);
    assert.match(pageText("changelog", pagesOf(CLI)), /^# Changelog\n/);
  });

  test("finds the same pages from what is built", () => {
    const built = new URL("dist/cli.js", CLI).href;
    assert.deepEqual(pagesOf(built)?.names, pagesOf(CLI)?.names);
  });

  test("names what is near, or has a part about it", () => {
    assert.match(refusal("signal"), /"signal": .* near is signals$/);
    assert.match(refusal("contorl"), /near is control$/);
    assert.match(refusal("reload"), /a part of .*\bsupervision\b/);
    assert.match(refusal("relod"), /a part of .*\bsupervision\b/);
    assert.match(refusal("xyzzyxyzzy"), /there are .*control.*https:/);
  });

  test("says where they are read when none came along", () => {
    const jsr = pagesOf("https://jsr.io/@prefork/prefork/0.1.0/cli.ts");
    assert.equal(jsr, undefined);
    assert.throws(() => pageText("control", jsr), /no pages .*https:/);
    assert.match(topicsText(jsr), /^\nMore: https:/);
  });

  test("lists them in lines that fit a terminal", () => {
    const text = topicsText(pagesOf(CLI));
    for (const name of pagesOf(CLI)!.names) {
      assert.match(text, new RegExp(`\\b${name}\\b`));
    }
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  });
});
