import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { Host } from "../../core/host.ts";
import {
  checkProcessPrefix,
  processPrefix,
} from "../../core/launch/process.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { ProcessOptions } from "../../core/options/process.ts";
import { describe, test } from "../harness.ts";
import { running } from "./world.ts";

/** CPUs 2, 4 and 5 are granted, 0 to 7 are there; commands are in /bin. */
const { host } = new MemoryWorld().adapter;

const checked = (options: ProcessOptions) =>
  checkOptions({ program: "app.js", ...options });
const words = (options: ProcessOptions, slot = 0, on: Host = host) =>
  processPrefix(checked(options), slot, on).join(" ");

describe("in front of the command of a worker", () => {
  test("there is nothing unless it is asked for", () => {
    assert.equal(words({}), "");
    assert.equal(words({ nice: 0 }), "");
  });

  test("each command takes its own and becomes the next one", () => {
    assert.equal(
      words({ umask: "27", nice: 5, cpuAffinity: "0" }),
      '/bin/sh -c umask 0027; exec "$@" sh /bin/nice -n 5 /bin/taskset -c 0',
    );
    assert.equal(words({ umask: 0 }), '/bin/sh -c umask 0000; exec "$@" sh');
  });

  test("a mask is a number or octal digits", () => {
    const masks = [0o027, "27", "027", "0027"];
    for (const umask of masks) assert.equal(checked({ umask }).umask, 23);
  });

  test("auto deals the granted CPUs out by slot, a list its entries", () => {
    const dealt = (cpuAffinity: string): string[] =>
      [0, 1, 2, 3].map((slot) => words({ cpuAffinity }, slot).slice(16));
    assert.deepEqual(dealt("auto"), ["2", "4", "5", "2"]);
    assert.deepEqual(dealt("0,4-7"), ["0", "4-7", "0", "4-7"]);
    assert.deepEqual(dealt("0-3"), ["0-3", "0-3", "0-3", "0-3"]);
  });

  test("the workers of a pool have it", async () => {
    const { world, pool } = await running({ cpuAffinity: "auto" });
    const commands = world.processes.map(({ plan }) => plan.command);
    assert.deepEqual(
      commands.map((command) => command.slice(0, 4).join(" ")),
      ["/bin/taskset -c 2 /bin/node", "/bin/taskset -c 4 /bin/node"],
    );
    void pool.stop({ quick: true });
  });
});

describe("what cannot be", () => {
  const without = (name: string): Host => ({
    ...host,
    which: (each) => each === name ? undefined : host.which(each),
  });
  for (
    const [name, options] of [
      ["sh", { umask: 0o27 }],
      ["nice", { nice: 1 }],
      ["taskset", { cpuAffinity: "auto" }],
    ] as const
  ) {
    test(`for want of ${name} has a way out`, () => {
      const [option = ""] = Object.keys(options);
      assert.throws(() => checkProcessPrefix(checked(options), without(name)), {
        code: "ERR_SPAWN",
        message: new RegExp(
          `^Cannot use "${option}": there is no "${name}" in PATH, .* or leave the option out$`,
        ),
      });
    });
  }

  test("a CPU that the machine does not have is named", () => {
    assert.throws(
      () => checkProcessPrefix(checked({ cpuAffinity: "0,6-9" }), host),
      {
        name: "RangeError",
        message: 'Cannot use CPU 8 for "cpuAffinity": this machine has 0-7',
      },
    );
    // Where it cannot be seen, the kernel decides.
    const blind: Host = { ...host, cpuList: () => undefined };
    checkProcessPrefix(checked({ cpuAffinity: "0,6-9" }), blind);
    assert.throws(() => words({ cpuAffinity: "auto" }, 0, blind), {
      code: "ERR_SPAWN",
      message: /^Cannot use "auto" for "cpuAffinity": it cannot be seen/,
    });
  });

  test("a worker without a slot has no CPU of one", () => {
    assert.throws(
      () => checkOptions({ program: "a.js", standby: 1, cpuAffinity: "auto" }),
      { message: /"cpuAffinity", leave that or "standby" out$/ },
    );
  });
});
