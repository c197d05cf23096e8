/**
 * Twenty reloads under load in the mode that a pool gets when nobody asks for
 * one, from a client that never retries.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LOCAL } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime, type Runtime } from "../runtimes.ts";
import { LINUX, reloads } from "./native_reloads.ts";

/** A server that is its runtime's own; Node has none. */
const NATIVE: Readonly<Record<Runtime, readonly [Runtime, string]>> = {
  node: ["bun", "plain/bun_serve.js"],
  bun: ["bun", "plain/bun_serve.js"],
  deno: ["deno", "plain/deno_serve.ts"],
};

const PROGRAMS = {
  "node:http on this runtime": [ownRuntime, "plain/http.mjs"],
  "a runtime's own server": NATIVE[ownRuntime],
} as const;

describe("twenty reloads under load, balanced, lose and cut nothing", () => {
  for (const [what, [runtime, program]] of Object.entries(PROGRAMS)) {
    for (const where of ["TCP", "a Unix socket"]) {
      test(`${what}, ${where}`, {
        skip: LINUX,
        timeout: 120_000,
      }, async () => {
        const directory = mkdtempSync(path.join(tmpdir(), "prefork-"));
        try {
          await reloads({
            runtime,
            program: [program],
            args: where === "TCP" ? LOCAL : ["-l", `unix:${directory}/s`],
            workers: 2,
            times: 20,
            share: "balanced",
          });
        } finally {
          rmSync(directory, { recursive: true });
        }
      });
    }
  }
});
