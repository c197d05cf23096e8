/** Where the tests leave what they have shown, for the table of servers. */

import { fileURLToPath } from "node:url";
import type { Runtime } from "../runtimes.ts";
import type { Way } from "./way.ts";

/** What one server has shown under one runtime. */
export interface Shown {
  /** How the workers shared the address. */
  readonly share: string;
  /** How they have come to its socket, where that can be seen. */
  readonly way: Way | undefined;
}

/** The directory of the results. */
export const RESULTS: string = fileURLToPath(
  new URL("../../.reports/servers", import.meta.url),
);

/** The file of one server under one runtime. */
export function resultFile(name: string, runtime: Runtime): string {
  return `${RESULTS}/${name.replaceAll(/\W+/g, "_")}.${runtime}.json`;
}
