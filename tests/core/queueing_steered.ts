/** Shards that the kernel chooses among by the load table, in the model. */

import {
  clockUnits,
  loadIn,
  STEER_ROW_BYTES,
  steerTable,
} from "../../core/steer/table.ts";
import { createSteered } from "../../worker/balance/steered.ts";
import type { Connection } from "./queueing.ts";
import type { MakePlacement } from "./queueing_placements.ts";

/**
 * `sharded` with `--steer ebpf`: what core/steer/program.ts does when a SYN
 * arrives, and the worker's part as it is. A worker writes in each turn of its
 * event loop.
 */
export const steered: MakePlacement = ({ timeline, workers }) => {
  const table = steerTable(new ArrayBuffer(workers.length * STEER_ROW_BYTES));
  const queues = workers.map((): Connection[] => []);
  let turn = 0;
  for (const [slot, worker] of workers.entries()) {
    const own = createSteered({
      table,
      writer: slot + 1,
      slot: () => slot,
      queued: () => queues[slot]!.length,
      now: timeline.now,
    });
    table.set(slot, "owner", slot + 1);
    worker.source = () => {
      const { open: held, taken: came } = worker;
      own.write({ held, came, asked: undefined });
      return queues[slot]!.splice(0);
    };
  }
  const choose = (): number => {
    const now = clockUnits(timeline.now());
    for (const [slot, { idle, begun }] of workers.entries()) {
      table.set(slot, "begun", idle ? 0 : clockUnits(begun));
    }
    let best = 0;
    for (const slot of workers.keys()) {
      const less = loadIn(table, slot, now) - loadIn(table, best, now) ||
        table.get(slot, "turn") - table.get(best, "turn");
      if (less < 0) best = slot;
    }
    return best;
  };
  return {
    passed: 0,
    offer(connections) {
      for (const connection of connections) {
        const slot = choose();
        table.set(slot, "assigned", table.get(slot, "assigned") + 1);
        table.set(slot, "turn", ++turn);
        queues[slot]!.push(connection);
        workers[slot]!.wake();
      }
    },
  };
};
