/**
 * Asks the supervisor to open addresses that the pool does not hold.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { PreforkError } from "../../core/errors.ts";
import type { ToWorker } from "../../core/protocol.ts";
import type { Core } from "../process/worker_core.ts";
import { cannot } from "../process/errors.ts";
import { refChannel } from "../process/channel.ts";
import { askForPath, forgetPath, keepPath } from "../process/own_paths.ts";

/** What the supervisor answers. */
export type OpenAnswer = Extract<ToWorker, { type: "opened" | "refused" }>;

/** The questions that are under way. */
export interface OnDemand {
  /** See {@linkcode Core.open}. */
  readonly open: Core["open"];
  /** Takes an answer. */
  readonly answer: (answer: OpenAnswer) => void;
  /**
   * Counts a message that was no connection. In a pool that hands connections
   * over the supervisor has to hear of each; elsewhere it need not, until a
   * first address is opened, unless it asks.
   */
  readonly heard: (asked: boolean) => void;
}

/**
 * Makes the questioner.
 *
 * @param handsOff true in a pool that hands connections over from the start
 */
export function createOnDemand(
  tell: Core["tell"],
  handsOff: boolean,
): OnDemand {
  const asked = new Map<number, PromiseWithResolvers<InheritedListener>>();
  let telling = handsOff;
  let untold = 0;
  let nextId = 0;
  return {
    open(address, nth) {
      // The answer must find the process alive, whatever else it does.
      refChannel();
      const id = nextId++;
      const answer = Promise.withResolvers<InheritedListener>();
      asked.set(id, answer);
      askForPath(address);
      answer.promise.catch(() => forgetPath(address));
      telling = true;
      if (untold > 0) tell({ type: "heard", count: untold });
      untold = 0;
      if (!tell({ type: "open", id, address, nth })) {
        asked.delete(id);
        answer.reject(cannot(
          `listen on "${address}"`,
          "the supervisor is gone",
          "start the worker through the pool again",
        ));
      }
      return answer.promise;
    },
    answer(answer) {
      const question = asked.get(answer.id);
      asked.delete(answer.id);
      if (answer.type === "refused") {
        const { reason, code } = answer;
        const cause = Object.assign(new Error(reason), { code });
        question?.reject(new PreforkError("ERR_ATTACH", reason, cause));
      } else {
        const { name, address } = answer;
        keepPath(address);
        question?.resolve(openedListener(name, address));
      }
    },
    heard(asked) {
      untold++;
      if (!telling && !asked) return;
      tell({ type: "heard", count: untold });
      untold = 0;
    },
  };
}

/** An address that the supervisor opens: it hands the connections over. */
export function openedListener(
  name: string,
  address: string,
): InheritedListener {
  return {
    name,
    address,
    mode: "handoff",
    backlog: 1,
    ipv6Only: false,
    fds: [],
    shard: 0,
  };
}
