/**
 * Judges a machine: which of its facts are in the way of a pool, and what mends
 * them. Looks at nothing itself.
 *
 * @module
 */

import { parseListener } from "../options/address.ts";
import type { ForbiddenFacts, MachineFacts, PoolPlan } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { kernelFindings } from "./kernel.ts";
import { limitFindings } from "./limits.ts";
import { processFindings } from "./process.ts";
import { runtimeFindings } from "./runtime.ts";

/** Every finding, the problems too, in the order of what depends on what. */
export function findingsOf(
  facts: MachineFacts | ForbiddenFacts,
  plan: PoolPlan,
): readonly Finding[] {
  if ("missing" in facts) {
    return [{
      verdict: "problem",
      subject: "permissions",
      text: `Deno does not allow a supervisor what each needs: ${
        facts.missing.join(", ")
      }`,
      mend: `deno run ${facts.missing.join(" ")} ..`,
    }];
  }
  const { learns, listeners } = plan.config;
  // Where the program will listen is its own affair.
  const known = learns
    ? [{ ...parseListener(":0"), name: "each listener" }]
    : listeners;
  return [
    ...runtimeFindings(facts, plan),
    ...kernelFindings(facts, plan, known),
    ...limitFindings(facts, plan),
    ...processFindings(facts, plan),
  ];
}
