/**
 * Which share mode a listener gets, and why.
 *
 * @module
 */

import type { Capabilities, Refusal, ShareMode } from "../adapter.ts";
import type { Address } from "./address.ts";
import { formatAddress } from "./address.ts";
import { isMulticast } from "./dgram.ts";
import { PreforkError } from "../errors.ts";

/** Every share mode. */
export const SHARE_MODES: readonly ShareMode[] = [
  "balanced",
  "shared",
  "sharded",
  "reuseport",
  "handoff",
];

/** What `auto` tries, best first. */
const PREFERENCE: readonly ShareMode[] = [
  "balanced",
  "shared",
  "handoff",
  "reuseport",
];

/** True when workers inherit the sockets of a mode, and accept on them. */
export function isInherited(mode: ShareMode): boolean {
  return mode === "balanced" || mode === "shared" || mode === "sharded";
}

/** What `balanced` is where the kernel cannot be made to pick, and everywhere else. */
const ONE_QUEUE = "one queue for all workers, and the least loaded go first";

/** What it is where the kernel can. */
const STEERED =
  "balanced: the kernel picks the least loaded worker, and idle ones help who is held up";

/** Why programs that know nothing of prefork cannot be workers in a mode. */
const FOREIGN: Readonly<Record<Exclude<ShareMode, "shared">, string>> = {
  balanced: "a program in another language cannot say how loaded it is",
  sharded: "a program in another language cannot take over a dead one's shard",
  reuseport: "a program in another language would not bind the address",
  handoff: "a program in another language cannot receive a connection",
};

/** Why datagrams are shared: there is no load to be even but theirs. */
const FIRST_FREE =
  "datagrams have one queue for all workers, and who is free reads the next";

/** Why datagrams cannot be shared so. */
const NO_CONNECTION: Readonly<Partial<Record<ShareMode, string>>> = {
  handoff: "a datagram is no connection that could be passed on",
  reuseport:
    "what waits for a worker that leaves would be lost with its socket",
};

/** A mode and the reason for it, for one log line. */
export interface ShareChoice {
  /** The mode. */
  readonly mode: ShareMode;
  /** Why. */
  readonly reason: string;
}

/** What the choice depends on. */
export interface ShareQuestion {
  /** What was asked for. */
  readonly wanted: ShareMode | "auto";
  /** Where the listener is. */
  readonly address: Address;
  /** What the supervisor's runtime can do here. */
  readonly capabilities: Capabilities;
  /** True when some workers are commands, which start who knows what. */
  readonly foreign: boolean;
  /** True when those are no commands that lead to JavaScript. */
  readonly deaf: boolean;
  /** True for a socket that this process was started with. */
  readonly passed?: boolean;
  /**
   * True where the kernel can be made to pick among shards, and idle workers can help
   * who is held up; else why not, in a few words. Undefined where that is not
   * wanted, or not to be expected.
   */
  readonly steers?: true | string | undefined;
  /** How the supervisor before this one shares it, whose sockets are taken over. */
  readonly before?: ShareMode | undefined;
}

/**
 * Picks the share mode of a listener.
 *
 * @throws {PreforkError} `ERR_SHARE_MODE` when a mode was asked for that would
 * not work here, with the reason and what works instead
 */
export function chooseShareMode(question: ShareQuestion): ShareChoice {
  const { wanted, address } = question;
  if (address.kind === "udp" && (wanted === "auto" || wanted === "balanced")) {
    const refusal = refusalOf("shared", question);
    if (refusal === undefined) return { mode: "shared", reason: FIRST_FREE };
    throw refused("shared", question, refusal);
  }
  const shards = balancedShards(question);
  if (shards !== undefined) return shards;
  if (wanted !== "auto") {
    const refusal = refusalOf(wanted, question);
    if (refusal === undefined) {
      return { mode: wanted, reason: `as asked${whyOneQueue(question)}` };
    }
    throw refused(wanted, question, refusal);
  }
  const skipped: string[] = [];
  for (const mode of PREFERENCE) {
    const refusal = refusalOf(mode, question);
    if (refusal === undefined) {
      return {
        mode,
        reason: skipped.length > 0
          ? skipped.join("; ")
          : `${ONE_QUEUE}${whyOneQueue(question)}`,
      };
    }
    skipped.push(`not ${mode} because ${refusal.reason}`);
  }
  const first = PREFERENCE[0]!;
  throw refused(first, question, refusalOf(first, question)!);
}

