/**
 * What a supervisor can do here, as data.
 *
 * @module
 */

import type { Capabilities, Refusal, ShareMode } from "../../core/adapter.ts";

/** What a share mode gets: it works, or why not. */
export type Shares = Readonly<Record<ShareMode, true | Refusal>>;

/** Everything works. */
export const ALL_SHARES: Shares = {
  balanced: true,
  shared: true,
  sharded: true,
  reuseport: true,
  handoff: true,
};

/** Nothing works on this system; WSL is a Linux (Windows only). */
const ELSEWHERE: Shares = refuseAll({
  reason: "prefork passes sockets on as Unix systems do",
  instead: "Linux, a container or WSL",
});

/** SO_REUSEPORT balances connections on Linux alone (socket(7)). */
export const LINUX_ONLY: Refusal = {
  reason: "this kernel does not spread connections over SO_REUSEPORT sockets",
  instead: `"shared"`,
};

/** Refuses all modes for one reason. */
export function refuseAll(refusal: Refusal): Shares {
  return {
    balanced: refusal,
    shared: refusal,
    sharded: refusal,
    reuseport: refusal,
    handoff: refusal,
  };
}

/** Picks what belongs to a platform, as `process.platform` names it. */
export function sharesOn(
  platform: string,
  known: Readonly<Record<string, Shares>>,
): Shares {
  return known[platform] ?? ELSEWHERE;
}

/** Puts capabilities together. */
export function capabilities(
  share: Shares,
  fdPlacement: boolean,
  receives: boolean,
): Capabilities {
  return { share, fdPlacement, receives };
}
