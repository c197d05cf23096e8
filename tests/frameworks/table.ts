/** Declares a test per server, and keeps what each has shown. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, test } from "../harness.ts";
import { ownRuntime } from "../runtimes.ts";
import { showCell } from "./cell.ts";
import type { Row } from "./matrix.ts";
import { resultFile, RESULTS } from "./results.ts";

/** Declares the tests of these servers under the runner's own runtime. */
export function shows(rows: readonly Row[]): void {
  describe("unmodified, as a pool of two: reload, crash and end", () => {
    for (const row of rows) {
      const app = row.apps[ownRuntime];
      const refusal = typeof app === "string" ? false : app.refusal;
      test(row.name, { skip: refusal, timeout: 120_000 }, async () => {
        const file = resultFile(row.name, ownRuntime);
        rmSync(file, { force: true });
        const shown = await showCell(row, app as string);
        mkdirSync(RESULTS, { recursive: true });
        writeFileSync(file, JSON.stringify(shown));
      });
    }
  });
}
