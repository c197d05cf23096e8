/**
 * `npm run chaos -- --seed N --minutes M --runtime R --standby S --only DEED,..`:
 * what happens to a pool under load when everything happens to it, or these
 * deeds. Prints the seed, each deed as it goes on, and what was lost; ends with 1
 * when anything of it is unexplained.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { chaos, type Deed, DEEDS } from "../tests/chaos.ts";
import { type Runtime, RUNTIMES } from "../tests/runtimes.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    minutes: { type: "string", default: "1" },
    runtime: { type: "string", default: "node" },
    standby: { type: "string", default: "0" },
    only: { type: "string", default: DEEDS.join(",") },
  },
});
const runtime = RUNTIMES.find((name) => name === values.runtime);
const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
const standby = Number(values.standby);
const only = values.only.split(",");
if (
  runtime === undefined || !(minutes > 0) ||
  ![seed, standby].every(Number.isInteger) ||
  !only.every((deed) => (DEEDS as readonly string[]).includes(deed))
) {
  console.error(
    `usage: npm run chaos -- --seed N --minutes M --runtime ${
      RUNTIMES.join("|")
    } --standby S --only "${DEEDS.join(",")}"`,
  );
  process.exit(2);
}
console.log(`seed ${seed}, ${minutes} min, ${runtime}, ${standby} standby`);
const { done, explained, unexplained, schedule } = await chaos({
  seed,
  ms: minutes * 60_000,
  runtime: runtime as Runtime,
  standby,
  only: only as Deed[],
  tell: (line) => console.log(line),
});
console.log(
  `${schedule.length} deeds, ${done} requests answered, ${explained} lost with a killed worker, ${unexplained.length} unexplained`,
);
for (const line of unexplained) console.log(line);
process.exitCode = unexplained.length > 0 ? 1 : 0;
