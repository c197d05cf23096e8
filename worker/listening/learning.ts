/**
 * The start of a program that is to show where it listens
 * (`core/supervise/learning.ts`): the supervisor opens whatever it listens on,
 * and no connection ever comes from there.
 *
 * @module
 */

import {
  type InheritedListener,
  LEARNING,
} from "../../core/launch/environment.ts";
import type { Core } from "../process/worker_core.ts";
import { openedListener } from "./on_demand.ts";

/** True in such a start. */
export function isLearning({ worker }: Core): boolean {
  return worker.supervised && worker.generation === LEARNING;
}

/** What a server shows of an address before the supervisor has opened it. */
export function placeholder(address: string): InheritedListener {
  return openedListener(address, address);
}
