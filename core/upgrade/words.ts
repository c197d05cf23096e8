/**
 * What the two supervisors of an upgrade say to each other, over the channel
 * that any child of a runtime can have.
 *
 * @module
 */

import { reasonOf } from "../protocol.ts";
import { HANDOVER_VERSION } from "../listeners/handover.ts";

/** The key that marks such a message; its value is the version. */
const TAG = "prefork-handover";

/** What is said. */
export type Word =
  /** The successor: every worker of mine is ready. */
  | { readonly type: "ready" }
  /** The successor: I give up, and why. */
  | { readonly type: "failed"; readonly reason: string }
  /**
   * The predecessor: all is yours, I drain and leave; or I stay without workers,
   * to go back to.
   */
  | { readonly type: "yours"; readonly kept?: boolean }
  /** The predecessor that has stayed: my workers serve again, or no more. */
  | { readonly type: "serving" | "resting" }
  /** The predecessor that stays: leave, the process `pid` has your place. */
  | { readonly type: "leave"; readonly pid: number }
  /** The successor of one that has stayed: I am to stop, and you with me. */
  | { readonly type: "stopping" };

/** Why the successor gives up. */
export function givenUp(error: unknown): Word {
  return { type: "failed", reason: reasonOf(error) };
}

/** Marks a word. */
export function say(word: Word): unknown {
  return { [TAG]: HANDOVER_VERSION, ...word };
}

/** Reads a word; undefined for anything else. Never throws. */
export function wordIn(message: unknown): Word | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const fields = message as Readonly<Record<string, unknown>>;
  if (fields[TAG] !== HANDOVER_VERSION) return undefined;
  const { type, reason, kept, pid } = fields;
  switch (type) {
    case "ready":
    case "serving":
    case "resting":
    case "stopping":
      return { type };
    case "yours":
      return { type, ...(kept === true && { kept }) };
    case "leave":
      return { type, pid: Number(pid) };
    case "failed":
      return { type, reason: typeof reason === "string" ? reason : "" };
    default:
      return undefined;
  }
}
