/**
 * What a worker does with each message of the supervisor.
 *
 * @module
 */

import { failed, parseToWorker } from "../core/protocol.ts";
import type { Core } from "./process/worker_core.ts";
import { type Drain, LATE_MS, type Leave } from "./drain/drain.ts";
import type { Handoff } from "./handoff/dispatcher.ts";
import type { Parking } from "./park.ts";
import type { Messages } from "./process/messages.ts";
import { hearReopen } from "./process/signals.ts";
import type { OnDemand } from "./listening/on_demand.ts";

/** What messages act upon. */
export interface Subjects {
  /** The state of the worker. */
  readonly core: Core;
  /** Its drain. */
  readonly drain: Drain;
  /** Its parking. */
  readonly parking: Parking;
  /** Its last words. */
  readonly leave: Leave;
  /** Has it accept as the worker of a slot. */
  readonly resume: (slot: number) => void;
  /** Takes connections that are handed over. */
  readonly handoff: Handoff;
  /** The program's own messages. */
  readonly messages: Messages;
  /** What it has asked to be opened. */
  readonly onDemand: OnDemand;
}

/** The listener of the channel. Noise is ignored: the supervisor is trusted. */
export function handleMessages(
  { core, drain, leave, parking, resume, handoff, messages, onDemand }:
    Subjects,
): (message: unknown, handle: unknown) => void {
  return (raw, handle) => {
    const parsed = parseToWorker(raw);
    const connection = parsed.kind === "ours" &&
      parsed.message.type === "connection";
    // The supervisor sends a connection only when all before it was read.
    if (!connection) {
      const asked = parsed.kind === "ours" && parsed.message.type === "wake";
      onDemand.heard(asked);
    }
    if (parsed.kind === "user") return messages.emit(parsed.message);
    if (parsed.kind === "noise") return;
    const message = parsed.message;
    switch (message.type) {
      case "drain":
        return drain.begin(
          message.ms,
          message.idle,
          "The supervisor asked the worker to leave",
          LATE_MS,
        );
      case "leave":
        return leave.answer();
      case "park":
        return core.standby
          ? undefined
          : parking.park(message.ms, message.idle);
      case "quiesce":
        return parking.quiesce();
      case "check":
        return answerCheck(core, message.path);
      case "resume":
        return resume(message.slot);
      case "connection":
        return handoff.receive(message.listener, handle, message.head);
      case "opened":
      case "refused":
        return onDemand.answer(message);
      case "reopen":
        return hearReopen();
      case "wake":
        // It was heard above, which is all that was asked.
        return;
      case "room":
        return core.passing?.room(message.id);
      case "adopt":
        if (parking.parked || drain.signal.aborted) return;
        return adoptShard(core, message.listener, message.shard);
      case "release":
        return core.attachments.get(message.listener)
          ?.release?.(message.shard);
    }
  };
}

/** Of several servers the one of the first listener is asked. */
function answerCheck(core: Core, path: string): void {
  const [first] = [...core.worker.listeners.keys(), ...core.probes.keys()]
    .flatMap((name) => core.probes.get(name) ?? []);
  void import("./health_check.ts")
    .then(({ check }) => check(path, first))
    .then(core.tell);
}

function adoptShard(
  core: Core,
  listener: string,
  shard: number,
): void {
  const attachment = core.attachments.get(listener);
  if (attachment?.adopt === undefined) return;
  attachment.adopt(shard).then(
    () => void core.tell({ type: "adopted", listener, shard }),
    (error: unknown) => void core.tell(failed(error)),
  );
}
