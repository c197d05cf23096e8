/**
 * The whole report: every table with a word about it.
 *
 * @module
 */

import { machine, peerVersions } from "./machine.ts";
import type { Options } from "./options.ts";
import type { Results } from "./results.ts";
import { table } from "./table.ts";
import { balanceTable, churnTable } from "./tables/balance.ts";
import { loadTable, supervisorTable } from "./tables/load.ts";
import { reloadsTable } from "./tables/reload_under_load.ts";
import { replacementsTable } from "./tables/replacements.ts";
import { verdicts } from "./targets.ts";

/** All tables as Markdown; those that nothing was measured for are left out. */
export function report(results: Results, options: Options): string {
  const { rounds, seconds, tailSeconds, unequalSeconds } = options;
  const withPeers = [...results.rows.values()].some(({ row }) =>
    row.rival !== undefined
  );
  const parts = [
    `# Results\n\n${machine()}${withPeers ? `\n${peerVersions()}` : ""}`,
    `Rows one after the other in each round; medians. A ratio is the median of the ratios within one round. The load: ${rounds.load} rounds of ${seconds} s per row and kind. The tail: ${rounds.tail} of ${tailSeconds} s at 250/s and ${
      2 * tailSeconds
    } s at 100/s. Unequal connections: ${rounds.unequal} of ${unequalSeconds} s. How to read it: README.md.`,
    section("Targets", "", targets(results)),
    section(
      "Load",
      "Requests/s, four workers on one CPU; `spread` is the busiest worker's requests to the laziest's; `us CPU` is what supervisor and workers together spend on a request, in microseconds.",
      loadTable(results),
    ),
    section(
      "Balance",
      "200 keep-alive connections over 8 workers, most : fewest, 5 ms apart and at once; ms of cheap requests on new connections while 6 % burn 60 ms of CPU, at two rates; ms of requests on 64 keep-alive connections that cost unequally.",
      balanceTable(results),
    ),
    section(
      "Churn",
      "A new connection per request. At 10,000/s: the supervisor's part of a core, and which part of the connections workers passed on; the latter also as fast as they go.",
      churnTable(results),
    ),
    section(
      "Reload",
      "All four workers are replaced while 16 loops ask on new connections and 16 on kept ones, and none asks twice: requests without an answer, connections that were closed without `Connection: close`, and those that were closed with it.",
      reloadsTable(results),
    ),
    section(
      "Supervisor",
      "Memory after the start with four workers; CPU per million requests.",
      supervisorTable(results),
    ),
    section(
      "Replacements",
      "Open files and memory of a supervisor while its workers are replaced.",
      replacementsTable(results),
    ),
    failures(results),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function section(title: string, about: string, content: string): string {
  if (content === "") return "";
  return [`## ${title}`, about, content].filter((each) => each !== "")
    .join("\n\n");
}

function targets(results: Results): string {
  const found = verdicts(results);
  if (found.length === 0) return "Nothing was measured that has a target.";
  return table(
    ["target", "measured", "verdict"],
    found.map(({ target, measured, met }) => [
      target,
      measured,
      met ? "met" : "NOT MET",
    ]),
  );
}

function failures(results: Results): string {
  const lines = [...results.rows.values()].flatMap(({ row, failures }) =>
    [...failures].map((failure) =>
      `- ${row.id}${
        row.by === undefined ? "" : ` (${row.by})`
      } failed: ${failure}`
    )
  );
  return section("Failures", "", lines.join("\n"));
}
