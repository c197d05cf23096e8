/**
 * What every adapter must do, whatever the runtime. `adapter.test.ts` runs it
 * on the runner's own; the children are of all three runtimes, so that the
 * three runs cover all nine pairs.
 */

import type { Adapter } from "../core/adapter.ts";
import { addBindTests } from "./conformance_bind.ts";
import { addChannelTests } from "./conformance_channel.ts";
import { addHandoffTests } from "./conformance_handoff.ts";
import { addOutputTests } from "./conformance_output.ts";
import { addHeadTests } from "./conformance_head.ts";
import { addPathTests } from "./conformance_path.ts";
import { addDgramTests } from "./conformance_dgram.ts";
import { addNotifyTests } from "./conformance_notify.ts";
import { addQueueTests } from "./conformance_queue.ts";
import { addReceiveTests } from "./conformance_receive.ts";
import { addShareFileTests } from "./conformance_share_file.ts";
import { addSpawnTests } from "./conformance_spawn.ts";
import { addTurnTests } from "./conformance_turn.ts";
import { describe } from "./harness.ts";

/** Adds the suite for an adapter. */
export function addConformance(adapter: Adapter): void {
  describe(`${adapter.runtime} adapter`, () => {
    describe("bind", () => addBindTests(adapter));
    describe("Unix paths", () => addPathTests(adapter));
    describe("queues", () => addQueueTests(adapter));
    describe("datagrams", () => addDgramTests(adapter));
    describe("words of programs", () => addNotifyTests(adapter));
    describe("spawn", () => addSpawnTests(adapter));
    describe("output", () => addOutputTests(adapter));
    describe("channel", () => addChannelTests(adapter));
    describe("turns", () => addTurnTests(adapter));
    describe("handoff", () => addHandoffTests(adapter));
    describe("connections from workers", () => addReceiveTests(adapter));
    describe("shared files", () => addShareFileTests(adapter));
    describe("first bytes", () => addHeadTests(adapter));
  });
}
