/** The order in which a parked worker finishes, without a server. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { createParking, type Parking } from "../../worker/park.ts";
import type { FromWorker } from "../../core/protocol.ts";
import { test } from "../harness.ts";

/** A worker with one server, whose connections end when they are told to. */
function scene(): {
  parking: Parking;
  told: FromWorker[];
  finishes: number[];
  end(): void;
} {
  const told: FromWorker[] = [];
  const finishes: number[] = [];
  let ended = Promise.withResolvers<void>();
  const parkable = {
    pause() {},
    finish(idle: number) {
      finishes.push(idle);
      return ended.promise;
    },
    resume() {
      ended.resolve();
      ended = Promise.withResolvers();
    },
  };
  const parking = createParking({
    attachments: new Set([{ parkable, drain: () => Promise.resolve() }]),
    draining: new AbortController().signal,
    tell: (message) => told.push(message) > 0,
    flush() {},
    balancer: undefined,
    passing: undefined,
  });
  return { parking, told, finishes, end: () => ended.resolve() };
}

/** So many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((r) => setImmediate(r));
}

test("what was accepted in the turn of parking is finished too, then it says so", async () => {
  const { parking, told, finishes, end } = scene();
  parking.park(60_000, 50);
  end();
  await turns(5);
  assert.deepEqual(finishes, [50, 50]);
  assert.deepEqual(told, [{ type: "parked" }]);
});

test("what is taken back before it has finished is not begun again", async () => {
  const { parking, told, finishes } = scene();
  parking.park(60_000, 50);
  parking.resume();
  await turns(5);
  assert.deepEqual(finishes, [50]);
  assert.deepEqual(told, [{ type: "ready" }]);
});
