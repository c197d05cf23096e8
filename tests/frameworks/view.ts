/** What a client has seen of a pool so far. */

import assert from "node:assert/strict";
import { type Command, until } from "../command.ts";
import type { LoadReport, RunningLoad } from "../strict_client.ts";

/** A growing view of the workers that answer. */
export interface View {
  /** Waits until each of these processes has answered. */
  untilAnswered(pids: readonly number[]): Promise<void>;
  /** Fails unless requests were made, and not one was lost or cut, up to now. */
  lossless(): Promise<void>;
}

/** The answer of every app, as text or in a page. */
const ANSWER = /Hello from (\d+)/;

/** How much of what was seen and written a failure shows. */
const REPORTS = 2;
const LINES = 30;

/** Follows a running load. */
export function viewOf(running: RunningLoad, command: Command): View {
  const reports: LoadReport[] = [];
  const pids = new Set<number>();
  const take = async (): Promise<void> => {
    const report = await running.take();
    reports.push(report);
    for (const body of Object.keys(report.bodies)) {
      const pid = ANSWER.exec(body)?.[1];
      if (pid !== undefined) pids.add(Number(pid));
    }
  };
  const told = (): string =>
    [
      `answered: ${[...pids].join(", ")}`,
      ...reports.slice(-REPORTS).map(({ bodies: _, ...report }) =>
        JSON.stringify(report)
      ),
      ...command.lines.slice(-LINES),
    ].join("\n");
  return {
    async untilAnswered(wanted) {
      try {
        await until(
          async () => {
            await take();
            return pids.isSupersetOf(new Set(wanted));
          },
          `answers from ${wanted.join(", ")}`,
        );
      } catch (cause) {
        throw new Error(`${cause}, but this:\n${told()}`, { cause });
      }
    },
    async lossless() {
      await take();
      const failed = reports.flatMap(({ failed }) => failed);
      const cut = reports.flatMap(({ cut }) => cut);
      assert.deepEqual({ failed, cut }, { failed: [], cut: [] }, told());
      const done = new Set(reports.flatMap(({ done }) => Object.keys(done)));
      assert.equal(done.size, 2, told());
    },
  };
}
