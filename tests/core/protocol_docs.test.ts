/** `docs/PROTOCOL.md` against what the two sides really say. */
import assert from "node:assert/strict";
import { encodeRow } from "../../core/balance/scoreboard.ts";
import { ENV, PRELOAD_VARIABLE } from "../../core/launch/environment.ts";
import {
  FROM_WORKER,
  PROTOCOL_VERSION,
  TO_WORKER,
} from "../../core/protocol.ts";
import { describe, test } from "../harness.ts";
import { docsPage, rowsBelow } from "./docs_page.ts";
import { rowOf } from "./rows.ts";

const page = docsPage("PROTOCOL.md");

/** Names in backticks, with the "?" of what may be left out. */
function names(cell = ""): readonly string[] {
  return [...cell.matchAll(/`(\w+)`(\??)/g)].map(([, name, may]) =>
    `${name}${may}`
  ).sort();
}

const SIDES = {
  "### From the worker": FROM_WORKER,
  "### From the supervisor": TO_WORKER,
} as const;

describe("the page of the protocol", () => {
  for (const [heading, shapes] of Object.entries(SIDES)) {
    test(`has every message and no other: ${heading.slice(4)}`, () => {
      const written = rowsBelow(page, heading).map(([type, members]) =>
        [names(type).join(), names(members)] as const
      );
      const said = Object.entries(shapes).map(([type, shape]) =>
        [
          type,
          Object.entries(shape).map(([name, field]) =>
            field.endsWith("?") ? `${name}?` : name
          ).sort(),
        ] as const
      );
      assert.equal(new Set(written.map(([type]) => type)).size, written.length);
      assert.deepEqual(Object.fromEntries(written), Object.fromEntries(said));
    });
  }

  test("has no row outside of its table", () => {
    const tables = page.split("\n\n").filter((block) => /^\|/m.test(block));
    const torn = tables.filter((block) =>
      !/^\|.*\|\n\|[ |-]+\|(?:\n\|.*\|)+\n?$/.test(block)
    );
    assert.deepEqual(torn, []);
  });

  test("has the version and the variables", () => {
    assert.match(page, new RegExp(`^.*Version ${PROTOCOL_VERSION}\\.$`, "m"));
    const ours = rowsBelow(page, "## Environment").flatMap(([cell]) =>
      names(cell)
    )
      .filter((name) => name.startsWith("PREFORK_"));
    assert.deepEqual(
      ours.sort(),
      [...Object.values(ENV), PRELOAD_VARIABLE].sort(),
    );
  });

  test("has a line for each number of the scoreboard", () => {
    const full = encodeRow(rowOf({
      ...{ beat: 1, serving: true, takes: true, open: 1, busy: 1, ended: 1 },
      ...{ recent: 1, weight: 1, accepted: 1, passedOn: 1, takenOver: 1 },
      ...{ kept: 1, counts: true, requests: 1, lag: 1, moved: 1 },
    }));
    const used = [...new Float64Array(full.buffer).entries()]
      .flatMap(([i, number]) => number === 0 ? [] : [8 * i]);
    const at = rowsBelow(page, "## Scoreboard").map(([byte]) => Number(byte));
    assert.deepEqual(at, used);
  });
});
