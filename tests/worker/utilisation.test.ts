import assert from "node:assert/strict";
import process from "node:process";
import { measureUtilisation } from "../../worker/balance/utilisation.ts";
import { describe, test } from "../harness.ts";

describe("utilisation", () => {
  test("is more than nothing of a process that works, and a part of the time", async () => {
    // The event loop of Node measures from its first turn on.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const utilisation = measureUtilisation();
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user < user + 20_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const part = utilisation();
    assert.ok(part > 0 && part <= 1, String(part));
  });
});
