/** Which connections a drain takes for idle. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "../harness.ts";
import {
  type IdleWatch,
  type Reading,
  watchIdle,
} from "../../worker/drain/idle.ts";

const IDLE = 300;
const SCAN = 20;

/** That of a request of so many bytes and without a body. */
const TEN: Reading = { readBefore: () => 10, readsBody: () => false };

/** A connection between two requests. */
function quietSocket(bytesRead = 10): { socket: Socket; ended(): boolean } {
  let ended = false;
  const socket = {
    _httpMessage: null,
    bytesRead,
    destroySoon: () => ended = true,
  };
  return { socket: socket as unknown as Socket, ended: () => ended };
}

/** Looks as a drain does, from one time until before another. */
function lookBetween(
  watch: IdleWatch,
  socket: Socket,
  from: number,
  to: number,
): void {
  for (let now = from; now < to; now += SCAN) watch.look(socket, now);
}

describe("an idle connection", () => {
  test("is closed after its time", () => {
    const { socket, ended } = quietSocket();
    const watch = watchIdle(IDLE, TEN);
    lookBetween(watch, socket, 0, IDLE);
    assert.equal(ended(), false);
    watch.look(socket, IDLE);
    assert.equal(ended(), true);
  });

  test("gets its whole time when the event loop stood still", () => {
    const { socket, ended } = quietSocket();
    const watch = watchIdle(IDLE, TEN);
    lookBetween(watch, socket, 0, 3 * SCAN);
    // Nothing was read in this second.
    const again = 1_000 + 2 * SCAN;
    lookBetween(watch, socket, again, again + IDLE - 2 * SCAN);
    assert.equal(ended(), false);
    watch.look(socket, again + IDLE - 2 * SCAN);
    assert.equal(ended(), true);
  });

  test("with half a head has until that has to be there", () => {
    const { socket, ended } = quietSocket(15);
    const watch = watchIdle(IDLE, TEN);
    for (let now = 0; now < 5 * IDLE; now += SCAN) {
      watch.look(socket, now, 5 * IDLE);
    }
    assert.equal(ended(), false);
    // Its rest may have come while the event loop stood still.
    watch.look(socket, 6 * IDLE, 5 * IDLE);
    assert.equal(ended(), false);
    watch.look(socket, 6 * IDLE + SCAN, 5 * IDLE);
    assert.equal(ended(), true);
  });

  test("that has its answer and still sends the body hears no other one", () => {
    const { socket, ended } = quietSocket(15);
    const watch = watchIdle(IDLE, { ...TEN, readsBody: () => true });
    const refuse = () => assert.fail("refused");
    for (let now = 0; now < 5 * IDLE; now += SCAN) {
      watch.look(socket, now, 5 * IDLE, refuse);
    }
    assert.equal(ended(), false);
    watch.look(socket, 5 * IDLE, 5 * IDLE, refuse);
    assert.equal(ended(), true);
  });
});
