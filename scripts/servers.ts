/**
 * Whether docs/SERVERS.md says what the last run of the tests has shown.
 *
 *     node scripts/servers.ts [--update]
 */

import { parseArgs } from "node:util";
import { conclude } from "./lib/problems.ts";
import { checkServersPage } from "./lib/servers_page.ts";

const { values } = parseArgs({
  options: { update: { type: "boolean", default: false } },
});
conclude("servers", checkServersPage(values.update));
