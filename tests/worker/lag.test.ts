/**
 * How late an event loop is, and that nothing turns in an idle worker to tell.
 *
 * Runs once, under bun: the same code measures on all three, and
 * `tests/pool/requests.test.ts` shows that each of them tells.
 */
import assert from "node:assert/strict";
import process from "node:process";
import type { FromWorker } from "../../core/protocol.ts";
import { measureLag } from "../../worker/process/lag.ts";
import { tellLoad } from "../../worker/process/load.ts";
import { countRequests } from "../../worker/process/request_count.ts";
import { until } from "../command.ts";
import { describe, test } from "../harness.ts";

describe("lag", () => {
  test("is what 99 of 100 timers were late by at most", () => {
    const lag = measureLag(100);
    assert.equal(lag.high, undefined);
    for (let late = 1; late <= 100; late++) lag.add(late / 2);
    assert.equal(lag.high, 49.5);
    // Early is not late.
    const early = measureLag(100);
    early.add(-3);
    assert.equal(early.high, 0);
  });

  test("of a loop that stood still counts who came meanwhile", () => {
    const lag = measureLag(100);
    for (let i = 0; i < 96; i++) lag.add(1);
    // One timer was late, and four more would have been due.
    lag.add(450);
    for (let i = 0; i < 10; i++) lag.add(1);
    assert.equal(lag.high, 350);
  });

  test("is forgotten after a minute, however long it was", () => {
    const lag = measureLag(100);
    lag.add(3_600_000);
    assert.equal(lag.high, 59_400);
    for (let i = 0; i < 600; i++) lag.add(1);
    assert.equal(lag.high, 1);
  });
});

describe("without a scoreboard", () => {
  test("a worker tells its requests, then has no timer until the next one", async () => {
    const said: FromWorker[] = [];
    const requests = countRequests(undefined, () => {});
    const say = tellLoad(requests, (message) => said.push(message));
    const begun = requests.counter();
    let asleep = false;
    const { atNext } = requests;
    Object.assign(requests, {
      atNext(call: () => void) {
        asleep = true;
        atNext(call);
      },
    });
    for (let round = 1; round <= 2; round++) {
      for (let i = 0; i < 5; i++) begun();
      asleep = false;
      await until(() => said.length === round, "it is told");
      await until(() => asleep, "it has nothing more to tell");
      const { type, requests, lag } = said.at(-1) as FromWorker & {
        type: "load";
      };
      assert.deepEqual([type, requests], ["load", 5 * round]);
      assert.ok(Number.isInteger(lag) && lag >= 0);
    }
    say();
    assert.equal(said.length, 2);
    begun();
    say();
    assert.equal(said.length, 3);
    // Of this process, not of a worker.
    process.removeListener("exit", say);
  });

  test("requests are limited with connections of unknown protocols", () => {
    const said: FromWorker[] = [];
    const requests = countRequests(3, (message) => said.push(message));
    assert.equal(requests.count, undefined);
    requests.connected!();
    const begun = requests.counter();
    assert.equal(requests.count, 0);
    begun();
    assert.deepEqual(said, []);
    begun();
    begun();
    assert.deepEqual(said, [{ type: "spent", count: 3 }]);
    assert.equal(requests.count, 3);
    assert.equal(countRequests(undefined, () => {}).connected, undefined);
  });
});