/** True where `balanced` may be shards among which the kernel picks. */
function mayHaveShards(question: ShareQuestion): boolean {
  const { wanted, address, passed = false } = question;
  return (wanted === "auto" || wanted === "balanced") && !passed &&
    address.kind === "tcp" &&
    refusalOf("balanced", question) === undefined &&
    refusalOf("sharded", question) === undefined;
}

/**
 * `balanced` with a shard for each slot, where the kernel picks among them: the
 * sockets of a supervisor before this one stay what they are.
 */
function balancedShards(question: ShareQuestion): ShareChoice | undefined {
  if (!mayHaveShards(question)) return undefined;
  const { steers, before } = question;
  if (steers === true && before !== undefined && before !== "sharded") {
    return undefined;
  }
  if (steers === true) return { mode: "sharded", reason: STEERED };
  if (before !== "sharded") return undefined;
  const reason = `shards, as the supervisor before has them${
    because("not steered", steers)
  }`;
  return { mode: "sharded", reason };
}

/** Why it is one queue, where shards are to be expected. */
function whyOneQueue(question: ShareQuestion): string {
  if (!mayHaveShards(question)) return "";
  const { steers } = question;
  return because(
    "no steered shards",
    steers === true ? "the supervisor before has one queue" : steers,
  );
}

function because(what: string, why: string | undefined): string {
  return why === undefined ? "" : `; ${what}: ${why}`;
}

function refused(
  mode: ShareMode,
  question: ShareQuestion,
  refusal: Refusal,
): PreforkError {
  return new PreforkError(
    "ERR_SHARE_MODE",
    `Cannot share ${
      formatAddress(question.address)
    } in the mode "${mode}": ${refusal.reason}, use ${refusal.instead}`,
  );
}

function refusalOf(
  mode: ShareMode,
  { address, capabilities, foreign, deaf, passed = false }: ShareQuestion,
): Refusal | undefined {
  const capable = capabilities.share[mode];
  if (capable !== true) {
    return address.kind !== "udp" ? capable : {
      reason: capable.reason,
      // Modes that workers bind for themselves are none for datagrams.
      instead: capable.instead.replace(/, or the mode "reuseport"$/, ""),
    };
  }
  if (address.kind === "udp") {
    const reason = passed && mode === "sharded"
      ? "an inherited socket is one socket only"
      : NO_CONNECTION[mode] ??
        (mode === "sharded" && isMulticast(address.host)
          ? "every shard would get each datagram of a multicast group"
          : undefined);
    const instead = mode === "sharded"
      ? `"shared"`
      : `"shared" or "sharded", for this listener alone as in "${
        formatAddress(address)
      }?share=shared"`;
    if (reason !== undefined) return { reason, instead };
  }
  if (mode === "sharded" || mode === "reuseport") {
    if (address.kind === "unix") {
      return {
        reason: "SO_REUSEPORT spreads connections of TCP only",
        instead: `"balanced", "shared" or "handoff" for Unix sockets`,
      };
    }
    if (address.kind === "fd") {
      return {
        reason: "an inherited socket is one socket only",
        instead: `"balanced", "shared" or "handoff" for "fd:" addresses`,
      };
    }
  }
  if (deaf && mode !== "shared") {
    return { reason: FOREIGN[mode], instead: `"shared" for such programs` };
  }
  // In these a worker that does not speak to the pool would get nothing.
  if (foreign && mode !== "shared" && mode !== "balanced") {
    return {
      reason: "it is not certain that what a command starts speaks to the pool",
      instead: `"balanced" or "shared" for commands`,
    };
  }
  return undefined;
}
